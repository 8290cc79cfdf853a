package proxies

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// setup is a proxy, a configuration of it, and a protocol: a row of docs/proxies.md.
type setup struct {
	name    string
	program program
	http2   bool
	gzip    bool     // its clients accept gzip
	change  []string // pairs: what the configuration says, and what is there instead
	bad     bool     // docs/proxies.md says not to do this
	holds   bool     // it is bad because it holds everything back
	long    bool     // only in the long run
}

var setups = []setup{
	{name: "nginx, `proxy_pass` alone", program: bareNginx(""), gzip: true},
	{name: "nginx.conf", program: nginx},
	{name: "nginx.conf, TLS and HTTP/2", program: nginx, http2: true},
	{name: "nginx.conf, with `keepalive 32`", program: nginx, change: []string{"# server 127.0.0.1:8081 max_fails=0;", "keepalive 32;"}},
	{name: "nginx.conf, with `gzip on` for all types", program: nginx, gzip: true, change: []string{"proxy_cache off;", "proxy_cache off; gzip on; gzip_types *;"}},
	{name: "nginx, `proxy_pass` alone, X-Accel-Buffering ignored", program: bareNginx("proxy_ignore_headers X-Accel-Buffering;"), bad: true, holds: true},
	{name: "haproxy.cfg", program: haproxy},
	{name: "haproxy.cfg, TLS and HTTP/2", program: haproxy, http2: true},
	{name: "haproxy.cfg, without `http-no-delay`", program: haproxy, bad: true, change: []string{"\toption http-no-delay", "\t#"}},
	{name: "Caddyfile", program: caddy, gzip: true},
	{name: "Caddyfile, TLS and HTTP/2", program: caddy, http2: true},
	{name: "Caddyfile, `encode` for text/event-stream", program: caddy, gzip: true, bad: true, change: encoded},
	{name: "Caddyfile", program: newCaddy, gzip: true, long: true},
	{name: "Caddyfile, TLS and HTTP/2", program: newCaddy, http2: true, long: true},
	{name: "Caddyfile, `encode` for text/event-stream", program: newCaddy, gzip: true, long: true, change: encoded},
	{name: "varnish.vcl", program: varnish},
	{name: "varnish.vcl, `pipe` for `pass`", program: varnish, change: []string{"return (pass);", "return (pipe);"}},
	{name: "varnish.vcl, `do_gzip`", program: varnish, gzip: true, bad: true, holds: true, change: []string{
		"# Never set beresp.do_gzip", "sub vcl_backend_response { set beresp.do_gzip = true; }\n# Never set beresp.do_gzip"}},
	{name: "apache.conf", program: apache},
	{name: "apache.conf, TLS and HTTP/2", program: apache, http2: true},
}

// encoded is a Caddyfile that compresses event streams.
var encoded = []string{"\n(app) {\n", "\n(app) {\nencode gzip {\nmatch {\nheader Content-Type text/event-stream*\n}\n}\n"}

// bareNginx is nginx with next to nothing configured.
func bareNginx(setting string) program {
	bare := nginx
	bare.text = `
events {}

http {
	server {
		listen 8000;
		listen 8443 ssl http2;
		ssl_certificate site.pem;
		ssl_certificate_key site.pem;
		location / {
			proxy_pass http://127.0.0.1:8080;
			` + setting + `
		}
	}
}
`
	return bare
}

// newCaddy is a Caddy that is newer than Debian's, if there is one.
var newCaddy = func() program {
	p := caddy
	p.path = []string{os.Getenv("CADDY")}
	return p
}()

// version is what the program says of itself: the first number with a dot in it. A Caddy
// that was built by go install says nothing, but the go command knows.
func (p program) version(t *testing.T) string {
	t.Helper()
	number := regexp.MustCompile(`v?(\d+\.\d+(\.\d+)?)`)
	ask := map[string][]string{"nginx": {"-v"}, "haproxy": {"-v"}, "caddy": {"version"}, "varnish": {"-V"}, "apache2": {"-v"}}[p.name]
	path := p.find(t)
	said, err := exec.Command(path, ask...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", path, ask, err, said)
	}
	if m := number.FindSubmatch(said); m != nil {
		return string(m[1])
	}
	said, err = exec.Command("go", "version", "-m", path).Output()
	if err != nil {
		t.Fatalf("go version -m %s: %v", path, err)
	}
	m := regexp.MustCompile(`mod\s+\S+\s+v(\S+)`).FindSubmatch(said)
	if m == nil {
		t.Fatalf("%s does not say its version", path)
	}
	return string(m[1])
}

// protocol is what clients of the setup speak.
func (s setup) protocol() string {
	if s.http2 {
		return "HTTP/2.0"
	}
	return "HTTP/1.1"
}

// line is the way from a client to the server: direct, or through a proxy.
func (s setup) line(up proxy) line {
	if s.http2 {
		return line{url: up.http2, gzip: s.gzip}
	}
	return line{url: up.http1, gzip: s.gzip}
}
