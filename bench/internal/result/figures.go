package result

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Figure is one number, or one yes or no, of a result.
type Figure struct {
	Group  string `json:"group"`  // of figures that are measured together
	Path   string `json:"path"`   // in the JSON, such as latency_ms.p99
	Label  string `json:"label"`  // for people
	Unit   Unit   `json:"unit"`   // of the number in the JSON
	Better string `json:"better"` // less, more, or empty: neither
	Detail bool   `json:"detail"` // only in the JSON and for gates
}

const (
	less    = "less"
	more    = "more"
	neither = ""
)

// shown are the figures that people compare: their labels, and which way they get better.
// The path of a distribution stands for its percentiles. All other numbers of a Result are
// figures too, for gates, with labels made of their paths.
var shown = map[string]struct{ label, better string }{
	"opened":       {"opened", more},
	"refused":      {"refused", less},
	"failed":       {"failed", less},
	"ended":        {"ended", less},
	"open_ms":      {"open", less},
	"open_seconds": {"open all", less},
	"late.streams": {"late streams", less},

	"published":               {"published", neither},
	"delivered":               {"delivered", neither},
	"delivered_per_second":    {"delivered per second", more},
	"lost":                    {"lost", less},
	"missing":                 {"missing", less},
	"duplicated":              {"duplicated", less},
	"out_of_order":            {"out of order", less},
	"stray":                   {"of other topics", less},
	"wire_bytes_per_delivery": {"bytes per delivery", less},
	"inflate_us_per_delivery": {"decoding per delivery", less},
	"latency_ms":              {"latency", less},
	"spread_ms.first":         {"first reader", less},
	"spread_ms.last":          {"last reader", less},
	"waiting_ms":              {"waiting to be read", neither},
	"publisher_late_ms":       {"publisher late", neither},

	"server.cpu_us_to_open":         {"CPU to open a stream", less},
	"server.cpu_us_per_delivery":    {"CPU per delivery", less},
	"server.bytes_per_stream":       {"memory per stream, slope", less},
	"server.bytes_per_stream_error": {"error of that slope", neither},
	"server.bytes_per_stream_total": {"memory per stream, mean", less},
	"server.rss_bytes":              {"memory at the end", less},

	"storm.connected_s":      {"answered again", less},
	"storm.caught_up":        {"caught up", more},
	"storm.caught_up_p50_s":  {"caught up p50", less},
	"storm.caught_up_p99_s":  {"caught up p99", less},
	"storm.caught_up_last_s": {"caught up last", less},
	"storm.server_cpu_s":     {"storm, server's CPU", less},

	"deploys.lost_before":         {"deploys, deliveries lost", less},
	"deploys.gaps":                {"deploys, gap events", less},
	"deploys.gap_once":            {"deploys, told of a gap once", neither},
	"deploys.not_back":            {"deploys, not back", less},
	"deploys.ends_cut":            {"deploys, streams cut", less},
	"deploys.silence_ms":          {"silence", less},
	"deploys.calm_ms":             {"latency in calm", less},
	"deploys.during_ms":           {"latency in deploys", less},
	"deploys.replaced.0.ended_s":  {"deploys, streams ended", less},
	"deploys.replaced.0.exited_s": {"deploys, process exited", less},
	"deploys.replaced.0.uneven":   {"deploys, returns uneven", less},

	"answers.asked":             {"answers asked for", neither},
	"answers.ended":             {"answers that ended", more},
	"answers.truncated":         {"answers truncated", less},
	"answers.stalled":           {"answers stalled", less},
	"answers.first_event_ms":    {"first event", less},
	"answers.gap_ms":            {"gap between events", less},
	"answers.whole_ms":          {"whole answer", less},
	"answers.events_per_second": {"events per second of an answer", more},

	"trend.p99": {"rise of p99", neither},
	"trend.rss": {"rise of RSS", neither},
	"trend.cpu": {"rise of CPU", neither},
}

// overtaking is why events out of order were not measured.
const overtaking = "events of several publishers may overtake each other on their way to the server"

