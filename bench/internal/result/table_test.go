package result

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write testdata anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not %s, but (go test -update, if that is right)\n%s", path, got)
	}
}

func tableOf(t *testing.T, r *Result) string {
	t.Helper()
	var out strings.Builder
	if err := r.Table(&out, 0); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line) - 1; n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	return out.String()
}

func TestTableOfEachCommand(t *testing.T) {
	run := full()
	run.Lanes = fullest().Lanes

	connect := full()
	connect.Command, connect.Opened, connect.Refused, connect.Failed = "connect", 10_000, 0, 0
	connect.Ended, connect.Reconnected, connect.FirstError = 0, 0, ""
	connect.Published, connect.Expected, connect.Delivered, connect.Lost, connect.Other, connect.Stray = 0, nil, 0, nil, 0, nil
	connect.LatencyMS, connect.SpreadMS, connect.Server.CPUPerDeliveryUS = nil, nil, nil

	storm := full()
	storm.Command, storm.Storm, storm.SpreadMS = "storm", fullest().Storm, nil
	storm.Ended, storm.Reconnected = 9_998, 9_998
	drain := full()
	drain.Storm, drain.Deploys, drain.SpreadMS = fullest().Storm, drained(), nil
	drain.Storm.ConnectedS, drain.Storm.P50, drain.Storm.P95, drain.Storm.P99, drain.Storm.Last = 6.02, 4.52, 5.87, 5.98, 6.03

	soak := full()
	soak.Command, soak.Trend, soak.Suspect, soak.Partial = "soak", fullest().Trend, true, true
	soak.SuspectOf = []string{
		"timers were late by 31 ms at the 99th percentile, and 5 ms is the limit: the machine had no processor free for the load generator when it needed one",
		"20,000 of 20,000 descriptors were in use",
	}
	for _, r := range []*Result{run, connect, storm, soak} {
		golden(t, r.Command+".txt", tableOf(t, r))
	}
	drain.Command = "storm"
	golden(t, "drain.txt", tableOf(t, drain))
}

// A drain in which all went well, and one after which all came back at once.
func TestTableOfAGoodDrain(t *testing.T) {
	r := fullest()
	d := r.Deploys
	*d.LostBefore, d.Cut, d.Untold, d.Failed, d.Later, d.Skipped, d.GapOnce, d.Gaps, d.Away = 0, 0, 0, 0, 0, 0, 9_998, 9_998, 0
	d.Replaced[0].Uneven, d.Replaced[0].Returns = nil, []Return{{3.01, 3.21, 9_998, 9_998, 0}}
	got := words(t, r)
	for _, want := range []string{
		"0 cut, the others with the end of the body; all got a retry right before the end", "101 published before the signal, and every stream has got them",
		"9,998 at once, within 0.200 s", "9,998 times, by a gap event; 9,998 streams just once silence", "came back 9,997 times told of", "the last after 0.820 s",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestTableOfADrainFromWhichNobodyCameBack(t *testing.T) {
	r := fullest()
	r.Storm.ConnectedS, r.Storm.Caught = 0, 0
	*r.Deploys = Deploys{Instances: 1, Away: 9_998, Failed: 7, Replaced: []Replacement{{Ended: 9_998, EndedS: 0.42, Returns: []Return{}}}}
	if got := words(t, r); !strings.Contains(got, "came back 0 times, and 9,998 did NOT; 7 tries came to nothing") || strings.Contains(got, "per second:") || strings.Contains(got, "answered again") {
		t.Error(got)
	}
}

func TestTableHasNothingThatWasNotMeasured(t *testing.T) {
	got := tableOf(t, &Result{Command: "connect", Name: "x", Asked: 10})
	for _, not := range []string{"server", "events", "p99", "lost", "storm", "soak", "flat", "timers", "limits", "SUSPECT", "PARTIAL", "NaN", " in 0"} {
		if strings.Contains(got, not) {
			t.Errorf("%q is in\n%s", not, got)
		}
	}
	if !strings.Contains(got, "0 of 10") {
		t.Error(got)
	}
}

func TestTableShowsLossWithoutAnyDelivery(t *testing.T) {
	r := full()
	r.LatencyMS, r.SpreadMS, r.Delivered, r.Lost = nil, nil, 0, new(uint64(1_499_700))
	got := tableOf(t, r)
	if !strings.Contains(got, "delivery            –") || !strings.Contains(got, "1.50 M        –") {
		t.Error(got)
	}
}

func TestTableLeavesOutLossThatNobodyKnows(t *testing.T) {
	r := full()
	r.Published, r.Expected, r.Lost = 0, nil, nil
	got := tableOf(t, r)
	if strings.Contains(got, "lost") || !strings.Contains(got, "by others") || strings.Contains(got, "missing") {
		t.Error(got)
	}
}

// Nobody takes what was not measured for zero, in the whole or in a lane.
func TestTableSaysWhyDisorderWasNotMeasured(t *testing.T) {
	r := fullest()
	r.OutOfOrder, r.Lanes[1].OutOfOrder = nil, nil
	got := tableOf(t, r)
	for _, want := range []string{"out of order    not measured: events of several publishers may overtake each other", "  1       –\n", "  0       –\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := tableOf(t, fullest()); strings.Contains(got, "not measured") {
		t.Error(got)
	}
}

func TestTableSurvivesLargeNumbersAndLongTexts(t *testing.T) {
	r := fullest()
	large := uint64(987_654_321_000)
	r.Expected, r.Lost, r.Missing, r.Duplicated, r.OutOfOrder = &large, &large, &large, new(large/1000), new(large/1000)
	r.LatencyMS.P50, r.LatencyMS.Max = 99_999, 3_600_000
	r.LatencyMS.P90, r.LatencyMS.P99, r.LatencyMS.P999, r.LatencyMS.Mean = 99_999, 99_999, 100_000, 5_000_000
	r.Name = "http://example.test/" + strings.Repeat("a", 300)
	r.FirstError = strings.Repeat("no such host; ", 30)
	r.Lanes[1].Name = strings.Repeat("n", 50)
	tableOf(t, r)
}

func TestTableIsPlainTextWhateverAServerAnswers(t *testing.T) {
	r := full()
	r.FirstError, r.Name = "503 \x1b[2J\r\n\u202egone", "x\x1b]0;title\a"
	r.Lanes = []Lane{{}, {Name: "\x1b[31mred"}}
	r.Suspect, r.SuspectOf = true, []string{"\x1b[5mblink"}
	if got := tableOf(t, r); strings.ContainsAny(got, "\x1b\r\a\u202e") {
		t.Errorf("%q", got)
	}
}
