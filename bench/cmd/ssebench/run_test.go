package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// The tool counts what was published.
func TestRunCountsEverything(t *testing.T) {
	url := startServe(t).url
	r := measureHere(t, "run -c 20 -rate 100 -duration 500ms -readers 2 -settle 50ms -url "+url+"/events?topic=a -publish-url "+url+"/publish?topic=a")
	if r.Opened != 20 || r.Published != 50 || *r.Expected != 1000 || r.Delivered != 1000 || *r.Lost != 0 || *r.Duplicated+*r.OutOfOrder != 0 {
		t.Errorf("opened %d, published %d, delivered %d of %d, lost %d, twice %d, out of order %d; want 50 events for each of 20 streams",
			r.Opened, r.Published, r.Delivered, *r.Expected, *r.Lost, *r.Duplicated, *r.OutOfOrder)
	}
	if r.LatencyMS == nil || r.LatencyMS.Count != 1000 || r.LatencyMS.P99 <= 0 {
		t.Errorf("latency %+v; want 1000 times", r.LatencyMS)
	}
	if sp := r.SpreadMS; sp == nil || sp.First.Count != 50 || sp.Median.Count != 50 || sp.P99.Count != 50 || sp.Last.Count != 50 {
		t.Errorf("spread %+v; want 50 times of each", r.SpreadMS)
	}
}

// Several publishers publish what one would, also at a rate that changes, beside another topic and
// with several processes. Their events may overtake each other: that is said, and not measured.
func TestPublishersCountEverything(t *testing.T) {
	url := startServe(t).url
	address := "-url " + url + "/events?topic=a -publish-url " + url + "/publish?topic=a"
	for _, flags := range []string{"", " -processes 2", " -beside-c 4 -beside-rate 50 -beside-url " + url + "/events?topic=b -beside-publish-url " + url + "/publish?topic=b"} {
		r := measureHere(t, "run -c 20 -rate 400 -duration 500ms -settle 50ms -publishers 4 "+address+flags)
		if r.Published != 200 || *r.Expected != 4000 || r.Delivered != 4000 || *r.Lost != 0 || *r.Missing+*r.Duplicated != 0 || r.LatencyMS.Count != 4000 || r.SpreadMS.Last.Count != 200 {
			t.Errorf("%s: published %d, delivered %d of %d, lost %d, missing %d, twice %d, %d latencies; want 200 events for each of 20 streams",
				flags, r.Published, r.Delivered, *r.Expected, *r.Lost, *r.Missing, *r.Duplicated, r.LatencyMS.Count)
		}
		if r.OutOfOrder != nil || r.Scenario["publishers"] != "4" {
			t.Errorf("%s: out of order %v, flags %v; want it not to be measured", flags, r.OutOfOrder, r.Scenario)
		}
		for _, one := range r.Lanes {
			if one.OutOfOrder != nil || one.Lost+one.Missing+one.Duplicated != 0 || one.Published == 0 {
				t.Errorf("%+v; want no figure of its order", one)
			}
		}
	}
	for flags, want := range map[string]struct {
		status int
		says   string
	}{
		"-publishers 4 " + address:                         {0, "out of order    not measured: events of several publishers"},
		"-publishers 4 -fail-if out_of_order>0 " + address: {2, "out_of_order was not measured (events of several publishers"},
		"-publishers 0 " + address:                         {1, "-publishers 0: give at least one"},
		"-publishers 2 -url " + url + "/events?topic=a":    {1, "and where they publish: -publish-url"},
	} {
		var out, errs bytes.Buffer
		line := append(strings.Fields("run -c 4 -settle 50ms -linger 0s -q "+flags), "-rate", "50 for 100ms, 50..400 over 300ms")
		if status := run(t.Context(), line, &out, &errs); status != want.status || !strings.Contains(out.String()+errs.String(), want.says) {
			t.Errorf("%s: status %d, want %d and %q\n%s%s", flags, status, want.status, want.says, out.String(), errs.String())
		}
	}
}

func TestStormCountsEverything(t *testing.T) {
	url := startServe(t).url
	for _, back := range []string{"now", "browser"} {
		r := measureHere(t, "storm -c 20 -missed 10 -settle 50ms -back "+back+" -url "+url+"/events?topic=a -publish-url "+url+"/publish?topic=a")
		if *r.Lost != 0 || *r.Duplicated != 0 || r.Delivered != 220 || r.Storm == nil || r.Storm.Caught != 20 || r.Reconnected != 20 {
			t.Errorf("back %s: delivered %d, lost %d, twice %d, reconnected %d, storm %+v; want 11 events for each of 20 streams",
				back, r.Delivered, *r.Lost, *r.Duplicated, r.Reconnected, r.Storm)
		}
	}
}