// groups are the first names of paths: figures that have no meaning in a result, or are zero
// only because nothing happened, for the same reason.
var groups = []struct {
	heads  string
	absent func(*Result) bool
	why    string
}{
	{"open_ms open_seconds", func(r *Result) bool { return r.Opened == 0 }, "no stream was opened"},
	{"published delivered delivered_per_second other", func(r *Result) bool { return r.Published == 0 && r.Delivered == 0 }, "nothing was published or delivered"},
	{"expected lost late publisher_late_ms publisher_lateness_ms", func(r *Result) bool { return r.Published == 0 }, "ssebench published nothing"},
	{"publisher_late_ms", func(r *Result) bool { return r.LatenessMS == nil && r.PublisherLateMS == 0 }, "events were published on no schedule"},
	{"stray", func(r *Result) bool { return r.Stray == nil }, "there is one topic; give -topics"},
	{"ahead_ms", func(r *Result) bool { return r.AheadMS == nil }, "ssebench publishes by its own clock"},
	{"plain_bytes inflate_us_per_delivery", func(r *Result) bool { return r.PlainBytes == nil }, "the streams are not compressed; give -compress"},
	{"missing duplicated out_of_order latency_ms spread_ms", func(r *Result) bool { return r.Delivered == 0 }, "nothing was delivered"},
	{"out_of_order", func(r *Result) bool { return r.OutOfOrder == nil && r.Published > 0 }, overtaking},
	{"wire_bytes wire_bytes_per_delivery", func(r *Result) bool { return r.Delivered == 0 || r.WireBytes == nil }, "nothing was delivered while bytes were counted"},
	{"server", func(r *Result) bool { return r.Server == nil }, "the server's process is not known; give -pid"},
	{"storm", func(r *Result) bool { return r.Storm == nil }, "ssebench storm measures it"},
	{"deploys", func(r *Result) bool { return r.Deploys == nil }, "ssebench storm -by drain measures it"},
	{"deploys.before deploys.lost_before", func(r *Result) bool { return r.Deploys.Before == nil }, "events were published all along"},
	{"deploys.replaced", func(r *Result) bool { return len(r.Deploys.Replaced) != 1 }, "several instances were replaced, or none"},
	{"answers", func(r *Result) bool { return r.Answers == nil }, "ssebench answers measures it"},
	{"trend", func(r *Result) bool { return r.Trend == nil }, "ssebench soak measures it"},
}

// Why says why f was not measured in r; it is empty if f was, or if nobody knows.
func (f Figure) Why(r *Result) string {
	for _, g := range groups {
		for head := range strings.FieldsSeq(g.heads) {
			if f.Path == head || strings.HasPrefix(f.Path, head+".") {
				if g.absent(r) {
					return g.why
				}
			}
		}
	}
	return ""
}

// Of is f in r, with 1 for yes and 0 for no, and whether it was measured.
func (f Figure) Of(r *Result) (value float64, measured bool) {
	if f.Why(r) != "" {
		return 0, false
	}
	return number(reflect.ValueOf(r), f.Path)
}

// FigureTable is every figure of a Result, in the order of the JSON. The caller may change
// the slice.
func FigureTable() []Figure { return slices.Clone(figures()) }

var figures = sync.OnceValue(func() []Figure { return figuresOf(reflect.TypeFor[Result](), "") })

// figuresOf are the figures of a type, which is at a path.
func figuresOf(typ reflect.Type, path string) (all []Figure) {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch typ.Kind() {
	case reflect.Struct:
		for i := range typ.NumField() {
			if name := nameOf(typ.Field(i)); name != "" {
				all = append(all, figuresOf(typ.Field(i).Type, strings.TrimPrefix(path+"."+name, "."))...)
			}
		}
	case reflect.Slice:
		if typ.Elem() == reflect.TypeFor[Replacement]() {
			all = figuresOf(typ.Elem(), path+".0")
		}
	case reflect.Bool:
		all = []Figure{newFigure(path, YesNo)}
	case reflect.Float64, reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint64:
		all = []Figure{newFigure(path, unitOf(path))}
	}
	return all
}

