package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/internal/absent"
)

// deploy replaces instances under a small load, and returns the result and what was wrong.
func deploy(t *testing.T, flags string) (*result.Result, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "result.json")
	failed := rivals(t.Context(), strings.Fields("deploys -streams 200 -rate 50 -calm 500ms -json "+file+" "+flags))
	r, err := result.ReadFile(file)
	if err != nil {
		t.Fatal(errors.Join(failed, err))
	}
	return r, failed
}

// needs skips the test where a program is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the proxies are those of Unix systems")
	}
	for _, name := range programs {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if _, err := exec.LookPath("/usr/sbin/" + name); err != nil {
			absent.Skipf(t, "needs %s: apt-get install %[1]s", name)
		}
	}
}

// Instances are replaced, with notice and without, and every stream has every event once and
// in order: none is told of a gap.
func TestDeploysThatNobodyNotices(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and its servers are processes of their own; go test without -short runs it")
	}
	for name, c := range map[string]struct {
		flags      string
		needs      []string
		startFirst bool
	}{
		"NATS behind nginx, SIGTERM":             {"-broker nats -proxy nginx -times 2", []string{"nginx"}, true},
		"NATS behind HAProxy, SIGKILL":           {"-broker nats -proxy haproxy -kill -times 2", []string{"haproxy"}, false},
		"Redis behind HAProxy, SIGTERM in place": {"-broker redis -proxy haproxy -order stop-first -times 2", []string{"haproxy", "redis-server"}, false},
		"Redis behind nginx, SIGKILL":            {"-broker redis -proxy nginx -kill -times 2", []string{"nginx", "redis-server"}, false},
		"embedded, one instance":                 {"-broker embedded -proxy none -times 2", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs(t, c.needs...)
			r, err := deploy(t, c.flags)
			if err != nil || !r.Whole() || *r.Expected != 200*r.Published || r.Published < 100 {
				t.Errorf("%v, %d published, %d of %d delivered; want all", err, r.Published, r.Delivered, *r.Expected)
			}
			d := r.Deploys
			if len(d.Replaced) != 2 || d.StartFirst != c.startFirst || d.Away != 0 || r.Refused != 0 {
				t.Fatalf("%+v, %d refused; want two replacements, and everybody back", d, r.Refused)
			}
			killed, ended := strings.Contains(c.flags, "-kill"), 0
			for _, p := range d.Replaced {
				ended += p.Ended
				if (p.ExitStatus == -1) != killed || p.Ended == 0 || (p.ReadyS < 0) != c.startFirst {
					t.Errorf("%+v; want streams that ended, and the exit that was asked for", p)
				}
			}
			if d.Reconnects < ended || d.SilenceMS.Max < 500 || d.CalmMS == nil || d.DuringMS == nil || d.Killed != killed {
				t.Errorf("%+v; want %d reconnects, and what they cost", d, ended)
			}
			if !killed && (d.Cut > 0 || d.Untold > 0) {
				t.Errorf("%d streams were cut, and %d not told when to return; want none at SIGTERM", d.Cut, d.Untold)
			}
		})
	}
}

// Hubs that share nothing lose: this is noticed.
func TestDeploysOfHubsThatAreAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and its servers are processes of their own; go test without -short runs it")
	}
	t.Parallel()
	needs(t, "nginx")
	r, err := deploy(t, "-broker none -times 1")
	if !errors.Is(err, errNotWhole) || r.Whole() || *r.Lost == 0 || r.Deploys.Gaps == 0 {
		t.Errorf("%v, %d lost, %d gaps; want an error, and some of both", err, *r.Lost, r.Deploys.Gaps)
	}
}

func TestDeploysFlags(t *testing.T) {
	for flags, says := range map[string]string{
		"-streams 0":                     "at least one stream",
		"-broker embedded":               "add -proxy none",
		"-proxy none -order start-first": "leave out -order",
	} {
		if err := rivals(t.Context(), strings.Fields("deploys "+flags)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("deploys %s: %v; want something of %q", flags, err, says)
		}
	}
}
