package soak_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	goredis "github.com/redis/go-redis/v9"
)

// These make this test binary another program: a NATS server with the configuration file that
// the one names, or a hub with the settings that the other holds.
const (
	natsVariable = "FASTSSE_SOAK_NATS"
	hubVariable  = "FASTSSE_SOAK_HUB"
)

func TestMain(m *testing.M) {
	goredis.SetLogger(quiet{}) // it logs each failed connection
	var err error
	switch {
	case os.Getenv(natsVariable) != "":
		err = serveNATS(os.Getenv(natsVariable))
	case os.Getenv(hubVariable) != "":
		err = serveChild(os.Getenv(hubVariable))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// quiet is a logger of go-redis.
type quiet struct{}

// Printf drops what it is told.
func (quiet) Printf(context.Context, string, ...any) {}

func serveNATS(path string) error {
	options, err := natsserver.ProcessConfigFile(path)
	if err != nil {
		return err
	}
	server, err := natsserver.NewServer(options)
	if err != nil {
		return err
	}
	server.ConfigureLogger()
	go exitWithParent()
	server.Start()
	server.WaitForShutdown()
	return nil
}

// exitWithParent ends this process when the test that has started it is no more.
func exitWithParent() {
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(3)
}
