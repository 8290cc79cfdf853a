package site

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/fastsse/fastsse/bench/internal/launch"
)

// Brokers are what instances may share: a NATS server with JetStream, built as
// server/backplane/nats requires it; the Redis of this machine, with its append-only file, synced always;
// none, so that each hub is alone; or NATS in the one instance itself, with a file store.
var Brokers = []string{"nats", "redis", "none", "embedded"}

// startBroker starts the broker, and returns what -backplane is to be.
func (s *Site) startBroker(ctx context.Context, c *Config) (url string, err error) {
	data := filepath.Join(s.dir, "broker")
	switch c.Broker {
	case "none":
		return "", nil
	case "embedded":
		return "embedded:" + data, nil
	}
	port, err := s.freePort()
	if err != nil {
		return "", err
	}
	var args []string
	if c.Broker == "nats" {
		args, err = s.nats(ctx, c, data)
	} else {
		args, err = redis(s.dir)
	}
	if err != nil {
		return "", err
	}
	b, err := launch.CommandAt(ctx, args, port, s.output)
	if err != nil {
		return "", err
	}
	s.others = append(s.others, b)
	return c.Broker + "://127.0.0.1:" + strconv.Itoa(port), nil
}

// nats is the command of a NATS server.
func (s *Site) nats(ctx context.Context, c *Config, data string) ([]string, error) {
	const server = "github.com/nats-io/nats-server/v2"
	program, err := launch.BuildPackage(ctx, filepath.Join(c.Source, "server", "backplane", "nats"), server, s.dir, "nats-server")
	return []string{program, "-js", "-sd", data, "-a", "127.0.0.1", "-p", "{{.Port}}"}, err
}

// redis is the command of a Redis server.
func redis(dir string) ([]string, error) {
	program, err := find("redis-server")
	return []string{program, "--bind", "127.0.0.1", "--port", "{{.Port}}", "--dir", dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no"}, err
}

// find returns the path of a program of this machine.
func find(name string) (string, error) {
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("start %s: %w: it is neither in PATH nor in /usr/sbin", name, launch.ErrNotInstalled)
}
