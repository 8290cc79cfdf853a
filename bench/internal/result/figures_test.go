package result

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A row of nothing would be a figure that nobody sees.
func TestShownFiguresAreThere(t *testing.T) {
	all := FigureTable()
	for path := range shown {
		if !slices.ContainsFunc(all, func(f Figure) bool { return f.Path == path || f.Path == path+".p50" }) {
			t.Errorf("a Result has no %s", path)
		}
	}
	if len(all) < 80 {
		t.Errorf("only %d figures", len(all))
	}
	for _, path := range []string{"lost", "latency_ms.p99", "latency_ms.mean", "deploys.replaced.0.uneven", "trend.flat", "tool.timer_lag_ms.count"} {
		if !slices.ContainsFunc(all, func(f Figure) bool { return f.Path == path }) {
			t.Errorf("%s is no figure", path)
		}
	}
}

func TestFiguresAreReadable(t *testing.T) {
	labels := map[string]string{}
	for _, f := range FigureTable() {
		if other := labels[f.Label]; f.Label == "" || f.Group == "" || other != "" {
			t.Errorf("%s and %s are both called %q", f.Path, other, f.Label)
		}
		labels[f.Label] = f.Path
	}
}

// Each path of a figure can be written in a gate and finds that figure, so that every
// name that an error lists is accepted.
func TestGateKnowsEveryFigure(t *testing.T) {
	for _, f := range FigureTable() {
		text := f.Path + ">0"
		if f.Unit == YesNo {
			text = f.Path
		}
		g, err := ParseGate(text)
		if err != nil || g.figure.Path != f.Path {
			t.Errorf("%s: found %s, %v", f.Path, g.figure.Path, err)
		}
	}
}

// Every figure that was measured is found in a full result.
func TestFiguresAreFound(t *testing.T) {
	r := fullest()
	r.Deploys.CalmMS, r.Deploys.DuringMS = r.LatencyMS, r.LatencyMS
	r.Answers = &Answers{FirstMS: r.LatencyMS, GapMS: r.LatencyMS, WholeMS: r.LatencyMS, PerSecond: new(25.0)}
	for _, f := range FigureTable() {
		if _, measured := f.Of(r); !measured {
			t.Errorf("%s: not measured (%s)", f.Path, f.Why(r))
		}
	}
}

func TestUnitIsWhatTheNameSays(t *testing.T) {
	want := map[string]Unit{
		"seconds": Seconds, "open_ms.p99": Millis, "open_ms.count": Count, "delivered_per_second": Count,
		"server.cpu_us_per_delivery": Micros, "server.bytes_per_stream": Bytes, "server.rss_bytes": Bytes,
		"server.threads": Count, "tool.gc_pause_ms": Millis, "tool.reader_busy": Share, "tool.reader_busy_most": Share, "tool.fd_limit": Count,
		"storm.missed": Count, "storm.server_cpu_s": Seconds, "deploys.replaced.0.exited_s": Seconds, "deploys.replaced.0.at": Seconds, "deploys.replaced.0.uneven": Share,
		"trend.p99": Share, "trend.flat": YesNo, "suspect": YesNo,
	}
	for _, f := range FigureTable() {
		if u, asked := want[f.Path]; asked && u != f.Unit {
			t.Errorf("%s is in %q, want %q", f.Path, f.Unit, u)
		}
		delete(want, f.Path)
	}
	if len(want) > 0 {
		t.Error("no such figures:", want)
	}
}

// Lines of the text table name only what there is.
func TestLinesKnowTheirFigures(t *testing.T) {
	is := regexp.MustCompile(`\{[?+]?([\w.]+)`)
	for _, l := range slices.Concat(whole, rest) {
		for _, m := range is.FindAllStringSubmatch(l.text, -1) {
			if !isField(reflect.TypeFor[Result](), m[1]) {
				t.Errorf("%s, %s: there is no %s", l.group, l.name, m[1])
			}
		}
	}
	for _, m := range is.FindAllStringSubmatch(replaced, -1) {
		if !isField(reflect.TypeFor[Replacement](), m[1]) {
			t.Errorf("a replacement has no %s", m[1])
		}
	}
}

// isField reports whether a type has a field at a path.
func isField(typ reflect.Type, path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		i := fieldIndex(typ, name)
		if i < 0 {
			return false
		}
		typ = typ.Field(i).Type
	}
	return true
}

func TestFill(t *testing.T) {
	r := fullest()
	r.Deploys = nil
	for text, want := range map[string]string{
		"{lost} lost": "10 lost", "{other>0} came": "7 came", "{ended time}": "3 times", "{refused time}": "1 time", "{+trend.rss}": "+13%",
		"a[, {server.bytes_per_stream}][, {deploys.gaps}]": "a, 970 B", "[{deploys.gaps}|{?lost>0}some]": "some", "{?lost}yes, ": "yes",
		"{open_ms.p99}, {tool.reader_busy}": "2.00 ms, 41%", "{trend.rising}": "rss",
	} {
		if got, there := fill(text, r); got != want || !there {
			t.Errorf("%s: %q, %v; want %q", text, got, there, want)
		}
	}
	for _, text := range []string{"{deploys.gaps} gaps", "{server.threads}{deploys.gaps}", "[{deploys.gaps}]", "{?deploys.gaps}none"} {
		if got, there := fill(text, r); there {
			t.Errorf("%s: %q, of what is not there", text, got)
		}
	}
}

func TestNumberIsAtThePathOfTheJSON(t *testing.T) {
	r := fullest()
	r.Deploys = nil
	for path, want := range map[string]float64{"latency_ms.p99": r.LatencyMS.P99, "lanes.1.lost": float64(r.Lanes[1].Lost), "lanes.0.latency_ms.p50": r.Lanes[0].LatencyMS.P50} {
		if n, there := r.Number(path); !there || n != want {
			t.Errorf("%s: %v, %v; want %v", path, n, there, want)
		}
	}
	for _, path := range []string{"lanes.7.lost", "lanes.-1.lost", "lanes", "lanes.one", "name", "deploys.gaps", "nothing"} {
		if n, there := r.Number(path); there {
			t.Errorf("%s: %v, which is no number", path, n)
		}
	}
}
