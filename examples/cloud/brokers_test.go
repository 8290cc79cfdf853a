package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
	return natsIn(t, t.TempDir(), natsserver.RANDOM_PORT).ClientURL()
}

// natsIn starts a server of NATS at a port, with what is in a directory, and with TLS if it
// is given certificates.
func natsIn(t testing.TB, dir string, port int, certificates ...tls.Certificate) *natsserver.Server {
	t.Helper()
	o := &natsserver.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true}
	if len(certificates) > 0 {
		o.TLSConfig = &tls.Config{Certificates: certificates}
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopNATS(s) })
	s.Start()
	if !s.ReadyForConnections(testkit.Patience) {
		t.Fatal("the server of NATS is not ready")
	}
	return s
}

func stopNATS(s *natsserver.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// startRedis starts a redis-server, until the end of the test, and returns its URL.
func startRedis(t testing.TB, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		absent.Skipf(t, "needs redis-server: apt-get install redis-server")
	}
	host, port, _ := net.SplitHostPort(testkit.FreeAddress(t))
	cmd := exec.Command(path, append([]string{"--bind", host, "--port", port, "--dir", t.TempDir(), "--appendonly", "yes", "--appendfsync", "always", "--save", ""}, args...)...)
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

// startTLSRedis is startRedis with TLS.
func startTLSRedis(t testing.TB) string {
	t.Helper()
	certificate, key := pemOf(t)
	dir := t.TempDir()
	for name, text := range map[string][]byte{"cert.pem": certificate, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	addr := testkit.FreeAddress(t)
	_, port, _ := net.SplitHostPort(addr)
	startRedis(t, "--tls-port", port, "--tls-cert-file", filepath.Join(dir, "cert.pem"), "--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-auth-clients", "no")
	return "rediss://" + addr + "/0"
}

// startTLSNATS is startNATS with TLS.
func startTLSNATS(t testing.TB) string {
	t.Helper()
	s := natsIn(t, t.TempDir(), natsserver.RANDOM_PORT, testkit.Certificate(t))
	return "tls://" + s.Addr().String()
}

// pemOf returns the certificate of the brokers, and its key.
func pemOf(t testing.TB) (certificate, key []byte) {
	t.Helper()
	c := testkit.Certificate(t)
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
