package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// One measurement writes all that can be asked for, and a gate that fails is in each of them.
func TestOutputs(t *testing.T) {
	s := startServe(t)
	dir := t.TempDir()
	line := "run -c 5 -rate 50 -duration 1500ms -settle 0s -q -url " + s.url + "/events?topic=o -publish-url " + s.url + "/publish?topic=o"
	base := measureHere(t, line)
	base.LatencyMS.P99 = 0.0001
	if err := base.WriteFile(filepath.Join(dir, "base1.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "summary.md"), []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := strings.Fields(line + " -fail-if lost>0 -json DIR/r.json -ndjson DIR/r.ndjson -html DIR/r.html -hdr DIR/r.hlog -junit DIR/r.xml -summary DIR/summary.md")
	args = append(args, "-fail-if", "p99 > 1.2x DIR/base*.json")
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", dir)
	}
	var out, errs bytes.Buffer
	if status := run(t.Context(), args, &out, &errs); status != 2 || !strings.Contains(errs.String(), "which is 0.000 ms") {
		t.Fatalf("status %d: %s", status, &errs)
	}
	for file, wants := range map[string][]string{
		"r.json": {`"gate": "lost>0"`, `"failed": true`, `"hdr": "HISTF`}, "r.ndjson": {`{"sample":{"at":`, `{"result":{"schema":"fastsse-bench/1"`},
		"r.html": {"<html"}, "r.hlog": {"HISTF"}, "r.xml": {`tests="3" failures="1" errors="0"`, "lost&gt;0"}, "summary.md": {"before\n", "❌", "✅ `lost>0`", "delivery "},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q in\n%s", file, want, text)
			}
		}
	}
	checkLines(t, filepath.Join(dir, "r.ndjson"), filepath.Join(dir, "r.json"))
}

// A file that there is stays as it was if the new one cannot be made.
func TestOutputThatCannotBeMadeLeavesTheOldOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	con := new(console)
	if err := con.save(path, os.O_TRUNC, (&result.Result{Name: "old"}).Encode); err != nil {
		t.Fatal(err)
	}
	if con.save(path, os.O_TRUNC, (&result.Result{Seconds: math.NaN()}).Encode) == nil {
		t.Error("written")
	}
	if r, err := result.ReadFile(path); err != nil || r.Name != "old" {
		t.Errorf("%+v, %v; want the old one", r, err)
	}
}

// checkLines holds lines of JSON against the result.
func checkLines(t *testing.T, lines, whole string) {
	r, err := result.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	var delivered uint64
	n := 0
	for line := range strings.Lines(string(text)) {
		var one struct {
			Sample *result.Sample `json:"sample"`
			Result *result.Result `json:"result"`
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		if n++; one.Sample != nil {
			delivered += one.Sample.Delivered
		} else if n != len(r.Samples)+1 || one.Result == nil || one.Result.Delivered != r.Delivered {
			t.Errorf("line %d of %d samples: %s", n, len(r.Samples), line)
		}
	}
	if delivered != r.Delivered || n != len(r.Samples)+1 {
		t.Errorf("%d lines of %d samples; %d delivered in them, of %d", n, len(r.Samples), delivered, r.Delivered)
	}
}

func TestOutputsThatCannotBe(t *testing.T) {
	for args, says := range map[string]string{
		"-json - -ndjson -":            "only one can have standard output",
		"-ndjson /no/such/folder/x":    "no such file",
		"-junit /no/such/folder/x":     "make it first",
		"-summary /no/such/folder/x":   "make it first",
		"-fail-if p99>2xnone.json":     "not a condition",
		"-fail-if p98>1":               "no figure is called",
		"-hdr /no/such/folder/x -c 10": "no such file",
	} {
		var out, errs bytes.Buffer
		if status := run(t.Context(), strings.Fields("run -url http://127.0.0.1:1/ "+args), &out, &errs); status != 1 || !strings.Contains(errs.String(), says) {
			t.Errorf("%s: status %d, %s; want %q", args, status, &errs, says)
		}
	}
	var out, errs bytes.Buffer
	if status := run(t.Context(), []string{"run", "-url", "http://127.0.0.1:1/", "-fail-if", "p99 > 2x none.json"}, &out, &errs); status != 1 || !strings.Contains(errs.String(), "none.json") {
		t.Errorf("status %d, %s", status, &errs)
	}
}

// A measurement that is stopped writes what it has, and is no success.
func TestInterruptedIsNoSuccess(t *testing.T) {
	s := startServe(t)
	file := filepath.Join(t.TempDir(), "r.json")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, context.Canceled)
	defer cancel()
	out, errs := newSafeBuffer(), newSafeBuffer()
	go func() {
		<-errs.written // it runs
		cancel()
	}()
	status := run(ctx, strings.Fields("run -c 5 -duration 1h -settle 0s -json "+file+" -url "+s.url+"/events?topic=i"), out, errs)
	r, err := result.ReadFile(file)
	if status != 1 || !strings.Contains(errs.String(), "interrupted") || err != nil || !r.Partial {
		t.Errorf("status %d, %v, %s", status, err, errs)
	}
}

// The server that is measured outlives the measurement: that it is ended then is no figure.
func TestInterruptedBeforeItsServer(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "r.json")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, context.Canceled)
	defer cancel()
	out, errs := newSafeBuffer(), newSafeBuffer()
	const at = "127.0.0.1:{{.Port}}"
	run(ctx, append(strings.Fields("run -c 5 -duration 1h -settle 0s -json "+file+" -url "+at+"/events?topic=i -publish-url "+at+"/publish?topic=i --"), self, "serve", "-addr", at), out, errs)
	r, err := result.ReadFile(file)
	if err != nil {
		t.Fatalf("%v, %s", err, errs)
	}
	if !r.Partial || r.Ended != 0 || r.FirstError != "" || r.Opened != 5 || *r.Lost != 0 || r.Server.RSSBytes == 0 {
		t.Errorf("%d open, %d ended, %d lost, %q, %+v; want 5, and that nothing went wrong", r.Opened, r.Ended, *r.Lost, r.FirstError, r.Server)
	}
}

func TestVersion(t *testing.T) {
	var out, errs bytes.Buffer
	if status := run(t.Context(), []string{"-version"}, &out, &errs); status != 0 || !strings.HasPrefix(out.String(), "ssebench ") || !strings.Contains(out.String(), "go1.") {
		t.Errorf("status %d, %s%s", status, &out, &errs)
	}
}
