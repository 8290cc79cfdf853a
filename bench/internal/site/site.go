package site

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/fastsse/fastsse/bench/internal/launch"
)

// Config says what a site consists of.
type Config struct {
	Broker    string // one of Brokers
	Proxy     string // one of Proxies
	Instances int    // that run at a time; zero means one
	Spare     int    // more instances that the proxy's list has room for
	Source    string // root of the project's source: see launch.Source

	// Output takes what the processes say; nil: errors have the last of it.
	Output io.Writer
}

// Site is a running site. Its methods may be called by several goroutines at once.
type Site struct {
	Instances []*launch.Server // those that New has started

	url     string
	token   string
	dir     string
	command []string // that starts an instance
	output  io.Writer
	others  []*launch.Server // the proxy, then the broker

	mu    sync.Mutex // guards slots
	slots []*slot
}

// slot is a line of the proxy's list.
type slot struct {
	port   int
	server *launch.Server // the last; nil: none yet
	taken  bool           // one is being started
}

// New builds the programs, starts the broker, the instances and the proxy, and returns when
// all take connections. Everything is ended when ctx is done.
func New(ctx context.Context, c Config) (*Site, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-site-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the site: %w", err)
	}
	s := &Site{dir: dir, token: rand.Text(), output: c.Output}
	if err := s.start(ctx, &c); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (c *Config) check() error {
	switch {
	case !slices.Contains(Brokers, c.Broker):
		return fmt.Errorf("start a site: broker %q is not known; give one of %v", c.Broker, Brokers)
	case !slices.Contains(Proxies, c.Proxy):
		return fmt.Errorf("start a site: proxy %q is not known; give one of %v", c.Proxy, Proxies)
	case c.Proxy == "none" && max(c.Instances, 1)+c.Spare > 1:
		return errors.New("start a site: without a proxy clients reach one instance; leave out Spare, and give 1 for Instances")
	case c.Broker == "embedded" && max(c.Instances, 1)+c.Spare > 1:
		return errors.New("start a site: an embedded broker is one instance's alone; leave out Spare, and give 1 for Instances")
	}
	return nil
}

func (s *Site) start(ctx context.Context, c *Config) error {
	cloud, err := launch.BuildPackage(ctx, filepath.Join(c.Source, "examples"), "./cloud", s.dir, "cloud")
	if err != nil {
		return err
	}
	url, err := s.startBroker(ctx, c)
	if err != nil {
		return err
	}
	s.command = []string{cloud, "-platform", "none", "-addr", "127.0.0.1:{{.Port}}", "-token", s.token}
	if url != "" {
		s.command = append(s.command, "-backplane", url)
	}
	for range max(c.Instances, 1) + c.Spare {
		port, err := s.freePort()
		if err != nil {
			return err
		}
		s.slots = append(s.slots, &slot{port: port})
	}
	for range max(c.Instances, 1) {
		i, err := s.Start(ctx)
		if err != nil {
			return err
		}
		s.Instances = append(s.Instances, i)
	}
	s.url = s.Instances[0].URL()
	if c.Proxy != "none" {
		return s.startProxy(ctx, c)
	}
	return nil
}

// Start starts one more instance, at a port of the proxy's list where none runs, and returns
// when it takes connections: it has then read what the broker has.
func (s *Site) Start(ctx context.Context) (*launch.Server, error) {
	free, err := s.take()
	if err != nil {
		return nil, err
	}
	i, err := launch.CommandAt(ctx, s.command, free.port, s.output)
	s.mu.Lock()
	defer s.mu.Unlock()
	free.taken = false
	if err == nil {
		free.server = i
	}
	return i, err
}

// take returns a slot in which no instance runs.
func (s *Site) take() (*slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.slots {
		if !one.taken && !one.runs() {
			one.taken = true
			return one, nil
		}
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

// URL is where clients reach the site: "http://HOST:PORT", without a slash.
func (s *Site) URL() string { return s.url }

// Token is what publishers need, as a bearer token.
func (s *Site) Token() string { return s.token }

// Close ends all processes, the instances first, and removes their files.
func (s *Site) Close() {
	s.mu.Lock()
	slots := slices.Clone(s.slots)
	s.mu.Unlock()
	var ending sync.WaitGroup
	for _, one := range slots {
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

// freePort is a port where nobody listens, and which the kernel gives to nobody while it is
// free: those of outgoing connections begin higher.
func (s *Site) freePort() (int, error) {
	var b [2]byte
	for range 100 {
		_, _ = rand.Read(b[:]) // never fails
		port := 10000 + (int(b[0])<<8|int(b[1]))%20000
		if slices.ContainsFunc(s.slots, func(l *slot) bool { return l.port == port }) {
			continue
		}
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, ln.Close()
		}
	}
	return 0, errors.New("find a free port: 100 tries between 10000 and 30000 found none; end other programs that listen")
}
