package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/fastsse/fastsse/internal/testkit"
)

func TestLogsHaveNoSecrets(t *testing.T) {
	for name, want := range map[string]string{
		"embedded:/var/lib/app":                               "embedded:/var/lib/app",
		"nats://a:4222":                                       "nats://a:4222",
		"nats://token@a:4222,nats://me:secret@b:4222":         "nats://a:4222,b:4222",
		"tls://me:se@cret@a:4222,b:4222":                      "tls://a:4222,b:4222",
		"redis://:secret@a:6379/0?client_name=x&secret=token": "redis://a:6379/0",
	} {
		if got := withoutSecrets(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// silent is the address of something that accepts connections and never answers.
func silent(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

func TestABrokerThatCannotBeReachedEndsTheProgram(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	exe := build(t, "")
	for name, says := range map[string]string{
		"nats://me:secret@" + testkit.FreeAddress(t):  "look whether a NATS server listens there",
		"nats://me:secret@" + silent(t):               "nats://127.0.0.1",
		"tls://me:secret@" + silent(t):                "tls://127.0.0.1",
		"nats://me:secret%zz@a:4222":                  "invalid URL escape",
		"redis://me:secret@" + testkit.FreeAddress(t): "refused",
		"redis://me:secret@" + silent(t):              "redis://127.0.0.1",
		"rediss://me:secret@" + silent(t):             "rediss://127.0.0.1",
		"redis://me:secret%zz@a:6379":                 "is not of the form",
		"kafka://me:secret@a:9092":                    "is not known",
		"nats.example:4222":                           "is not known",
		"embedded:":                                   "name the directory",
		"embedded:" + file + "/below":                 "not a directory",
	} {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			log := &testkit.Log{}
			cmd := exec.Command(exe, "-addr", "127.0.0.1:0", "-backplane", name)
			cmd.Env, cmd.Stderr = []string{}, log
			ctx, cancel := context.WithTimeout(t.Context(), 2*openWithin)
			defer cancel()
			began := time.Now()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
			defer stop()
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("it ended with %v after %v, want exit status 1", err, time.Since(began))
			}
			if !log.Has(says) || log.Has("secret") {
				t.Errorf("it said %q; want %q, and no secret", log, says)
			}
			t.Logf("after %v: %s", time.Since(began).Round(time.Millisecond), log)
		})
	}
}

// While the broker is away, the program serves what it has: it stays ready, its streams stay
// open, and publishers are told. Afterwards all goes on.
func TestABrokerThatIsLostLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := natsIn(t, dir, natsserver.RANDOM_PORT)
	url, port := broker.ClientURL(), broker.Addr().(*net.TCPAddr).Port
	p := start(t, build(t, forContainer), []string{"TOKEN=secret"}, "-platform", "none", "-backplane", url, "-feed", "scores")
	if !p.log.Has("feed scores of " + url) {
		t.Errorf("it does not name its broker: %s", p.log)
	}
	events := testkit.NewDecoder(p.get("/events?topic=news").Body)
	if status := p.publish("secret", "news", "before"); status != 200 {
		t.Fatalf("publishing: %d", status)
	}
	stopNATS(broker)
	testkit.Eventually(t, "the figures show that the broker is away", func() bool { return p.scrape()["fastsse_backplane_connected"] == 0 })
	if status := p.publish("secret", "news", "lost"); status != 503 {
		t.Errorf("publishing while the broker is away: %d, want 503", status)
	}
	if res := p.get("/readyz"); res.StatusCode != 200 {
		t.Errorf("/readyz while the broker is away: %s", res.Status)
	}
	natsIn(t, dir, port)
	testkit.Eventually(t, "the figures show that the broker is back", func() bool { return p.scrape()["fastsse_backplane_connected"] == 1 })
	if status := p.publish("secret", "news", "after"); status != 200 {
		t.Errorf("publishing when the broker is back: %d\n%s", status, p.log)
	}
	for _, want := range []string{"before", "after"} {
		if e, err := events.Next(); err != nil || e.Data != want {
			t.Errorf("got %+v, %v; want %s", e, err, want)
		}
	}
	if figures := p.scrape(); figures["fastsse_backplane_reconnects_total"] != 1 || figures["fastsse_publish_errors_total backplane"] != 1 {
		t.Errorf("figures: %v", figures)
	}
}

func TestWithoutTheEmbeddedServerItSaysHowToBuildWithIt(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(build(t, forContainer), "-backplane", "embedded:"+t.TempDir()).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "build it without -tags noembedded") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A variable that is not set names no feed: the name is then the same with every broker.
func TestAnEmptyFeedIsTheUsualOne(t *testing.T) {
	c, err := parse([]string{"-feed", ""}, io.Discard)
	if err != nil || c.feed != "fastsse" {
		t.Errorf("-feed %q is read as %q, %v; want fastsse", "", c.feed, err)
	}
}