// A deploy of bench serve: every stream gets what was published before, is told when to come
// back, and, when it has, that what it knows is from before a restart.
func TestStormByDrainCountsEverything(t *testing.T) {
	t.Parallel() // it waits for the default retry time
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const at = "http://127.0.0.1:{{.Port}}"
	line := "storm -by drain -c 20 -missed 10 -rate 10 -settle 50ms -json - -q -url " + at + "/events?topic=a -publish-url " + at + "/publish?topic=a " +
		"-- " + self + " serve -addr 127.0.0.1:{{.Port}}"
	var out, errs bytes.Buffer
	if status := run(t.Context(), strings.Fields(line), &out, &errs); status != 0 {
		t.Fatalf("status %d\n%s", status, errs.String())
	}
	r, err := result.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	if *r.Lost != 0 || *r.Missing+*r.Duplicated+*r.OutOfOrder != 0 || r.Storm == nil || r.Storm.Caught != 20 || r.Storm.Streams != 20 || r.Reconnected != 20 || r.Failed != 0 || r.Scenario["by"] != "drain" {
		t.Errorf("lost %d, missing %d, twice %d, reconnected %d, failed %d, storm %+v", *r.Lost, *r.Missing, *r.Duplicated, r.Reconnected, r.Failed, r.Storm)
	}
	d := r.Deploys
	if d == nil || *d.Before != 11 || *d.LostBefore != 0 || d.Untold != 0 || len(d.Replaced) != 1 || d.Replaced[0].ExitStatus != 0 || d.GapOnce != 20 || d.Gaps != 20 || d.Replaced[0].FirstBackS < 2 {
		t.Errorf("%+v; want every stream to be told when to come back, and once of the gap", d)
	}
}

// Streams of topics of their own, by flags alone: topics by number, and by the stream.
func TestRunWithTopicsCountsEverything(t *testing.T) {
	url := startServe(t).url
	for _, flags := range []string{
		"-topics 3 -url %s/events?topic=t{{.Topic}} -publish-url %s/publish?topic=t{{.Topic}}",
		"-url %s/events?topic=user{{.Stream}} -publish-url %s/publish?topic=user{{.Stream}}",
	} {
		r := measureHere(t, "run -streams 6 -rate 100 -duration 300ms -settle 50ms "+strings.ReplaceAll(flags, "%s", url))
		want := uint64(60)
		if r.Scenario["topics"] == "" {
			want = 30
		}
		if r.Opened != 6 || r.Published != 30 || *r.Expected != want || r.Delivered != want || *r.Lost != 0 || *r.Stray != 0 || r.WireBytes == nil {
			t.Errorf("%s: opened %d, published %d, delivered %d of %d, lost %d", flags, r.Opened, r.Published, r.Delivered, *r.Expected, *r.Lost)
		}
	}
}

// A rate of steps, by flags alone: each is counted apart.
func TestRunFollowsAProfile(t *testing.T) {
	url := startServe(t).url
	address := "-url " + url + "/events?topic=a -publish-url " + url + "/publish?topic=a"
	var out, errs bytes.Buffer
	line := append(strings.Fields("run -c 4 -settle 50ms -linger 0s -q -json - -size 60:50%,300:50% "+address), "-rate", "50 for 300ms, 50..150 over 500ms, 200 for 300ms")
	if status := run(t.Context(), line, &out, &errs); status != 0 {
		t.Fatalf("status %d\n%s", status, errs.String())
	}
	r, err := result.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	if r.Published != 15+50+60 || r.Delivered != 500 || *r.Lost != 0 || len(r.Steps) != 3 || r.Steps[1].Step != "50..150 over 500ms" || r.Scenario["size"] != "60:50% 300:50%" {
		t.Errorf("published %d, delivered %d, lost %d, flags %v, steps %+v", r.Published, r.Delivered, *r.Lost, r.Scenario, r.Steps)
	}
	published := uint64(0)
	for _, s := range r.Steps {
		published += s.Published
	}
	if published == 0 || published > 125 || !strings.Contains(errs.String(), "200 for 300ms: ") {
		t.Errorf("%d published in steps\n%s", published, errs.String())
	}
	if status := run(t.Context(), append(strings.Fields("storm "+address), "-rate", "5 for 1s"), &out, &errs); status != 1 || !strings.Contains(errs.String(), "give one rate") {
		t.Errorf("a storm with a profile has status %d\n%s", status, errs.String())
	}
}

func TestPublishCommandKnowsThePort(t *testing.T) {
	flags := publishFlags{PublishCommand: "post http://127.0.0.1:{{.Port}}/publish {{.Message}}", Size: []string{"100"}}
	p, err := flags.publishing(func(text string) string { return strings.ReplaceAll(text, "{{.Port}}", "81") }, &load.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"post", "http://127.0.0.1:81/publish", "{{.Message}}"}; !slices.Equal(p.Command, want) {
		t.Errorf("%q, want %q", p.Command, want)
	}
}