// newFigure is the figure at a path. Of a distribution people compare p50 and p99, and of the
// latency more.
func newFigure(path string, unit Unit) Figure {
	group, rest, _ := strings.Cut(path, ".")
	f := Figure{Group: group, Path: path, Unit: unit, Label: strings.NewReplacer("_", " ", "replaced.0.", "", ".", ", ").Replace(path), Detail: true}
	if rest == "" {
		f.Group = "all"
	}
	if row, found := shown[path]; found {
		f.Label, f.Better, f.Detail = row.label, row.better, false
		return f
	}
	if dot := strings.LastIndexByte(path, '.'); dot > 0 {
		if row, found := shown[path[:dot]]; found {
			quantile := strings.Replace(path[dot+1:], "p999", "p99.9", 1)
			f.Label, f.Better = row.label+" "+quantile, row.better
			f.Detail = !strings.Contains("p50 p99", quantile) && (path[:dot] != "latency_ms" || !strings.Contains("p90 p99.9 max", quantile))
		}
	}
	return f
}

// nameOf is a field's name in the JSON.
func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// fieldIndex is the index of the field with a name in the JSON, or -1.
func fieldIndex(typ reflect.Type, name string) int {
	for i := range typ.NumField() {
		if nameOf(typ.Field(i)) == name {
			return i
		}
	}
	return -1
}

// field is what is at a path below v, if it is there. An empty distribution has a count
// and nothing else.
func field(v reflect.Value, path string) (_ reflect.Value, there bool) {
	for name := range strings.SplitSeq(path, ".") {
		v = reflect.Indirect(v)
		if i, err := strconv.Atoi(name); err == nil && v.Kind() == reflect.Slice && 0 <= i && i < v.Len() {
			v = v.Index(i)
			continue
		}
		if v.Kind() != reflect.Struct {
			return v, false
		}
		if p, ok := v.Interface().(Percentiles); ok && p.Count == 0 && name != "count" {
			return v, false
		}
		i := fieldIndex(v.Type(), name)
		if i < 0 {
			return v, false
		}
		v = v.Field(i)
	}
	v = reflect.Indirect(v)
	return v, v.IsValid()
}

// Number is the number at a path of the JSON, such as lanes.1.latency_ms.p99, and whether
// there is one. Nothing is said of whether it has a meaning; see Figure.Of.
func (r *Result) Number(path string) (n float64, there bool) {
	return number(reflect.ValueOf(r), path)
}

// number is the number at a path below v, with 1 for yes, and whether there is one.
func number(v reflect.Value, path string) (n float64, there bool) {
	v, there = field(v, path)
	switch {
	case !there:
	case v.CanFloat():
		n = v.Float()
	case v.CanUint():
		n = float64(v.Uint())
	case v.CanInt():
		n = float64(v.Int())
	case v.Kind() == reflect.Bool:
		n = map[bool]float64{true: 1}[v.Bool()]
	default:
		return 0, false
	}
	return n, there && !math.IsNaN(n)
}

// renamed are figures of storm.drain, which was in older results, where their names are others now.
var renamed = map[string]string{
	"cut": "ends_cut", "untold": "ends_untold", "tries_failed": "returns_failed", "told_later": "returns_later", "gap_events": "deploys.gaps", "listens_again_s": "ready_s",
}

// find is the one figure whose path is name or ends with it; _ms may be left out. The
// percentiles alone are those of the latency.
func find(name string) (Figure, error) {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "storm.drain."), "drain.")
	name = cmp.Or(renamed[name], name)
	short := func(path string) string { return strings.ReplaceAll("."+path, "_ms", "") }
	var found []Figure
	for _, f := range figures() {
		if f.Path == name || f.Path == "latency_ms."+name {
			return f, nil
		}
		if strings.HasSuffix(short(f.Path), short(name)) {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Figure{}, fmt.Errorf("no figure is called %q; known are %s", name, known())
	}
	var paths []string
	for _, f := range found {
		paths = append(paths, f.Path)
	}
	return Figure{}, fmt.Errorf("%q could be any of %s; write one in full", name, strings.Join(paths, ", "))
}

// known lists figures for an error, each distribution as one.
func known() string {
	names := []string{"p50, p90, p99, p999, max, mean (of latency_ms)"}
	of := "none"
	for _, f := range figures() {
		if path, first := strings.CutSuffix(f.Path, ".p50"); first {
			of = path
			names = append(names, of+".p50…count")
		} else if !strings.HasPrefix(f.Path, of+".") {
			names = append(names, f.Path)
		}
	}
	return strings.Join(names, ", ")
}
