package result

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func comparisonOf(t *testing.T, base, now *Result) string {
	t.Helper()
	return comparisonOfAll(t, []*Result{base}, []*Result{now})
}

func comparisonOfAll(t *testing.T, base, now []*Result) string {
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
	now.Lost, now.Missing = new(uint64(0)), new(uint64(5))
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
		"WARNING  new is PARTIAL: interrupted after 34.2 s: the figures cover only the time until then\n",
		"WARNING  different commands: run, and soak\n",
		"WARNING  different scenarios: churn is not given, and \"\"; rate is 5, and 10\n",
		"WARNING  different machines: go is go1.26.8, and go1.27; processors is 2, and 4\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestCompareClaimsNothing(t *testing.T) {
	if got := comparisonOf(t, full(), full()); !strings.Contains(got, "One run of each proves nothing") {
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
	one := []*Result{full()}
	if Compare(new(strings.Builder), one, nil) == nil || Compare(new(strings.Builder), []*Result{nil}, one) == nil {
		t.Error("compared with nothing")
	}
}

// runs are results whose latencies are these.
func runs(p99 ...float64) (all []*Result) {
	for _, ms := range p99 {
		r := full()
		r.LatencyMS.P99 = ms
		all = append(all, r)
	}
	return all
}

func TestCompareBelievesOnlyWhatIsHardlyChance(t *testing.T) {
	for _, c := range []struct {
		base, now []float64
		says      string
		not       string
	}{
		{[]float64{50}, []float64{500}, "×10.0", "~"},
		{[]float64{50, 51, 52}, []float64{500, 501, 502}, "measure each four times or more", "(p 0.1"},
		{[]float64{50, 51, 52, 53}, []float64{500, 501, 502, 503}, "WORSE (p 0.029)", "four times"},
		{[]float64{500, 510, 520, 530, 540}, []float64{50, 51, 52, 53, 54}, "better (p 0.008)", "WORSE ("},
		{[]float64{50, 80, 55, 90, 60}, []float64{52, 95, 57, 58, 91}, "~", "better ("},
	} {
		got := comparisonOfAll(t, runs(c.base...), runs(c.now...))
		if !strings.Contains(got, c.says) || strings.Contains(got, c.not) || strings.Contains(got, "WORSE (") != strings.Contains(c.says, "WORSE (") {
			t.Errorf("%v and %v: want %q and no %q in\n%s", c.base, c.now, c.says, c.not, got)
		}
	}
	golden(t, "compareruns.txt", comparisonOfAll(t, runs(50, 51, 52, 53, 54), runs(50, 101, 102, 103, 104)))
}

// The values are those of R's wilcox.test(a, b, exact=TRUE) where there are no equal
// values, and counted by hand where there are.
func TestChance(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1}, []float64{2}, 1},
		{[]float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 2.0 / 70},
		{[]float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 2.0 / 252},
		{[]float64{1, 3, 5}, []float64{2, 4, 6}, 0.7},
		{[]float64{1, 1, 1}, []float64{1, 1, 1}, 1},
		{[]float64{1, 1}, []float64{2, 2}, 2.0 / 6},
	} {
		if got := chance(c.a, c.b); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Range
		text   string
	}{
		{[]float64{3, 1, 2}, Range{2, 1, 3, 3}, "2.00 (1.00–3.00)"},
		{[]float64{4e5, 1e4}, Range{205e3, 1e4, 4e5, 2}, "205,000 (10,000–400,000)"},
		{[]float64{7}, Range{7, 7, 7, 1}, "7.00 (1 round)"},
		{nil, Range{}, "–"},
	} {
		if s := RangeOf(c.values); s != c.want || s.String() != c.text {
			t.Errorf("%v: %+v, %s; want %+v, %s", c.values, s, s, c.want, c.text)
		}
	}
}
