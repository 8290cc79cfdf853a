package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

func TestRatiosAreToTheFirst(t *testing.T) {
	a, b, c := plain(), plain(), plain()
	b.LatencyMS.P99, b.PerSecond = 2*a.LatencyMS.P99, 1.5*a.PerSecond
	c.LatencyMS.P99, c.PerSecond, c.Lost = 1.02*a.LatencyMS.P99, 0, new(uint64(7))
	groups := comparison([]*result.Result{a, b, c})
	for _, want := range []struct {
		name  string
		cells []cell
	}{
		{"Latency, p99", []cell{{"40.1 ms", "", ""}, {"80.2 ms", "×2.00", "worse"}, {"40.9 ms", "×1.02", ""}}},
		{"Deliveries per second", []cell{{"50,000", "", ""}, {"75,000", "×1.50", "better"}, {"–", "", ""}}},
		{"Lost", []cell{{"0", "", ""}, {"0", "=", ""}, {"7", "", "wrong"}}},
	} {
		if got := cellsOf(groups, want.name); !slices.Equal(got, want.cells) {
			t.Errorf("%s: %v, want %v", want.name, got, want.cells)
		}
	}
}

func cellsOf(groups []group, name string) []cell {
	for _, g := range groups {
		for _, r := range g.Rows {
			if r.Name == name {
				return r.Cells
			}
		}
	}
	return nil
}

func TestLabelsTellResultsApart(t *testing.T) {
	of := func(name, command, c string) *run {
		return &run{result: &result.Result{Name: name, Command: command, Scenario: map[string]string{"c": c, "rate": "5"}}}
	}
	for _, test := range []struct {
		runs []*run
		want string
	}{
		{[]*run{of("a", "run", "1"), of("b", "run", "1")}, "a|b"},
		{[]*run{of("a", "run", "1"), of("a", "storm", "1")}, "a run|a storm"},
		{[]*run{of("a", "run", "1"), of("a", "run", "20"), of("b", "run", "1")}, "a -c 1|a -c 20|b"},
		{[]*run{of("a", "run", "1"), of("a", "run", "1")}, "a (1)|a (2)"},
		{[]*run{of("a", "run", "1"), of("a", "run", "20"), of("a", "run", "1")}, "a -c 1 (1)|a -c 20|a -c 1 (3)"},
		{[]*run{of("", "", "1")}, "result"},
	} {
		if got := strings.Join(labels(test.runs), "|"); got != test.want {
			t.Errorf("labels are %s, want %s", got, test.want)
		}
	}
}

func TestFlagsThatDifferStandOut(t *testing.T) {
	a, b := plain(), plain()
	b.Scenario["c"], b.Scenario["stalled"] = "20", "5"
	var differ []string
	for _, s := range sheets(runsOf([]*result.Result{a, b})) {
		for _, f := range s.Flags {
			if f.Differs {
				differ = append(differ, f.Text)
			}
		}
	}
	if want := []string{"-c 10000", "-c 20", "-stalled 5"}; !slices.Equal(differ, want) {
		t.Errorf("flags that differ are %q, want %q", differ, want)
	}
}
