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

// noise is the share by which two equal runs may differ without being marked.
const noise = 0.05

// want is which way a figure gets better.
type want int

const (
	less want = iota
	more
	neither
)

// comparison is a figure that is compared.
type comparison struct {
	name, path string
	want       want
}

// compared are the figures of a comparison, in order. A figure that neither result has
// is left out.
var compared = []comparison{
	{"opened", "opened", more},
	{"refused", "refused", less},
	{"failed", "failed", less},
	{"ended", "ended", less},
	{"open p50", "open_ms.p50", less},
	{"open p99", "open_ms.p99", less},
	{"open all", "open_seconds", less},
	{"published", "published", neither},
	{"delivered", "delivered", neither},
	{"delivered per second", "delivered_per_second", more},
	{"lost", "lost", less},
	{"missing", "missing", less},
	{"duplicated", "duplicated", less},
	{"out of order", "out_of_order", less},
	{"latency p50", "latency_ms.p50", less},
	{"latency p90", "latency_ms.p90", less},
	{"latency p99", "latency_ms.p99", less},
	{"latency p99.9", "latency_ms.p999", less},
	{"latency max", "latency_ms.max", less},
	{"first reader p50", "spread_ms.first.p50", less},
	{"first reader p99", "spread_ms.first.p99", less},
	{"last reader p50", "spread_ms.last.p50", less},
	{"last reader p99", "spread_ms.last.p99", less},
	{"publisher late", "publisher_late_ms", neither},
	{"CPU to open a stream", "server.cpu_us_to_open", less},
	{"CPU per delivery", "server.cpu_us_per_delivery", less},
	{"memory per stream, slope", "server.bytes_per_stream", less},
	{"memory per stream, mean", "server.bytes_per_stream_total", less},
	{"memory at the end", "server.rss_bytes", less},
	{"answered again", "storm.connected_s", less},
	{"caught up", "storm.caught_up", more},
	{"caught up p50", "storm.caught_up_p50_s", less},
	{"caught up p99", "storm.caught_up_p99_s", less},
	{"caught up last", "storm.caught_up_last_s", less},
	{"storm, server's CPU", "storm.server_cpu_s", less},
	{"drain, streams ended", "storm.drain.ended_s", less},
	{"drain, process exited", "storm.drain.exited_s", less},
	{"drain, deliveries lost", "storm.drain.lost_before", less},
	{"drain, returns uneven", "storm.drain.uneven", less},
	{"rise of p99", "trend.p99", neither},
	{"rise of RSS", "trend.rss", neither},
	{"rise of CPU", "trend.cpu", neither},
}

// comparedLanes are the figures compared for each publisher but the first.
var comparedLanes = []comparison{
	{"delivered", "delivered", neither},
	{"lost", "lost", less},
	{"latency p50", "latency_ms.p50", less},
	{"latency p99", "latency_ms.p99", less},
	{"latency max", "latency_ms.max", less},
}

// Compare writes two results side by side, and marks figures that got better or worse
// by more than 5%. That proves nothing: one run of each cannot rule out chance, and
// the last line says so. First it lists what makes the two hard to compare: doubts
// about either, and differences in command, flags (except pid) and machine. It returns
// w's error, or an error if a result is nil.
func Compare(w io.Writer, base, now *Result) error {
	if base == nil || now == nil {
		return errors.New("compare: two results are needed, and one is nil")
	}
	var out strings.Builder
	for _, warning := range slices.Concat(base.caveats("base"), now.caveats("new"), differences(base, now)) {
		out.WriteString(hanging("WARNING  ", warning))
	}
	out.WriteString("\n" + hanging("base  ", base.title()) + hanging("new   ", now.title()) + "\n")
	out.WriteString(changes(base, now) + "\n")
	out.WriteString(hanging("", "This is one run of each: a difference may be chance. Before claiming one, measure both in turn, five times or more."))
	_, err := io.WriteString(w, tidyLines(out.String()))
	return err
}

// caveats are the doubts about a single result.
func (r *Result) caveats(name string) []string {
	var all []string
	for _, doubt := range r.doubts() {
		all = append(all, name+" is SUSPECT: "+doubt)
	}
	if r.Partial {
		all = append(all, name+" is PARTIAL: interrupted after "+seconds.short(r.Seconds))
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
	all := maps.Clone(base)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, now)
	delete(all, "pid")
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, given := base[name]
		is, stillGiven := now[name]
		if was != is || given != stillGiven {
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
			parts = append(parts, fmt.Sprintf("%s is %v, and %v", fieldName(was.Type().Field(i)), was.Field(i), is.Field(i)))
		}
	}
	return parts
}

// changes is the table.
func changes(base, now *Result) string {
	t := newTable()
	t.AppendHeader(table.Row{"", "base", "new", "change", ""})
	var columns []table.ColumnConfig
	for i := 2; i <= 4; i++ {
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	for _, c := range compared {
		f, _ := find(allFigures(), c.path)
		appendChange(t, c.name, Gate{figure: f}, c.want, base, now)
	}
	for _, lane := range lanesOf(base, now) {
		for _, c := range comparedLanes {
			f, _ := find(laneFigures(), c.path)
			appendChange(t, plain(lane)+": "+c.name, Gate{figure: f, lane: lane}, c.want, base, now)
		}
	}
	return t.Render() + "\n"
}

// lanesOf are the names of the lanes in either result, without the first of each, whose
// figures are the result's own.
func lanesOf(results ...*Result) []string {
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

// appendChange appends a figure, unless neither result has it, or both have a zero
// without meaning.
func appendChange(t table.Writer, name string, g Gate, want want, base, now *Result) {
	was, had := g.value(base)
	is, has := g.value(now)
	if (!had && !has) || (want == neither && was == 0 && is == 0) {
		return
	}
	row := table.Row{name, "–", "–", "", ""}
	if had {
		row[1] = g.figure.unit.short(was)
	}
	if has {
		row[2] = g.figure.unit.short(is)
	}
	if had && has {
		row[3], row[4] = change(was, is, g.figure.unit), verdict(was, is, want)
	}
	t.AppendRow(row)
}

// change writes a difference: as a share of the base, or as a factor if it is large.
func change(was, is float64, u unit) string {
	plus := ""
	if is > was {
		plus = "+"
	}
	switch {
	case was == is:
		return "="
	case u == share:
		return plus + digits(100*(is-was)) + " points"
	case was == 0:
		return plus + u.short(is)
	case is/was >= 2:
		return "×" + digits(is/was)
	}
	return plus + share.short((is-was)/math.Abs(was))
}

// verdict is better or worse for a difference beyond noise.
func verdict(was, is float64, want want) string {
	if want == neither || math.Abs(is-was) <= noise*math.Abs(was) {
		return ""
	}
	if (is > was) == (want == more) {
		return "better"
	}
	return "WORSE"
}
