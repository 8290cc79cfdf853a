package proxies

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// program is a proxy that is started with a configuration of this folder.
type program struct {
	name   string
	debian string   // its package, if that has another name
	path   []string // the first of them that there is
	file   string
	text   string // of the configuration; if empty, that of file in this folder
	ports  string // how file says at which ports it listens: %s is the port
	http1  string // the port that is in the file
	http2  string // empty if the program has no HTTP/2
	args   func(dir, file, http1 string) []string
}

var programs = []program{nginx, haproxy, caddy, varnish, apache}

var nginx = program{
	name: "nginx", path: []string{"nginx", "/usr/sbin/nginx"}, file: "nginx.conf", ports: "listen %s", http1: "8000", http2: "8443",
	args: func(dir, file, _ string) []string {
		return []string{"-p", dir, "-c", file, "-e", dir + "/error.log", "-g", "daemon off; master_process off; pid " + dir + "/pid;"}
	},
}

var haproxy = program{
	name: "haproxy", path: []string{"haproxy", "/usr/sbin/haproxy"}, file: "haproxy.cfg", ports: "bind :%s", http1: "8000", http2: "8443",
	args: func(_, file, _ string) []string { return []string{"-f", file} },
}

var caddy = program{
	name: "caddy", path: []string{"caddy"}, file: "Caddyfile", ports: "://:%s", http1: "8000", http2: "8443",
	args: func(_, file, _ string) []string { return []string{"run", "--config", file, "--adapter", "caddyfile"} },
}

var varnish = program{
	name: "varnish", path: []string{"varnishd", "/usr/sbin/varnishd"}, file: "varnish.vcl",
	args: func(dir, file, http1 string) []string {
		return []string{"-F", "-j", "none", "-a", "127.0.0.1:" + http1, "-f", file, "-n", filepath.Join(dir, "work"), "-s", "malloc,16m"}
	},
}

var apache = program{
	name: "apache2", debian: "apache2-bin", path: []string{"apache2", "/usr/sbin/apache2"}, file: "apache.conf", ports: "Define %s", http1: "HTTP 8000", http2: "HTTPS 8443",
	args: func(dir, file, _ string) []string { return []string{"-d", dir, "-f", file, "-D", "FOREGROUND"} },
}

// proxy is a running program.
type proxy struct {
	name  string
	http1 string // its URL, without a slash at its end
	http2 string // empty if it has none

	ports   []string
	process *process
}

// start starts p in front of the server at origin, until the end of the test. instead
// are pairs: what the configuration says, and what it is to say.
func (p program) start(t *testing.T, origin string, instead ...string) proxy {
	t.Helper()
	path := p.find(t)
	dir := t.TempDir()
	http1, http2 := freePort(t), freePort(t)
	file := filepath.Join(dir, p.file)
	config := substitute(t, p.file, p.config(t), append(p.places(t, dir, origin, http1, http2), instead...))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &testkit.Log{}
	up := proxy{name: p.name, http1: "http://127.0.0.1:" + http1, ports: []string{http1}}
	if p.http2 != "" {
		up.http2 = "https://127.0.0.1:" + http2
		up.ports = append(up.ports, http2)
	}
	up.process = &process{path: path, args: p.args(dir, file, http1), dir: dir, log: log, leaves: p.name == "apache2" || p.name == "varnish"}
	t.Cleanup(func() { up.process.end(t) })
	up.begin(t)
	return up
}

// begin starts the program and waits until it listens.
func (up proxy) begin(t *testing.T) {
	t.Helper()
	up.process.start(t)
	for _, port := range up.ports {
		await(t, up.name, port, up.process.log)
	}
}

// find returns the program's path; it skips the test if there is none.
func (p program) find(t *testing.T) string {
	t.Helper()
	path := p.installed()
	if path == "" {
		absent.Skipf(t, "needs %s: apt-get install %s", p.name, cmp.Or(p.debian, p.name))
	}
	return path
}

// installed returns the program's path, or nothing.
func (p program) installed() string {
	for _, name := range p.path {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// places is what differs from machine to machine: ports and the certificate. For nginx
// also where it keeps files, which is compiled into it, and is root's.
func (p program) places(t *testing.T, dir, origin, http1, http2 string) []string {
	t.Helper()
	host, port, _ := net.SplitHostPort(origin)
	switch p.name {
	case "varnish":
		return []string{`.host = "127.0.0.1"`, `.host = "` + host + `"`, `.port = "8080"`, `.port = "` + port + `"`}
	case "nginx":
		return append(p.common(t, dir, origin, http1, http2), "\nhttp {", "\nhttp {\naccess_log off;"+temporary(dir))
	case "apache2":
		return append(p.common(t, dir, origin, "HTTP "+http1, "HTTPS "+http2), `"later.lua"`, `"`+later(t, dir)+`"`)
	}
	return p.common(t, dir, origin, http1, http2)
}

func (p program) common(t *testing.T, dir, origin, http1, http2 string) []string {
	t.Helper()
	return []string{
		fmt.Sprintf(p.ports, p.http1), fmt.Sprintf(p.ports, http1),
		fmt.Sprintf(p.ports, p.http2), fmt.Sprintf(p.ports, http2),
		"127.0.0.1:8080", origin,
		"site.pem", certificate(t, dir),
	}
}

// temporary is the folders of nginx, below dir.
func temporary(dir string) string {
	var b strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, " %s_temp_path %s/%[1]s;", kind, dir)
	}
	return b.String()
}

// later copies later.lua into dir, where the processes that serve for Apache may read it
// although root has started it.
func later(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile("later.lua")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "later.lua")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // made for root alone by t.TempDir
		t.Fatal(err)
	}
	return file
}

// config is the text of the configuration.
func (p program) config(t *testing.T) string {
	t.Helper()
	if p.text != "" {
		return p.text
	}
	text, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// substitute returns the text of a file with the second of each pair in place of the
// first. The first must be there.
func substitute(t *testing.T, file, text string, pairs []string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s: no %q in it, which was to become %q", file, pairs[i], pairs[i+1])
		}
	}
	return strings.NewReplacer(pairs...).Replace(text) // in one go: no port is replaced twice
}

// certificate writes a file with a key and its certificate into dir.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	c := testkit.Certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})...)
	file := filepath.Join(dir, "site.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// await waits until something listens at the port.
func await(t *testing.T, name, port string, log *testkit.Log) {
	t.Helper()
	up := testkit.Soon(testkit.Patience, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	if !up {
		t.Fatalf("%s does not listen at port %s; it said:\n%s", name, port, log)
	}
}

// freePort is a port where nobody listens.
func freePort(t testing.TB) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(testkit.FreeAddress(t))
	return port
}
