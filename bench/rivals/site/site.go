// Package site starts everything that a deployed server of event streams consists of, on
// this machine: a broker, instances of examples/cloud that share it as a backplane, and a
// proxy in front of them, with its configuration of examples/proxies. All are child processes
// on free ports of 127.0.0.1, which end with the site.
package site

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/rivals/build"
)

// Config says what a site consists of.
type Config struct {
	// Broker is what the instances share: "nats", a NATS server with JetStream, built as
	// server/backplane/nats requires it; "redis", that of this machine, with its append-only
	// file, synced always; "none", so that each hub is alone; or "embedded", NATS in the one
	// instance itself, with a file store.
	Broker    string
	Proxy     string // nginx, haproxy, or none: clients reach the one instance itself
	Instances int    // that run at a time
	Spare     int    // more instances that the proxy's list has room for
	Source    string // root of the project's source: see build.Source
}

// Site is a running site.
type Site struct {
	Instances []*launch.Server // those that New has started
	URL       string           // where clients reach the site: "http://HOST:PORT", without a slash
	Token     string           // what publishers need, as a bearer token

	dir     string
	command []string         // that starts an instance
	others  []*launch.Server // the proxy, then the broker
	slots   []slot
}

// slot is a line of the proxy's list.
type slot struct {
	port   int
	server *launch.Server // the last; nil: none yet
}

// New builds the programs, starts the broker, the instances and the proxy, and returns when
// all take connections. Everything is ended when ctx is done.
func New(ctx context.Context, c Config) (*Site, error) {
	dir, err := os.MkdirTemp("", "bench-site-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the site: %w", err)
	}
	s := &Site{dir: dir, Token: rand.Text()}
	if err := s.start(ctx, &c); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Site) start(ctx context.Context, c *Config) error {
	cloud, err := build.Program(ctx, filepath.Join(c.Source, "examples"), "./cloud", s.dir, "cloud")
	if err != nil {
		return err
	}
	url, err := s.startBroker(ctx, c)
	if err != nil {
		return err
	}
	s.command = []string{cloud, "-platform", "none", "-addr", "127.0.0.1:{{.Port}}", "-token", s.Token}
	if url != "" {
		s.command = append(s.command, "-backplane", url)
	}
	ports, err := launch.FreePorts(2 + c.Instances + c.Spare)
	if err != nil {
		return err
	}
	for _, port := range ports[2:] {
		s.slots = append(s.slots, slot{port: port})
	}
	for range c.Instances {
		i, err := s.Start(ctx)
		if err != nil {
			return err
		}
		s.Instances = append(s.Instances, i)
	}
	s.URL = s.Instances[0].URL()
	if c.Proxy != "none" {
		return s.startProxy(ctx, c, ports[0], ports[1])
	}
	return nil
}

// Start starts one more instance, at a port of the proxy's list where none runs, and returns
// when it takes connections: it has then read what the broker has. One call at a time.
func (s *Site) Start(ctx context.Context) (i *launch.Server, err error) {
	for n := range s.slots {
		if s.slots[n].runs() {
			continue
		}
		if i, err = launch.CommandAt(ctx, s.command, s.slots[n].port, nil); err == nil {
			s.slots[n].server = i
		}
		return i, err
	}
	return nil, fmt.Errorf("start an instance: all %d ports of the proxy's list are taken; end one first, or give the site a Spare", len(s.slots))
}

func (l *slot) runs() bool {
	if l.server == nil {
		return false
	}
	select {
	case <-l.server.Done():
		return false
	default:
		return true
	}
}

// Close ends all processes, the instances first, and removes their files.
func (s *Site) Close() {
	var ending sync.WaitGroup
	for _, one := range s.slots {
		if one.server != nil {
			ending.Go(one.server.Stop)
		}
	}
	ending.Wait()
	for _, other := range s.others {
		other.Stop()
	}
	_ = os.RemoveAll(s.dir)
}
