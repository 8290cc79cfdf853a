package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// startNATS starts a server of NATS in this process, until the end of the test, and returns
// its URL.
func startNATS(t testing.TB) string {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	s.Start()
	if !s.ReadyForConnections(testkit.Patience) {
		t.Fatal("the server of NATS is not ready")
	}
	return s.ClientURL()
}

// startRedis starts a redis-server, until the end of the test, and returns its URL.
func startRedis(t testing.TB, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		absent.Skipf(t, "needs redis-server: apt-get install redis-server")
	}
	host, port, _ := net.SplitHostPort(freeAddress(t))
	cmd := exec.Command(path, append([]string{"--bind", host, "--port", port, "--dir", t.TempDir(), "--appendonly", "yes", "--save", ""}, args...)...)
	log := &testkit.Log{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if !testkit.Soon(testkit.Patience, func() bool {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	}) {
		t.Fatalf("redis-server does not listen; it said:\n%s", log)
	}
	return fmt.Sprintf("redis://%s:%s/0", host, port)
}

// freeAddress is an address of this machine where nobody listens, nor will by chance: the
// kernel gives out other ports.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		c, err := net.Dial("tcp", addr)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return addr
		}
		if err == nil {
			c.Close()
		}
	}
	t.Fatal("no free port found between 10000 and 30000 in 100 tries")
	return ""
}
