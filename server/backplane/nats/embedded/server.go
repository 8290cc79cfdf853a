package embedded

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Server is a server in this process that keeps what it is given in a directory. nats.Open
// starts it, and Backplane.Close stops it. Its methods are called by one goroutine at a time,
// except InProcessConn. It may be started again after Stop.
type Server struct {
	Dir string // where the stream is kept; it is made if it is missing. Required.

	// SyncAlways has each entry written to the disk itself before Append returns. It costs
	// some milliseconds per entry, as the disk is.
	SyncAlways bool

	// Logger is told of the server's errors, such as those of a full disk, and when Start
	// waits for another process to leave Dir. Nil means the standard library's default logger.
	Logger interface {
		Printf(format string, args ...any)
	}

	// Failed is called, once per Start and on a goroutine of its own, when the server can store
	// nothing until it is started again: the disk was full, say. Logger has been told. A
	// program that ends then, with an error, is started again by its platform. Failed may not
	// call Stop: end the hub first. Nil means that Logger alone is told.
	Failed func(err error)

	lock    *os.File // nil: not started
	running *natsserver.Server
}

const (
	mostOfEntry = 8 << 20 // how large a message may be, headers included
	lockEvery   = 20 * time.Millisecond
)

// Start locks the directory, and runs the server, until Stop. ctx is for the time that this
// takes.
func (s *Server) Start(ctx context.Context) error {
	if s.Dir == "" {
		return errors.New("nats: start the embedded server: Dir is empty; name the directory that keeps the stream")
	}
	if s.lock != nil {
		return fmt.Errorf("nats: start %v: it runs already; Stop ends it", s)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("nats: start %v: make its directory: %w", s, err)
	}
	lock, err := s.lockDir(ctx)
	if err != nil {
		return err
	}
	server, err := s.run(ctx)
	if err != nil {
		lock.Close()
		return err
	}
	s.lock, s.running = lock, server
	return nil
}

// lockDir waits until no other process has the directory. Closing the file, or the end of
// the process, gives it up.
func (s *Server) lockDir(ctx context.Context) (*os.File, error) {
	path := filepath.Join(s.Dir, "lock")
	for said := false; ; {
		f, err := tryLock(path)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, errLocked):
			return nil, fmt.Errorf("nats: start %v: lock %s: %w", s, path, err)
		}
		if !said {
			said = true
			s.logf("nats: %s is locked: another process uses the directory; waiting until it has ended", path)
		}
		select {
		case <-time.After(lockEvery):
		case <-ctx.Done():
			return nil, fmt.Errorf("nats: start %v: %s is still locked: another process uses the directory; end it first, or give this one a directory of its own: %w", s, path, context.Cause(ctx))
		}
	}
}

// run starts a server that listens nowhere, and waits until it is ready.
func (s *Server) run(ctx context.Context) (*natsserver.Server, error) {
	server, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "fastsse",
		DontListen: true,
		JetStream:  true,
		StoreDir:   s.Dir,
		SyncAlways: s.SyncAlways,
		MaxPayload: mostOfEntry,
		NoSigs:     true,
		NoLog:      true,
	})
	if err != nil {
		return nil, fmt.Errorf("nats: start %v: %w", s, err)
	}
	why := &messages{server: s}
	server.SetLogger(why, false, false)
	server.Start()
	for !server.ReadyForConnections(100*time.Millisecond) || !server.JetStreamEnabled() {
		text := why.fatal.Load()
		if text == nil && ctx.Err() == nil && server.Running() {
			continue
		}
		stop(server)
		if text == nil {
			return nil, fmt.Errorf("nats: start %v: it is not ready: %w", s, context.Cause(ctx))
		}
		return nil, fmt.Errorf("nats: start %v: %s; is the directory writable, and the disk not full?", s, *text)
	}
	return server, nil
}

// Stop ends the server, and gives up the directory.
func (s *Server) Stop() {
	if s.lock == nil {
		return
	}
	stop(s.running)
	s.lock.Close()
	s.lock, s.running = nil, nil
}

func stop(server *natsserver.Server) {
	server.Shutdown()
	server.WaitForShutdown()
}

// InProcessConn connects to the server, which runs.
func (s *Server) InProcessConn() (net.Conn, error) { return s.running.InProcessConn() }

// String names the server in messages.
func (s *Server) String() string { return "the embedded server in " + s.Dir }

func (s *Server) logf(format string, args ...any) {
	if s.Logger == nil {
		log.Printf(format, args...)
		return
	}
	s.Logger.Printf(format, args...)
}
