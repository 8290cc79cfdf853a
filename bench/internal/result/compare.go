package result

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
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
		warnings = append(warnings, slices.Concat(r.caveats(name), differences(all[0], r))...)
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

// caveats are the doubts about a single result.
func (r *Result) caveats(name string) []string {
	var all []string
	for _, doubt := range r.doubts() {
		all = append(all, name+" is SUSPECT: "+doubt)
	}
	if r.Partial {
		all = append(all, name+" is PARTIAL: interrupted after "+Seconds.Short(r.Seconds))
	}
	return all
}

// differences are the reasons why two results may not be comparable.
func differences(base, now *Result) []string {
	var all []string
	if base.Command != now.Command {
		all = append(all, fmt.Sprintf("different commands: %s, and %s", base.Command, now.Command))
	}
	if flags := differingFlags(base.Scenario, now.Scenario); len(flags) > 0 {
		all = append(all, "different scenarios: "+strings.Join(flags, "; "))
	}
	if parts := differingParts(base.Machine, now.Machine); len(parts) > 0 {
		all = append(all, "different machines: "+strings.Join(parts, "; "))
	}
	return all
}

// differingFlags are the flags whose values differ, sorted by name. The server's
// process id is left out: it differs each time.
func differingFlags(base, now map[string]string) []string {
	names := slices.Concat(slices.Collect(maps.Keys(base)), slices.Collect(maps.Keys(now)))
	slices.Sort(names)
	var flags []string
	for _, name := range slices.Compact(names) {
		was, given := base[name]
		is, stillGiven := now[name]
		if (was != is || given != stillGiven) && name != "pid" {
			flags = append(flags, fmt.Sprintf("%s is %s, and %s", name, orNone(was, given), orNone(is, stillGiven)))
		}
	}
	return flags
}

func orNone(value string, given bool) string {
	switch {
	case !given:
		return "not given"
	case value == "":
		return `""`
	}
	return value
}

func differingParts(base, now Machine) []string {
	var parts []string
	was, is := reflect.ValueOf(base), reflect.ValueOf(now)
	for i := range was.NumField() {
		if !was.Field(i).Equal(is.Field(i)) {
			parts = append(parts, fmt.Sprintf("%s is %v, and %v", was.Type().Field(i).Tag.Get("json"), was.Field(i), is.Field(i)))
		}
	}
	return parts
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
	for _, f := range figures() {
		if !f.Detail {
			t.AppendRows(change(f, f.Label, base, now))
		}
	}
	for _, lane := range lanesOf(slices.Concat(base, now)) {
		for _, f := range figures() {
			if head, _, _ := strings.Cut(f.Path, "."); !f.Detail && fieldIndex(reflect.TypeFor[Lane](), head) >= 0 {
				t.AppendRows(change(f, plain(lane)+": "+f.Label, ofLane(base, lane), ofLane(now, lane)))
			}
		}
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

// change is the row of a figure; none if neither side has it, or both have a zero without
// meaning.
func change(f Figure, name string, base, now []*Result) []table.Row {
	was, is := values(f, base), values(f, now)
	before, after := median(was), median(is)
	if len(was)+len(is) == 0 || (f.Better == neither && before == 0 && after == 0) {
		return nil
	}
	row := table.Row{name, "–", "", "–", "", "", ""}
	if len(was) > 0 {
		row[1], row[2] = f.Unit.Short(before), off(was)
	}
	if len(is) > 0 {
		row[3], row[4] = f.Unit.Short(after), off(is)
	}
	if len(was) > 0 && len(is) > 0 {
		row[5], row[6] = f.Unit.change(before, after), verdict(was, is, f.Better)
	}
	return []table.Row{row}
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
func off(values []float64) string {
	m := median(values)
	if m == 0 {
		return ""
	}
	return Share.Short(max(slices.Max(values)-m, m-slices.Min(values)) / math.Abs(m))
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
