package result

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Compare writes two sides of one or more results beside each other: the medians, and how
// far from these the runs are. A figure is called better or WORSE only if chance alone
// would make such a difference in fewer than 1 of 20 comparisons, which takes four runs of
// each or more; the last line says so. First it lists what makes the results hard to
// compare: doubts about any, and differences in command, flags (except pid) and machine.
// It returns w's error, or an error if a side has no result.
func Compare(w io.Writer, base, now []*Result) error {
	all := slices.Concat(base, now)
	if len(base) == 0 || len(now) == 0 || slices.Contains(all, nil) {
		return errors.New("compare: two results are needed, a base and a new one")
	}
	var warnings []string
	for i, r := range all {
		name := "base"
		if i >= len(base) {
			name = "new"
		}
		for _, c := range r.caveats() {
			warnings = append(warnings, fmt.Sprintf("%s is %s: %s", name, c.word, c.why))
		}
		warnings = append(warnings, differences(all[0], r)...)
	}
	var out strings.Builder
	for i, warning := range warnings {
		if !slices.Contains(warnings[:i], warning) {
			out.WriteString(hanging("WARNING  ", warning, 100))
		}
	}
	out.WriteString("\n" + hanging("base  ", title(base), 100) + hanging("new   ", title(now), 100) + "\n")
	out.WriteString(changes(base, now) + "\n\n" + hanging("", trust(len(base), len(now)), 100))
	_, err := io.WriteString(w, tidyLines(out.String()))
	return err
}

// title says which measurements a side has.
func title(side []*Result) string {
	if len(side) == 1 {
		return side[0].title()
	}
	return fmt.Sprintf("%d runs, the first: %s", len(side), side[0].title())
}

// differences are the reasons why two results may not be comparable. The server's process
// id differs each time.
func differences(base, now *Result) []string {
	var all []string
	if base.Command != now.Command {
		all = append(all, fmt.Sprintf("different commands: %s, and %s", base.Command, now.Command))
	}
	if flags := differing(base.Scenario, now.Scenario); len(flags) > 0 {
		all = append(all, "different scenarios: "+strings.Join(flags, "; "))
	}
	if parts := differing(base.Machine.values(), now.Machine.values()); len(parts) > 0 {
		all = append(all, "different machines: "+strings.Join(parts, "; "))
	}
	return all
}

func (m Machine) values() map[string]string {
	return map[string]string{"os": m.OS, "kernel": m.Kernel, "processors": fmt.Sprint(m.Processors), "go": m.Go}
}

// differing are the values that differ, sorted by name.
func differing(base, now map[string]string) (all []string) {
	value := func(of map[string]string, name string) string {
		value, given := of[name]
		return cmp.Or(value, map[bool]string{true: `""`, false: "not given"}[given])
	}
	names := slices.Concat(slices.Collect(maps.Keys(base)), slices.Collect(maps.Keys(now)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if was, is := value(base, name), value(now, name); was != is && name != "pid" {
			all = append(all, fmt.Sprintf("%s is %s, and %s", name, was, is))
		}
	}
	return all
}

// changes is the table.
func changes(base, now []*Result) string {
	t := newTable("", "base", "±", "new", "±", "change", "")
	var columns []table.ColumnConfig
	for i := 2; i <= 6; i++ {
		hidden := i == 3 && len(base) == 1 || i == 5 && len(now) == 1
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight, Hidden: hidden})
	}
	t.SetColumnConfigs(columns)
	appendChanges(t, "", base, now)
	for _, lane := range lanesOf(slices.Concat(base, now)) {
		appendChanges(t, plain(lane)+": ", ofLane(base, lane), ofLane(now, lane))
	}
	return t.Render()
}

// lanesOf are the names of the lanes in any result, without the first of each, whose
// figures are the result's own.
func lanesOf(results []*Result) []string {
	var names []string
	for _, r := range results {
		for _, l := range r.Lanes[min(1, len(r.Lanes)):] {
			if !slices.Contains(names, l.Name) {
				names = append(names, l.Name)
			}
		}
	}
	return names
}

// ofLane is a lane of each result that has it.
func ofLane(results []*Result, name string) (lanes []*Result) {
	for _, r := range results {
		if l := r.lane(name); l != nil {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// appendChanges appends the figures that a side has. Those that are zero on both are left out.
func appendChanges(t table.Writer, of string, base, now []*Result) {
	for _, f := range figures() {
		was, is := values(f, base), values(f, now)
		before, after := RangeOf(was), RangeOf(is)
		if all := RangeOf(slices.Concat(was, is)); f.Detail || all.Least == 0 && all.Most == 0 {
			continue
		}
		row := table.Row{of + f.Label, "–", "", "–", "", "", ""}
		if before.Runs > 0 {
			row[1], row[2] = f.Unit.Short(before.Median), before.off()
		}
		if after.Runs > 0 {
			row[3], row[4] = f.Unit.Short(after.Median), after.off()
		}
		if before.Runs > 0 && after.Runs > 0 {
			row[5], row[6] = f.Unit.change(before.Median, after.Median), verdict(was, is, f.Better)
		}
		t.AppendRow(row)
	}
}

// values are a figure's in the results that have it.
func values(f Figure, results []*Result) (all []float64) {
	for _, r := range results {
		if v, measured := f.Of(r); measured {
			all = append(all, v)
		}
	}
	return all
}

// off is by how much the run that is farthest from the median differs from it.
func (r Range) off() string {
	if r.Median == 0 {
		return ""
	}
	return Share.Short(max(r.Most-r.Median, r.Median-r.Least) / math.Abs(r.Median))
}

// change writes a difference: as a share of the base, or as a factor if it is large.
func (u Unit) change(was, is float64) string {
	plus := ""
	if is > was {
		plus = "+"
	}
	switch {
	case was == is:
		return "="
	case u == Share:
		return plus + Digits(100*(is-was)) + " points"
	case was == 0:
		return plus + u.Short(is)
	case is/was >= 2:
		return "×" + Digits(is/was)
	}
	return plus + Share.Short((is-was)/math.Abs(was))
}
