package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// compose is what the test needs to know of compose.yaml.
type compose struct {
	Services map[string]struct {
		Image           string
		Command         []string
		Volumes, Ports  []string
		Build           struct{ Context, Dockerfile string }
		DependsOn       []string `yaml:"depends_on"`
		Networks        map[string]struct{ Aliases []string }
		StopGracePeriod string `yaml:"stop_grace_period"`
	}
	Volumes map[string]any
}

func readCompose(t *testing.T) (c compose) {
	t.Helper()
	text, err := os.ReadFile("compose.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatalf("compose.yaml: %v", err)
	}
	return c
}

// What compose.yaml names is there, and its flags are the program's.
func TestComposeFile(t *testing.T) {
	c := readCompose(t)
	for _, name := range []string{"cloud-1", "cloud-2"} {
		s := c.Services[name]
		if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f, err := parse(s.Command, io.Discard)
		if err != nil || f.addr != ":8080" || f.backplane != "nats://nats:4222" || f.grace.String() != "20s" || f.limits.ForwardedHops != 1 {
			t.Errorf("%s: the command is read as %+v, %v", name, f, err)
		}
		if !slices.Equal(s.Networks["default"].Aliases, []string{"cloud"}) || s.StopGracePeriod != "30s" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	nginx, nats := c.Services["nginx"], c.Services["nats"]
	if !slices.Equal(nginx.Volumes, []string{"./nginx.conf:/etc/nginx/nginx.conf:ro"}) || !slices.Equal(nginx.Ports, []string{"8000:8000"}) {
		t.Errorf("nginx: %+v", nginx)
	}
	if _, there := c.Volumes["nats"]; !there || !slices.Equal(nats.Volumes, []string{"nats:/data"}) || !slices.Equal(nats.Command, []string{"-js", "-sd", "/data"}) {
		t.Errorf("nats: %+v", nats)
	}
}

// names is a DNS server as Docker has one: the addresses of what runs, for each name.
type names struct {
	addr string

	mu      sync.Mutex // guards running
	running map[[4]byte]bool
}

func startNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	n := &names{addr: conn.LocalAddr().String(), running: map[[4]byte]bool{}}
	go func() {
		ask := make([]byte, 512)
		for {
			size, from, err := conn.ReadFrom(ask)
			if err != nil {
				return
			}
			if answer, err := n.answer(ask[:size]); err == nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
	return n
}

func (n *names) answer(ask []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(ask); err != nil {
		return nil, err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	n.mu.Lock()
	defer n.mu.Unlock()
	for addr := range n.running {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.AResource{A: addr},
		})
	}
	if len(n.running) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}

func (n *names) set(addr [4]byte, runs bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if runs {
		n.running[addr] = true
	} else {
		delete(n.running, addr)
	}
}

// startNginx starts nginx with nginx.conf, until the end of the test, and returns its URL.
// Only ports and folders are others.
func startNginx(t *testing.T, resolver, cloudPort string) string {
	t.Helper()
	path := "/usr/sbin/nginx"
	if found, err := exec.LookPath("nginx"); err == nil {
		path = found
	} else if _, err := os.Stat(path); err != nil {
		absent.Skipf(t, "needs nginx: apt-get install nginx")
	}
	text, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := t.TempDir(), testkit.FreeAddress(t)
	config := string(text)
	folders := "\nhttp {\n\taccess_log off;"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		folders += fmt.Sprintf(" %s_temp_path %s/%[1]s;", kind, dir)
	}
	for _, pair := range [][2]string{
		{"listen 8000;", "listen " + addr + ";"}, {"127.0.0.11", resolver}, {"http://cloud:8080", "http://cloud:" + cloudPort}, {"\nhttp {", folders},
	} {
		if strings.Count(config, pair[0]) != 1 {
			t.Fatalf("nginx.conf has %q %d times", pair[0], strings.Count(config, pair[0]))
		}
		config = strings.Replace(config, pair[0], pair[1], 1)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &testkit.Log{}
	cmd := exec.Command(path, "-p", dir, "-c", file, "-e", dir+"/error.log", "-g", "daemon off; master_process off; pid "+dir+"/pid;")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if errors, _ := os.ReadFile(dir + "/error.log"); t.Failed() {
			t.Logf("nginx said %s\n%s", log, errors[max(0, len(errors)-4000):])
		}
	})
	testkit.Eventually(t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return "http://" + addr
}

// Two instances behind nginx.conf are replaced one after the other, as compose does it (the
// old one is ended first), and killed: nobody misses a number, or gets one twice.
func TestComposeReplacesInstances(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and its servers are processes of their own; go test without -short runs it")
	}
	t.Parallel()
	exe, broker, dns := build(t, forContainer), startNATS(t), startNames(t)
	_, port, _ := net.SplitHostPort(testkit.FreeAddress(t))
	command := slices.Clone(readCompose(t).Services["cloud-1"].Command)
	for i, arg := range command {
		if arg == "nats://nats:4222" {
			command[i] = broker
		}
	}
	addresses := [][4]byte{{127, 0, 0, 2}, {127, 0, 0, 3}}
	startOne := func(a [4]byte) *program {
		args := append(slices.Clone(command), "-addr", fmt.Sprintf("%d.%d.%d.%d:%s", a[0], a[1], a[2], a[3], port))
		p := start(t, exe, []string{"TOKEN=secret"}, args...)
		dns.set(a, true)
		return p
	}
	instances := []*program{startOne(addresses[0]), startOne(addresses[1])}
	l := newLedger(t, startNginx(t, dns.addr, port), 20)
	l.more(30)
	for i := range 6 {
		at := i % 2
		if i < 4 {
			if err := instances[at].exit(); err != nil {
				t.Errorf("SIGTERM: %v\n%s", err, instances[at].log)
			}
		} else {
			instances[at].kill()
		}
		l.more(30) // while one is away: nginx may still know its address
		dns.set(addresses[at], false)
		instances[at] = startOne(addresses[at])
		l.more(30)
	}
	l.check()
}

// While no instance runs, an EventSource is told to come back.
func TestComposeWithoutInstances(t *testing.T) {
	t.Parallel()
	dns := startNames(t)
	url := startNginx(t, dns.addr, "8080")
	req, err := http.NewRequest("GET", url+"/events?topic=a", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Accept": "text/event-stream", "Cache-Control": "no-cache", "User-Agent": "reader"} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.HasPrefix(string(body), ":\nretry: ") {
		t.Errorf("%s %q, %v; want a reconnection time", res.Status, body, err)
	}
}
