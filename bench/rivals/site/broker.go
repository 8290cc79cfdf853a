package site

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/rivals/build"
)

// startBroker starts the broker, and returns what -backplane is to be.
func (s *Site) startBroker(ctx context.Context, c *Config) (url string, err error) {
	data := filepath.Join(s.dir, "broker")
	switch c.Broker {
	case "none":
		return "", nil
	case "embedded":
		return "embedded:" + data, nil
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
	b, err := launch.Command(ctx, args, nil)
	if err != nil {
		return "", err
	}
	s.others = append(s.others, b)
	return strings.Replace(b.URL(), "http", c.Broker, 1), nil
}

// nats is the command of a NATS server.
func (s *Site) nats(ctx context.Context, c *Config, data string) ([]string, error) {
	const server = "github.com/nats-io/nats-server/v2"
	program, err := build.Program(ctx, filepath.Join(c.Source, "server", "backplane", "nats"), server, s.dir, "nats-server")
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
	return "", fmt.Errorf("start %s: it is neither in PATH nor in /usr/sbin; install it", name)
}
