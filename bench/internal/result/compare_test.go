package result

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func comparisonOf(t *testing.T, base, now *Result) string {
	t.Helper()
	var out strings.Builder
	if err := Compare(&out, base, now); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line) - 1; n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	return out.String()
}

func TestCompareMarksWhatChanged(t *testing.T) {
	base, now := fullest(), fullest()
	now.LatencyMS.P50, now.LatencyMS.P90, now.LatencyMS.P99 = 10, 25, 400
	now.PerSecond, base.Refused = 60_000, 0
	now.Lost, now.Missing = new(uint64(0)), 5
	now.Server.CPUPerDeliveryUS, now.Server.CPUToOpenUS = nil, new(24.9)
	now.Trend.RSS = new(0.5)
	now.Lanes[1].Lost = 3
	now.Storm.Caught = 9_000
	got := comparisonOf(t, base, now)
	golden(t, "compare.txt", got)
	if strings.Contains(got, "WARNING") {
		t.Error("warned of nothing")
	}
}

func TestCompareWarnsOfWhatCannotBeCompared(t *testing.T) {
	base, now := full(), full()
	base.Suspect, base.SuspectOf = true, []string{"timers were late"}
	now.Suspect, now.Partial, now.Command = true, true, "soak"
	base.Scenario["pid"], now.Scenario["pid"] = "1", "2"
	now.Scenario["rate"], now.Scenario["churn"] = "10", ""
	now.Machine.Processors, now.Machine.Go = 4, "go1.27"
	got := comparisonOf(t, base, now)
	for _, want := range []string{
		"WARNING  base is SUSPECT: timers were late\n",
		"WARNING  new is SUSPECT: something other than the server may have been the bottleneck\n",
		"WARNING  new is PARTIAL: interrupted after 34.2 s\n",
		"WARNING  different commands: run, and soak\n",
		"WARNING  different scenarios: churn is not given, and \"\"; rate is 5, and 10\n",
		"WARNING  different machines: processors is 2, and 4; go is go1.26.8, and go1.27\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestCompareClaimsNothing(t *testing.T) {
	if got := comparisonOf(t, full(), full()); !strings.Contains(got, "a difference may be chance") {
		t.Error(got)
	}
}

func TestCompareLeavesOutWhatNeitherHas(t *testing.T) {
	held := &Result{Command: "connect", Asked: 10, Opened: 10}
	got := comparisonOf(t, held, held)
	for _, not := range []string{"latency", "lost", "published", "memory", "caught up", "rise", "per second", "–"} {
		if strings.Contains(got, not) {
			t.Errorf("%s is in\n%s", not, got)
		}
	}
}

func TestCompareNeedsTwo(t *testing.T) {
	if Compare(new(strings.Builder), full(), nil) == nil || Compare(new(strings.Builder), nil, full()) == nil {
		t.Error("compared with nothing")
	}
}

func TestCompareKnowsItsFigures(t *testing.T) {
	for _, c := range compared {
		if f, err := find(allFigures(), c.path); err != nil || f.path != c.path {
			t.Error(c, err)
		}
	}
	for _, c := range comparedLanes {
		if f, err := find(laneFigures(), c.path); err != nil || f.path != c.path && f.path != "latency_ms."+c.path {
			t.Error(c, err)
		}
	}
}

func TestVerdictOfAChange(t *testing.T) {
	for _, c := range []struct {
		was, is float64
		want    want
		says    string
	}{
		{100, 105, less, ""}, {100, 105.1, less, "WORSE"}, {100, 94, less, "better"}, {100, 94, more, "WORSE"},
		{100, 106, more, "better"}, {0, 1, less, "WORSE"}, {0, 0, less, ""}, {1, 100, neither, ""}, {-10, -20, less, "better"},
	} {
		if got := verdict(c.was, c.is, c.want); got != c.says {
			t.Errorf("%v to %v: %q, want %q", c.was, c.is, got, c.says)
		}
	}
}
