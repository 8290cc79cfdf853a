package load

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Streams spread over all addresses of a host, and those that nobody listens at cost nothing.
func TestStreamsSpreadOverAddresses(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		var at [2]atomic.Int32
		answer := func(i int) script {
			return func(c *net.TCPConn, _ *http.Request, _ int) {
				at[i].Add(1)
				fmt.Fprint(c, head)
				_ = hold(c)
			}
		}
		url := serveAt(t, "127.0.0.2:0", answer(0))
		port := url[strings.LastIndex(url, ":"):strings.LastIndex(url, "/")]
		serveAt(t, "127.0.0.3"+port, answer(1))
		hosts(t, map[string][]string{"three.test": {"127.0.0.2", "127.0.0.3", "127.0.0.4"}})
		r.URL = "http://three.test" + port + "/events"
		opened(t, r, 30, Client{})
		if a, b := at[0].Load(), at[1].Load(); a+b != 30 || a < 10 || b < 10 {
			t.Errorf("%d and %d streams; want 30, 10 at each address at least", a, b)
		}
	})
}

// A server that listens at [::1] alone is found as localhost.
func TestStreamsFallBackToIPv6(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		hosts(t, map[string][]string{"local.test": {"127.0.0.1", "::1"}})
		url := serveAt(t, "[::1]:0", func(c *net.TCPConn, _ *http.Request, _ int) {
			fmt.Fprint(c, head)
			_ = hold(c)
		})
		r.URL = strings.Replace(url, "[::1]", "local.test", 1)
		s := opened(t, r, 5, Client{})
		if got := total(s); got.Opened != 5 || got.Failed != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// Streams and publishers by way of a Unix socket.
func TestUnixSockets(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		published := make(chan string, 1)
		web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" {
				published <- r.RequestURI
				return
			}
			if r.Host != "localhost" || r.RequestURI != "/events?a" {
				t.Errorf("asked %s for %s", r.Host, r.RequestURI)
			}
			streaming(w, r)(event(1))
			<-r.Context().Done()
		})}
		go func() { _ = web.Serve(l) }()
		t.Cleanup(func() { _ = web.Close() })
		r.Unix, r.URL = SplitUnix("unix:" + path + ":/events?a")
		opened(t, r, 500, Client{}) // more than a backlog
		if err := publisher(t, Publishing{URL: "http://localhost/p", Unix: path}).Now(t.Context(), 1); err != nil || <-published != "/p" {
			t.Errorf("publish: %v", err)
		}
		_ = web.Close()
		s := swarm(t, r)
		s.Open(t.Context(), 1, 0, Client{})
		if err := s.AwaitOpen(t.Context(), 10*time.Second); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("nobody listens: the error is %v", err)
		}
	})
}

// A server that wants to know its clients gets their certificate.
func TestClientCertificates(t *testing.T) {
	cert, key := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	var clients atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 1 && r.TLS.PeerCertificates[0].Subject.CommonName == "127.0.0.1" {
			clients.Add(1)
		}
		if r.Method == "GET" {
			streaming(w, r)("")
			<-r.Context().Done()
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, Certificates: []tls.Certificate{pair}}
	s.StartTLS()
	t.Cleanup(s.Close)
	c, err := TLSConfig(cert, key, cert, false)
	if err != nil {
		t.Fatal(err)
	}
	opened(t, Request{URL: s.URL, TLS: c}, 1, Client{})
	if err := publisher(t, Publishing{URL: s.URL, TLS: c}).Now(t.Context(), 1); err != nil || clients.Load() != 2 {
		t.Errorf("%v, %d clients are known, want 2", err, clients.Load())
	}
	for _, files := range [][3]string{{"", key, ""}, {cert, "none", ""}, {"", "", "none"}, {"", "", key}} {
		if _, err := TLSConfig(files[0], files[1], files[2], false); err == nil {
			t.Errorf("%q: no error", files)
		}
	}
}

// certificate makes a certificate for 127.0.0.1 that is its own authority, and returns files
// with it and its key.
func certificate(t *testing.T) (cert, key string) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	about := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &about, &about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert", "CERTIFICATE", der), write("key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private))
}
