package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func someReport() *Report {
	long := strings.Repeat("many words ", 30)
	findings := []Finding{good("fine"), warn(long, "%s", long), skip("later"), skip("later"), fail("mend it", "broken")}
	for i := range findings {
		findings[i].Section, findings[i].Name = "answer", "x-accel-buffering"
	}
	return newReport(&Config{URL: "http://x/"}, time.Now(), findings)
}

func TestReportFitsItsWidth(t *testing.T) {
	var out bytes.Buffer
	if err := someReport().Print(&out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > Width {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	for _, part := range []string{"→ mend it", "FAIL", "2 checks", "1 ok, 1 warning, 1 failed, 2 skipped"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("nothing of %q in\n%s", part, out.String())
		}
	}
}

func TestReportErrIsErrFailed(t *testing.T) {
	r := someReport()
	if err := r.Err(false); !errors.Is(err, ErrFailed) || err.Error() != "1 of 3 checks failed" {
		t.Errorf("%v", err)
	}
	if err := r.Err(true); !errors.Is(err, ErrFailed) || err.Error() != "2 of 3 checks failed" {
		t.Errorf("strict: %v", err)
	}
	fine := newReport(&Config{}, time.Now(), []Finding{warn("", "so so"), good("fine")})
	if err := fine.Err(false); err != nil {
		t.Error(err)
	}
}

func TestReportJSON(t *testing.T) {
	var out bytes.Buffer
	if err := someReport().WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema   string
		URL      string
		Counts   map[string]int
		Findings []map[string]string
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != "fastsse-check/1" || got.Counts["skipped"] != 2 || len(got.Findings) != 5 || got.Findings[4]["remedy"] != "mend it" || got.Findings[4]["verdict"] != "fail" {
		t.Errorf("%+v", got)
	}
}

func TestEveryCheckHasAShortNameOfItsOwn(t *testing.T) {
	seen := make(map[string]bool)
	s := session{}
	s.here.url = &url.URL{}
	for _, f := range s.judge() { // of nothing that was seen
		name := f.Section + "/" + f.Name
		if seen[name] || len(f.Name) > nameWidth || f.Verdict == "" {
			t.Errorf("%s is taken, or too long, or has no verdict", name)
		}
		seen[name] = true
	}
	if len(seen) < 40 {
		t.Errorf("only %d checks", len(seen))
	}
}

func TestKnownLimits(t *testing.T) {
	for _, tt := range []struct {
		age, idle time.Duration
		says      string
	}{
		{75 * time.Second, 60 * time.Second, "nginx"},
		{15200 * time.Millisecond, time.Second, "Envoy"},
		{300 * time.Second, 5 * time.Second, "Cloud Run"},
		{100 * time.Second, 99500 * time.Millisecond, "Cloudflare"},
		{44 * time.Second, 3 * time.Second, ""},
	} {
		got := knownLimits(tt.age, tt.idle)
		if !strings.Contains(got, tt.says) || (tt.says == "" && got != "") {
			t.Errorf("%v old, %v idle: %q, want %q", tt.age, tt.idle, got, tt.says)
		}
	}
	if got, want := idleLimits(), "55 s Heroku; 60 s nginx, ALB, Fly.io, Railway; 100 s Cloudflare"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAWrongConfigIsRefused(t *testing.T) {
	for _, tt := range []struct {
		c    Config
		says string
	}{
		{Config{URL: "ftp://x/"}, "http:// or https://"},
		{Config{URL: "http://"}, "and a host"},
		{Config{URL: "http://x/", Origin: "example.org"}, "has no scheme"},
		{Config{URL: "http://x/", For: -1}, "negative"},
		{Config{URL: "http://x/", PublishURL: "http:///x"}, "and a host"},
		{Config{URL: "http://x/", Direct: "ws://y"}, "http:// or https://"},
		{Config{URL: "http://127.0.0.1:1/"}, "is the server running there?"},
	} {
		if _, err := Run(t.Context(), tt.c); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %q", tt.c, err, tt.says)
		}
	}
}
