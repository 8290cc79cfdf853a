package result

import (
	"strings"
	"testing"
)

// deployed is full after deploys that nobody noticed.
func deployed() *Result {
	r := full()
	r.Command, r.Lost, r.Missing, r.Duplicated, r.OutOfOrder = "deploys", new(uint64(0)), new(uint64(0)), new(uint64(0)), new(uint64(0))
	r.Deploys = &Deploys{
		StartFirst: true, Instances: 2, Reconnects: 2_510,
		SilenceMS: Percentiles{P50: 4_100, P99: 5_980, Max: 5_993, Count: 2_000}, CalmMS: r.LatencyMS, DuringMS: r.LatencyMS,
		Errors: []PublishError{},
		Replaced: []Replacement{
			{At: 4.1, ReadyS: -0.1, ExitedS: 0.12, Ended: 1_000, EndedS: 0.11, FirstBackS: 3.01, LastBackS: 5.99, SilenceMS: 5_993,
				Uneven: new(0.02), Returns: []Return{{3.01, 4.5, 500, 510, 0.02}, {4.5, 5.99, 500, 490, -0.02}}},
			{At: 14.2, ReadyS: -0.1, ExitedS: 0.13, ExitStatus: 1, Returns: []Return{}},
		},
	}
	return r
}

// words are a table's words, each after one space.
func words(t *testing.T, r *Result) string { return strings.Join(strings.Fields(tableOf(t, r)), " ") }

func TestTableOfDeploysThatNobodyNoticed(t *testing.T) {
	r := deployed()
	table := words(t, r)
	for _, want := range []string{
		"deploys replaced 2 instances: SIGTERM, the next started first",
		"at 4.10 s: exited after 0.120 s with status 0; 1,000 streams ended within 0.110 s, and came back from 3.01 s to 5.99 s, per second: 342 (+2%), 329 (-2%) over 2.98 s; 2% from even at most",
		"at 14.2 s: exited after 0.130 s with status 1; 0 streams ended",
		"came back 2,510 times told of a gap none",
		"p99 5,980 ms, max 5,993 ms", "every post was taken at the first try", "in calm", "in deploys",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	if !r.Whole() {
		t.Error("it is not whole")
	}
}

func TestTableOfDeploysThatWereNoticed(t *testing.T) {
	r := deployed()
	d := r.Deploys
	d.Killed, d.StartFirst, d.Away, d.Cut, d.Untold, d.Failed, d.Later, d.Gaps = true, false, 3, 7, 8, 9, 10, 2
	d.Retried, d.TakenMS, d.Errors = 2, 312, []PublishError{{"502 Bad Gateway", 2}, {"EOF\x1b[", 1}}
	table := words(t, r)
	for _, want := range []string{
		"SIGKILL, the next started when it had exited", "1,000 streams ended",
		"7 cut, the others with the end of the body; 8 got no retry right before the end, and keep the one they had, if any", "and 3 did NOT; 9 tries came to nothing; 10 answers said to come later",
		"2 times, by a gap event; 0 streams just once", "2 posts tried again, and taken within 312 ms; 2 times: 502 Bad Gateway; 1 time: EOF·[",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}

// Gap events are others than ssebench published.
func TestGapsAreToldApart(t *testing.T) {
	r := deployed()
	r.Deploys.Gaps, r.Other = 2, 5
	table := words(t, r)
	for _, want := range []string{"2 times, by a gap event", "others came 5 that ssebench did not publish, 2 of them gap events"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}

func TestWhole(t *testing.T) {
	for name, spoil := range map[string]func(*Result){
		"lost": func(r *Result) { *r.Lost = 1 }, "missing": func(r *Result) { r.Missing = new(uint64(1)) }, "twice": func(r *Result) { r.Duplicated = new(uint64(1)) },
		"out of order": func(r *Result) { r.OutOfOrder = new(uint64(1)) }, "told of a gap": func(r *Result) { r.Deploys.Gaps = 1 },
	} {
		r := deployed()
		if spoil(r); r.Whole() {
			t.Errorf("%s, and whole", name)
		}
	}
}
