package check

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/absent"
)

// serveNginx runs nginx in front of url with its defaults and the given
// directives, and returns its address.
func serveNginx(t *testing.T, url, directives string) string {
	t.Helper()
	nginx := findNginx(t)
	dir, address := t.TempDir(), freeAddress(t)
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; location / { proxy_pass %[3]s; %[4]s } }
}
`, dir, address, url, directives)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	var says strings.Builder
	cmd.Stderr = &says
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed"
	})
	awaitListener(t, address, &says)
	return "http://" + address
}

func findNginx(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	absent.Skipf(t, "needs nginx: apt-get install nginx")
	return ""
}

// freeAddress is one that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

func awaitListener(t *testing.T, address string, says fmt.Stringer) {
	t.Helper()
	for range 200 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nginx does not listen at %s: %s", address, says)
}

func TestNginxWithDefaultsPasses(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveNginx(t, hub, "")
	r := look(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", PublishURL: way + "/publish?topic=a"})
	if r.Counts[Fail]+r.Counts[Warn] > 0 {
		t.Errorf("%v", r.Counts)
	}
	expect(t, r, "delivery/gzip", OK)
	expect(t, r, "between/headers", OK, "server:", "nginx", "x-accel-buffering")
	alone := look(t, Config{URL: way + "/events?topic=a"})
	expect(t, alone, "answer/x-accel-buffering", Skipped, "nginx", "-direct")
}

func TestNginxThatCompressesIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveNginx(t, hub, "gzip on; gzip_types text/event-stream; proxy_ignore_headers X-Accel-Buffering; proxy_http_version 1.1;")
	r := look(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", PublishURL: hub + "/publish?topic=a"})
	expect(t, r, "delivery/delivery", OK)
	expect(t, r, "delivery/gzip", Fail, "a proxy buffers", "nothing of 5 published events", "gzip", "X-Accel-Buffering")
	expect(t, r, "between/gzip", Fail, "the proxy BUFFERS with gzip accepted", "no-transform")
	quick := look(t, Config{URL: way + "/events?topic=a"})
	expect(t, quick, "delivery/gzip", Fail, "no byte arrived with gzip accepted")
}

// If nginx speaks HTTP/1.0 with a server, it holds everything back, even the head, until
// a buffer is full.
func TestNginxThatBuffersIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveNginx(t, hub, "proxy_ignore_headers X-Accel-Buffering;")
	r := look(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", PublishURL: hub + "/publish?topic=a"})
	expect(t, r, "answer/status", Fail, "BUFFERED by a proxy")
	expect(t, r, "between/opening", Fail, "the proxy BUFFERS")
	alone := look(t, Config{URL: way + "/events?topic=a", PublishURL: hub + "/publish?topic=a"})
	expect(t, alone, "answer/status", Fail, "a proxy buffers")
}

// An idle limit of nginx cuts a stream that is silent for longer.
func TestNginxThatCutsIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveNginx(t, hub, "proxy_read_timeout 2s;")
	r := look(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", For: 5 * time.Second})
	expect(t, r, "life/lifetime", Fail, "cut after 2", "without the body's last chunk")
	expect(t, r, "between/lifetime", Fail, "the proxy ends the stream")
}
