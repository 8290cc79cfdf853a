package nats

import (
	"context"
	"fmt"
	"os"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// mostOfEntry is how large a message may be, headers included, at an embedded server.
const mostOfEntry = 8 << 20

// start runs a server that listens nowhere.
func (e *Embedded) start(ctx context.Context) (*natsserver.Server, error) {
	if err := os.MkdirAll(e.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("nats: make Options.Embedded.Dir: %w", err)
	}
	server, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "fastsse",
		DontListen: true,
		JetStream:  true,
		StoreDir:   e.Dir,
		SyncAlways: e.SyncAlways,
		MaxPayload: mostOfEntry,
		NoSigs:     true,
		NoLog:      true,
	})
	if err != nil {
		return nil, fmt.Errorf("nats: make the embedded server in %s: %w", e.Dir, err)
	}
	server.Start()
	for !server.ReadyForConnections(100*time.Millisecond) || !server.JetStreamEnabled() {
		if ctx.Err() != nil || !server.Running() {
			stop(server)
			return nil, fmt.Errorf("nats: start the embedded server in %s: it is not ready; is the directory writable, and the disk not full?", e.Dir)
		}
	}
	return server, nil
}

func stop(server *natsserver.Server) {
	server.Shutdown()
	server.WaitForShutdown()
}
