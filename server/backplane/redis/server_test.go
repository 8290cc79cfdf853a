package redis

import (
	"context"
	"net"
	"os/exec"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// server is a redis-server of the test's own, which it can end and start again.
type server struct {
	path, dir, port string
	args            []string
	log             testkit.Log
	running         *exec.Cmd
	ended           chan struct{} // closed when running has ended
}

// start starts a Redis that keeps what it is told in an append-only file, even if it is
// killed, until the end of the test. args are settings that replace others.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		absent.Skipf(t, "needs redis-server: apt-get install redis-server")
	}
	s := &server{path: path, dir: t.TempDir(), port: freePort(t), args: args}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("redis-server said:\n%s", &s.log)
		}
	})
	s.run(t)
	return s
}

// run starts the process, and waits until it answers.
func (s *server) run(t testing.TB) {
	t.Helper()
	args := append([]string{"--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always"}, s.args...)
	s.running, s.ended = exec.Command(s.path, args...), make(chan struct{})
	s.running.Stdout, s.running.Stderr = &s.log, &s.log
	if err := s.running.Start(); err != nil {
		t.Fatalf("start %s: %v", s.path, err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // "signal: killed"
		close(ended)
	}(s.running, s.ended)
	raw := s.raw(t)
	testkit.Eventually(t, "redis-server answers: "+s.log.String(), func() bool {
		err := raw.Ping(t.Context()).Err()
		return err == nil || redis.IsAuthError(err)
	})
}

// kill ends the process as kill -9 does, and waits until it has ended.
func (s *server) kill() {
	_ = s.running.Process.Kill()
	<-s.ended
}

func (s *server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.running.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (s *server) url() string { return "redis://127.0.0.1:" + s.port }

// stream is the key of the feed that open opens.
const stream = "fastsse:{scores}"

// open opens the feed "scores", until the end of the test.
func (s *server) open(t testing.TB) *Backplane {
	t.Helper()
	return s.openWith(t, Options{})
}

func (s *server) openWith(t testing.TB, o Options) *Backplane {
	t.Helper()
	if o.URL == "" {
		o.URL = s.url()
	}
	o.Feed = "scores"
	b, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// raw is a client that does to the server what an operator does.
func (s *server) raw(t testing.TB) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + s.port})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// do sends a command, which must succeed.
func (s *server) do(t testing.TB, command ...any) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + s.port})
	defer func() { _ = c.Close() }()
	if err := c.Do(context.Background(), command...).Err(); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
}

// freePort is a port where nobody listens.
func freePort(t testing.TB) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(testkit.FreeAddress(t))
	return port
}
