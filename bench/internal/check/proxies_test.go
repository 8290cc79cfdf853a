package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// runProxy runs a program of Debian until the end of the test. Its last argument is
// the file that conf is written to.
func runProxy(t *testing.T, dir, address, conf, program string, args ...string) {
	t.Helper()
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, findProgram(t, program), append(args, file)...)
	says := &testkit.Log{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, says, says
	cmd.Env = append(os.Environ(), "HOME="+dir) // where Caddy would write
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = testkit.Patience
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // "signal: terminated"
	})
	if !testkit.Soon(testkit.Patience, func() bool { return listens(address) }) {
		t.Fatalf("%s does not listen at %s: %s", program, address, says)
	}
}

func listens(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

func findProgram(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(path); err == nil {
			return path
		}
	}
	absent.Skipf(t, "needs %s: apt-get install %[1]s", name)
	return ""
}

func serveHAProxy(t *testing.T, url, option string) string {
	t.Helper()
	dir, address := t.TempDir(), testkit.FreeAddress(t)
	runProxy(t, dir, address, fmt.Sprintf(`defaults
	mode http
	timeout connect 5s
	timeout client 50s
	timeout server 50s
	%s
listen sse
	bind %s
	server s %s
`, option, address, host(url)), "haproxy", "-f")
	return "http://" + address
}

// HAProxy holds each event for about 210 ms, which is no buffer to turn off.
func TestHAProxyThatWaitsIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveHAProxy(t, hub, "")
	r := lookFor(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", PublishURL: way + "/publish?topic=a"}, "delivery", "delay", Warn)
	expect(t, r, "delivery/delivery", OK)
	expect(t, r, "delivery/delay", Warn, "option http-no-delay in HAProxy")
	expect(t, r, "between/delivery", Warn, "the proxy adds", "option http-no-delay in HAProxy")
	expect(t, r, "between/gzip", OK, "uncompressed")
	if r.Counts[Fail] > 0 {
		t.Errorf("%v", r.Counts)
	}
}

func TestHAProxyWithNoDelayPasses(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveHAProxy(t, hub, "option http-no-delay")
	r := look(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", PublishURL: way + "/publish?topic=a"})
	if r.Counts[Fail]+r.Counts[Warn] > 0 {
		t.Errorf("%v", r.Counts)
	}
}

// Caddy 2.6 holds what it compresses, and compresses what begins with 512 bytes or
// more: no stream that begins empty, and many a one that is resumed.
func serveCaddy(t *testing.T, url string) string {
	t.Helper()
	dir, address := t.TempDir(), testkit.FreeAddress(t)
	runProxy(t, dir, address, fmt.Sprintf(`{
	admin off
	auto_https off
}
http://%s {
	encode {
		gzip
		match header Content-Type text/event-stream*
	}
	reverse_proxy %s
}
`, address, host(url)), "caddy", "run", "--adapter", "caddyfile", "--config")
	return "http://" + address
}

func TestCaddyThatCompressesIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveCaddy(t, hub)
	r := lookFor(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", PublishURL: way + "/publish?topic=a"}, "resume", "gzip", Fail)
	expect(t, r, "delivery/gzip", OK)
	expect(t, r, "resume/gzip", Fail, "compressed", "Caddy")
}

// lookFor looks until the verdict is v, and none is worse, three times at most: what proxies
// hold depends on how busy the machine is.
func lookFor(t *testing.T, c Config, section, check string, v Verdict) *Report {
	t.Helper()
	for range 2 {
		r := look(t, c)
		if f, _ := finding(r, section, check); f.Verdict == v && (v == Fail || r.Counts[Fail] == 0) {
			return r
		}
	}
	return look(t, c)
}

func host(url string) string { return url[len("http://"):] }

// serveApache runs Apache in front of url, with HTTP/2 over TLS.
func serveApache(t *testing.T, url string) string {
	t.Helper()
	dir, address := t.TempDir(), testkit.FreeAddress(t)
	writeCertificate(t, filepath.Join(dir, "site.pem"))
	var modules strings.Builder
	for _, name := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "socache_shmcb", "ssl", "http2"} {
		fmt.Fprintf(&modules, "LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", name)
	}
	runProxy(t, dir, address, fmt.Sprintf(`%sServerName localhost
DefaultRuntimeDir .
PidFile pid
ErrorLog /dev/stderr
User www-data
Group www-data
Listen %s
SSLEngine on
SSLCertificateFile site.pem
Protocols h2 http/1.1
ProxyPass / %s/
`, &modules, address, url), "apache2", "-D", "FOREGROUND", "-d", dir, "-f")
	return "https://" + address
}

// writeCertificate writes the certificate of httptest, with its key.
func writeCertificate(t *testing.T, file string) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	pair := srv.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestApacheThatCarriesFewStreamsIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveApache(t, hub)
	r := look(t, Config{URL: way + "/events?topic=a", TLS: &tls.Config{InsecureSkipVerify: true}, PublishURL: hub + "/publish?topic=a"})
	expect(t, r, "protocol/http-2", Fail, "of 8 streams on one connection 6 opened", "Apache")
	if r.Counts[Fail] > 1 {
		t.Errorf("%v", r.Counts)
	}
}

// Varnish keeps a 204 for two minutes unless it is told not to.
func TestCacheThatKeepsRefusalsIsNamed(t *testing.T) {
	t.Parallel()
	for kept, want := range map[string]Verdict{"": Fail, "Cache-Control: no-store\r\n": OK} {
		origin := serveWire(t, func(c net.Conn, r *http.Request) {
			if r.URL.RawQuery == "" {
				write(c, "HTTP/1.1 204 No Content\r\n"+kept+"\r\n")
				return
			}
			wireFault{body: opening}.serve(c, r)
		})
		dir, address := t.TempDir(), testkit.FreeAddress(t)
		backend, port, _ := net.SplitHostPort(strings.TrimSuffix(host(origin), "/events"))
		runProxy(t, dir, address, fmt.Sprintf("vcl 4.1;\nbackend b { .host = %q; .port = %q; }\n", backend, port),
			"varnishd", "-F", "-j", "none", "-a", address, "-n", filepath.Join(dir, "work"), "-s", "malloc,16m", "-f")
		r := look(t, Config{URL: "http://" + address + "/events?topic=a", For: 2500 * time.Millisecond})
		expect(t, r, "answer/cached", want, "204 No Content to a request without query")
	}
}
