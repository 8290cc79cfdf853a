package check

import (
	"fmt"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// serveNginx runs nginx in front of url with its defaults and the given
// directives, and returns its address.
func serveNginx(t *testing.T, url, directives string) string {
	t.Helper()
	dir, address := t.TempDir(), testkit.FreeAddress(t)
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; location / { proxy_pass %[3]s; %[4]s } }
}
`, dir, address, url, directives)
	runProxy(t, dir, address, conf, "nginx", "-p", dir, "-e", dir+"/error.log", "-c")
	return "http://" + address
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
