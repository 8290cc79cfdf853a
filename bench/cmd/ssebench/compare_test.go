package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/compare"
)

// Servers are measured in turn, each with its own flags, and every figure of the table is there.
func TestCompareMeasuresServers(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "all.json")
	args := strings.Fields("compare -rounds 2 -c 60 -rate 50 -duration 1s -flood 100 -flood-duration 500ms -rest 1s -settle 50ms -json " + file)
	args = append(args, "-url", "http://127.0.0.1:{{.Port}}/events?topic=a", "-publish-url", "http://127.0.0.1:{{.Port}}/publish?topic=a")
	for _, name := range []string{"one", "two"} {
		args = append(args, "-target", name+"="+self+" serve -addr 127.0.0.1:{{.Port}}")
	}
	args = append(args, "-with", "two.publish-url=http://127.0.0.1:{{.Port}}/publish?topic=b", "-with", "two.url=http://127.0.0.1:{{.Port}}/events?topic=b", "-with", "two.c=30", "-base", "two")
	var out, errs bytes.Buffer
	if status := run(t.Context(), args, &out, &errs); status != 0 {
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
	if all.Schema != compare.Schema || all.Rounds != 2 || len(all.Servers) != 2 || !strings.Contains(out.String(), "x two") {
		t.Fatalf("schema %q, %d rounds, %d servers; want 2 rounds of 2\n%s", all.Schema, all.Rounds, len(all.Servers), out.String())
	}
	for i, streams := range []uint64{60, 30} {
		s := all.Servers[i]
		if !strings.Contains(out.String(), "| "+s.Name) {
			t.Errorf("%s is not in the table:\n%s", s.Name, out.String())
		}
		for round := range all.Rounds {
			paced, flood := s.Paced[round], s.Flood[round]
			if paced.Delivered != streams*50 || *paced.Lost != 0 || flood.Delivered != streams*50 || paced.Server == nil || paced.Server.CPUSeconds <= 0 {
				t.Errorf("%s, round %d: %d and %d delivered, server %+v; want 50 per stream each, and its CPU", s.Name, round+1, paced.Delivered, flood.Delivered, paced.Server)
			}
		}
	}
}

// One server that breaks does not cost the figures of the others, but the status.
func TestCompareGoesOnWithoutAServerThatFails(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := strings.Fields("compare -rounds 1 -c 6 -duration 200ms -rate 50 -flood-duration 100ms -rest 1s -settle 0s")
	args = append(args, "-url", "http://127.0.0.1:{{.Port}}/events?topic=a", "-publish-url", "http://127.0.0.1:{{.Port}}/publish?topic=a",
		"-target", "breaks="+self+" serve -addr nowhere:x", "-target", "good="+self+" serve -addr 127.0.0.1:{{.Port}}")
	var out, errs bytes.Buffer
	status := run(t.Context(), args, &out, &errs)
	if status != 1 || !strings.Contains(out.String(), "| good ") || !strings.Contains(out.String(), "FAILED: breaks: round 1") {
		t.Errorf("status %d, said\n%s%s\nwant 1, the figures of one and why there are none of the other", status, out.String(), errs.String())
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
		{"base.json", "or two results", 1},
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

func TestCompareFlags(t *testing.T) {
	for flags, says := range map[string]string{
		"":                          "give servers to measure",
		"a.json b.json -target a=x": "give servers to measure",
		"-target a -url http://x/":  "as NAME='COMMAND'",
		"-target a=x -target a=y -url http://x/ -publish-url http://x/": "-target \"a=y\"",
		"-target a=x":                "-url",
		"-target a=x -url http://x/": "-publish-url",
		"-target a=x -url http://x/ -publish-url http://x/ -with b.c=1": "-with \"b.c=1\"",
		"-target a=x -url http://x/ -with a.d=1":                        "no flag -d",
		"-target a=x -url http://x/ -with a.c=one":                      "one",
		"-target a=x -url http://x/ -publish-url http://x/ -base b":     "-base \"b\"",
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), append([]string{"compare"}, strings.Fields(flags)...), &out, &errs)
		if status != 1 || !strings.Contains(errs.String(), says) {
			t.Errorf("compare %s: status %d, said %q; want 1 and something of %q", flags, status, errs.String(), says)
		}
	}
}

// What -with says of a server takes the place of what is said for all, also of a flag that may
// be repeated: a second URL would be asked by half of the streams.
func TestWithTakesThePlaceOfWhatIsSaidForAll(t *testing.T) {
	f := targetFlags{With: []string{
		"b.url=http://b/", "b.H=X: 1", "b.publish-url=http://b/1", "b.header=Y: 2", "b.publish-url=http://b/2", "b.size=7,8", "b.c=3",
		"c.publish-url=http://c/",
	}}
	f.Streams, f.URL, f.Header, f.PublishURL, f.Size = 9, []string{"http://all/1", "http://all/2"}, []string{"A: 0"}, []string{"http://all/"}, []string{"100"}
	for name, want := range map[string]string{
		"a": "9 [http://all/1 http://all/2] [A: 0] [http://all/] [100]",
		"b": "3 [http://b/] [X: 1 Y: 2] [http://b/1 http://b/2] [7 8]",
		"c": "9 [http://all/1 http://all/2] [A: 0] [http://c/] [100]",
	} {
		l, err := f.loadOf(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(l.Streams, l.URL, l.Header, l.PublishURL, l.Size); got != want {
			t.Errorf("%s has %s; want %s", name, got, want)
		}
	}
}
