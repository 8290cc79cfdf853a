package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/testkit"
)

// program is a run of the program, in a process of its own.
type program struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
	log *testkit.Log
}

// forContainer are the build tags that the Dockerfile sets.
const forContainer = "noembedded"

// TestMain removes what build has built.
func TestMain(m *testing.M) {
	status := m.Run()
	for _, b := range builds {
		os.RemoveAll(b.dir)
	}
	os.Exit(status)
}

// builds are the programs that were built, by their build tags.
var builds = map[string]*built{"": {}, forContainer: {}}

type built struct {
	once sync.Once
	dir  string
	err  error
}

// build builds the program as the Dockerfile does, but with these build tags, once for all
// tests, and returns its path.
func build(t testing.TB, tags string) string {
	t.Helper()
	b := builds[tags]
	b.once.Do(func() { b.err = b.build(tags) })
	if b.err != nil {
		t.Fatal(b.err)
	}
	return filepath.Join(b.dir, "cloud")
}

func (b *built) build(tags string) (err error) {
	if b.dir, err = os.MkdirTemp("", "cloud"); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-ldflags=-s -w", "-o", filepath.Join(b.dir, "cloud"), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

var listening = regexp.MustCompile(`listening on (\S+);`)

// start starts the program with no environment but env.
func start(t *testing.T, exe string, env []string, args ...string) *program {
	t.Helper()
	return startAs(t, exe, env, nil, args...)
}

// startAs is start with attributes of the process.
func startAs(t *testing.T, exe string, env []string, as *syscall.SysProcAttr, args ...string) *program {
	t.Helper()
	p := launch(t, exe, env, as, args...)
	p.awaitListening()
	return p
}

// launch starts the program, and does not wait.
func launch(t *testing.T, exe string, env []string, as *syscall.SysProcAttr, args ...string) *program {
	t.Helper()
	p := &program{t: t, log: new(testkit.Log)}
	p.cmd = exec.Command(exe, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	p.cmd.Env, p.cmd.Stderr, p.cmd.SysProcAttr = env, p.log, as
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

func (p *program) awaitListening() {
	p.t.Helper()
	testkit.Eventually(p.t, "it says where it listens", func() bool {
		if m := listening.FindStringSubmatch(p.log.String()); m != nil {
			p.url = "http://" + m[1]
		}
		return p.url != ""
	})
}

// get returns the answer to a GET.
func (p *program) get(path string) *http.Response {
	p.t.Helper()
	res, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { res.Body.Close() })
	return res
}

// publish publishes data, and returns the status.
func (p *program) publish(token, topic, data string) int {
	p.t.Helper()
	req, err := http.NewRequest("POST", p.url+"/publish?topic="+topic, strings.NewReader(data))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// exit sends SIGTERM, and returns how the program ends.
func (p *program) exit() error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return p.wait()
}

// wait returns how the program ends by itself.
func (p *program) wait() error {
	p.t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	return testkit.Receive(p.t, "the program ends", done)
}

// kill sends SIGKILL, and returns when the program has ended.
func (p *program) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.wait() // signal: killed
}

func TestProgramServesAndEndsWell(t *testing.T) {
	t.Parallel()
	p := start(t, build(t, ""), []string{"TOKEN=secret"}, "-platform", "fly", "-origins", "https://a.example,https://b.example")
	for _, path := range []string{"/healthz", "/readyz"} {
		if res := p.get(path); res.StatusCode != 200 {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	res := p.get("/events?topic=news")
	events := fastsse.NewDecoder(res.Body)
	if status := p.publish("wrong", "news", "no"); status != 401 {
		t.Errorf("publishing with a wrong token: %d", status)
	}
	if status := p.publish("secret", "news", "yes"); status != 200 {
		t.Errorf("publishing: %d", status)
	}
	if e, err := events.Next(); err != nil || string(e.Data) != "yes" {
		t.Errorf("got %+v, %v", e, err)
	}
	scraped := new(bytes.Buffer)
	if !testkit.Soon(testkit.Patience, func() bool { // deliveries are counted once they were written
		scraped.Reset()
		_, err := scraped.ReadFrom(p.get("/metrics").Body)
		return err == nil && strings.Contains(scraped.String(), "\nfastsse_events_delivered_total 1\n")
	}) {
		t.Errorf("/metrics: %s", scraped)
	}
	start := time.Now()
	if err := p.exit(); err != nil {
		t.Errorf("%v\n%s", err, p.log)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v from SIGTERM to its end; Fly kills it after 5 s", took)
	}
	if e, err := events.Next(); err == nil {
		t.Errorf("an event after the end: %+v", e)
	}
	if retry, set := events.Retry(); !set || retry <= 0 {
		t.Error("the stream ended without a reconnection time")
	}
}

func TestWithoutATokenNobodyCanPublish(t *testing.T) {
	t.Parallel()
	p := start(t, build(t, ""), nil)
	if status := p.publish("", "news", "no"); status != 403 {
		t.Errorf("publishing: %d", status)
	}
	said := func() bool { return p.log.Has("nobody can publish") && p.log.Has("platform unknown") }
	if !testkit.Soon(testkit.Patience, said) { // it may answer before it has said all
		t.Errorf("log: %s", p.log)
	}
	if err := p.exit(); err != nil {
		t.Error(err)
	}
}

func TestCommandLine(t *testing.T) {
	t.Setenv("TOKEN", "from the environment")
	var help bytes.Buffer
	c, err := parse([]string{"-grace", "3s", "-max-age", "-1s"}, io.Discard)
	if err != nil || c.grace != 3*time.Second || c.maxAge != -time.Second || c.token != "from the environment" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := parse([]string{"-help"}, &help); err == nil || !strings.Contains(help.String(), "-platform") || strings.Contains(help.String(), "from the environment") {
		t.Errorf("help: %v %s", err, &help)
	}
	if _, err := parse([]string{"serve"}, io.Discard); err == nil || !strings.Contains(err.Error(), `"serve"`) {
		t.Errorf("an argument: %v", err)
	}
	if err := run(t.Context(), config{platform: "moon"}); err == nil || !strings.Contains(err.Error(), "moon") {
		t.Errorf("an unknown platform: %v", err)
	}
}
