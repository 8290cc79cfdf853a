package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/compare"
)

// The targets are built, measured in turn, and every figure of the table is there.
func TestCompareMeasuresTargets(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the floor is made of Linux's system calls")
	}
	t.Parallel()
	file := filepath.Join(t.TempDir(), "all.json")
	var out, errs bytes.Buffer
	line := "compare -targets parked,floor,naivenethttp -rounds 2 -c 60 -rate 50 -duration 1s -flood 100 -flood-duration 500ms -rest 1s -settle 50ms -json " + file
	if status := run(t.Context(), strings.Fields(line), &out, &errs); status != 0 {
		t.Fatalf("status %d\n%s%s", status, out.String(), errs.String())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all compare.Comparison
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if all.Schema != compare.Schema || all.Rounds != 2 || len(all.Servers) != 3 {
		t.Fatalf("schema %q, %d rounds, %d servers; want 2 rounds of 3", all.Schema, all.Rounds, len(all.Servers))
	}
	for _, s := range all.Servers {
		if !strings.Contains(out.String(), "| "+s.Name) {
			t.Errorf("%s is not in the table:\n%s", s.Name, out.String())
		}
		for i := range all.Rounds {
			paced, flood := s.Paced[i], s.Flood[i]
			if paced.Delivered != 60*50 || *paced.Lost != 0 || flood.Delivered != 60*50 || paced.Server == nil || paced.Server.CPUSeconds <= 0 {
				t.Errorf("%s, round %d: %d and %d delivered, server %+v; want 3,000 each, and its CPU", s.Name, i+1, paced.Delivered, flood.Delivered, paced.Server)
			}
		}
	}
}

func TestCompareSaved(t *testing.T) {
	s := startServe(t)
	dir := t.TempDir()
	for _, name := range []string{"base.json", "new.json"} {
		r := measureHere(t, "run -c 5 -rate 50 -duration 200ms -settle 0s -url "+s.url+"/events?topic=a -publish-url "+s.url+"/publish?topic=a")
		if err := r.WriteFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		files, says string
		status      int
	}{
		{"base.json new.json", "p99", 0},
		{"*.json new*.json", "Medians", 0},
		{"base.json", "give two results", 1},
		{"base.json none.json", "none.json", 1},
	} {
		args := []string{"compare"}
		for _, name := range strings.Fields(c.files) {
			args = append(args, filepath.Join(dir, name))
		}
		var out, errs bytes.Buffer
		if status := run(t.Context(), args, &out, &errs); status != c.status || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("compare %s: status %d, said %q; want %d and something of %q", c.files, status, out.String()+errs.String(), c.status, c.says)
		}
	}
}

func TestCompareKnowsItsTargets(t *testing.T) {
	var out, errs bytes.Buffer
	status := run(t.Context(), strings.Fields("compare -targets nothing"), &out, &errs)
	if status != 1 || !strings.Contains(errs.String(), `"nothing"`) || !strings.Contains(errs.String(), "parked") {
		t.Errorf("status %d, said %q; want the name, and those there are", status, errs.String())
	}
}
