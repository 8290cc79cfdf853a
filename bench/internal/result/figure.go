package result

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// figure is one number, or one yes or no, of a result, with its path in the JSON, such
// as latency_ms.p99. Elements of lists are not figures.
type figure struct {
	path  string
	unit  unit
	truth bool // yes or no
	index []int
}

// unit is the unit of a figure, as it is written.
type unit string

const (
	count   unit = ""
	share   unit = "%" // held as 0 to 1
	seconds unit = "s"
	millis  unit = "ms"
	micros  unit = "µs"
	octets  unit = "B"
)

// scales are the units that may follow a number, each with its kind and its size in
// the smallest unit of that kind. Sizes are whole, so that 50000us is exactly 50 ms.
var scales = map[string]struct {
	of   string
	size float64
}{
	"ns": {"time", 1}, "us": {"time", 1e3}, "µs": {"time", 1e3}, "μs": {"time", 1e3}, "ms": {"time", 1e6}, "s": {"time", 1e9},
	"B": {"memory", 1}, "KB": {"memory", 1e3}, "KiB": {"memory", 1 << 10}, "MB": {"memory", 1e6}, "MiB": {"memory", 1 << 20},
	"GB": {"memory", 1e9}, "GiB": {"memory", 1 << 30},
	"%": {"share", 1},
}

// in converts a number with a written unit to u.
func (u unit) in(number float64, written string) (value float64, fits bool) {
	if written == "" {
		return number, true
	}
	from, known := scales[written]
	to := scales[string(u)]
	switch {
	case !known || from.of != to.of:
		return 0, false
	case u == share:
		return number / 100, true
	case from.size < to.size:
		return number / (to.size / from.size), true
	}
	return number * (from.size / to.size), true
}

// written lists the units that fit a figure, for errors.
func (u unit) written() string {
	switch u {
	case count:
		return "a count, without a unit"
	case share:
		return "a share of 1, or in %"
	case octets:
		return "bytes: B, KB, KiB, MB, MiB, GB or GiB"
	}
	return "a time: ns, us, ms or s"
}

// unitOf is the unit that a field's name says, or else that of the struct it is in.
func unitOf(name string, around unit) unit {
	switch {
	case strings.HasSuffix(name, "_ms"):
		return millis
	case strings.HasSuffix(name, "_us"), strings.Contains(name, "_us_"):
		return micros
	case name == "seconds", strings.HasSuffix(name, "_seconds"), strings.HasSuffix(name, "_s"):
		return seconds
	case strings.HasPrefix(name, "bytes_"), strings.HasSuffix(name, "_bytes"):
		return octets
	case name == "reader_busy", name == "trend", name == "uneven":
		return share
	case name == "count":
		return count
	}
	return around
}

// allFigures are the figures of a Result, laneFigures those of a Lane.
var (
	allFigures  = sync.OnceValue(func() []figure { return figuresOf(reflect.TypeFor[Result](), figure{}) })
	laneFigures = sync.OnceValue(func() []figure { return figuresOf(reflect.TypeFor[Lane](), figure{}) })
)

// figuresOf are the figures of a type, in the order of its fields. around is the figure
// that the type is the value of.
func figuresOf(typ reflect.Type, around figure) []figure {
	switch typ.Kind() {
	case reflect.Pointer:
		return figuresOf(typ.Elem(), around)
	case reflect.Struct:
		return figuresOfFields(typ, around)
	case reflect.Bool:
		around.truth, around.unit = true, count
		return []figure{around}
	case reflect.Float64, reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint64:
		return []figure{around}
	}
	return nil
}

func figuresOfFields(typ reflect.Type, around figure) []figure {
	if typ == reflect.TypeFor[time.Time]() {
		return nil
	}
	var all []figure
	for i := range typ.NumField() {
		name := fieldName(typ.Field(i))
		all = append(all, figuresOf(typ.Field(i).Type, figure{
			path:  join(around.path, name),
			unit:  unitOf(name, around.unit),
			index: append(slices.Clip(around.index), i),
		})...)
	}
	return all
}

// in finds the figure's field in a struct, and reports whether it is there.
func (f figure) in(v reflect.Value) (_ reflect.Value, there bool) {
	for _, i := range f.index {
		if v = reflect.Indirect(v); !v.IsValid() {
			return v, false
		}
		v = v.Field(i)
	}
	v = reflect.Indirect(v)
	return v, v.IsValid()
}

// number is a field's value as a number, with 1 for yes.
func number(v reflect.Value) float64 {
	switch {
	case v.Kind() == reflect.Bool && v.Bool():
		return 1
	case v.CanFloat():
		return v.Float()
	case v.CanUint():
		return float64(v.Uint())
	case v.CanInt():
		return float64(v.Int())
	}
	return 0
}

// shortened are names that stand for longer ones.
var shortened = map[string]string{
	"p50": "latency_ms.p50", "p90": "latency_ms.p90", "p99": "latency_ms.p99", "p999": "latency_ms.p999",
	"max": "latency_ms.max", "mean": "latency_ms.mean",
	"latency": "latency_ms", "open": "open_ms", "spread": "spread_ms",
}

// find returns the one figure whose path is name, or ends with it.
func find(all []figure, name string) (figure, error) {
	path := lengthen(all, name)
	var found []figure
	for _, f := range all {
		if f.path == path {
			return f, nil
		}
		if strings.HasSuffix(f.path, "."+path) {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return figure{}, fmt.Errorf("no figure is called %q; known are %s", name, known(all))
	}
	return figure{}, fmt.Errorf("%q could be any of %s; write one in full", name, strings.Join(paths(found), ", "))
}

// lengthen returns the name that a shortened name stands for, if any.
func lengthen(all []figure, name string) string {
	head, rest, dotted := strings.Cut(name, ".")
	long := shortened[head]
	if long == "" {
		return name
	}
	if dotted {
		long += "." + rest
	}
	if !slices.Contains(paths(all), long) { // p99.max belongs to the spread
		return name
	}
	return long
}

func paths(all []figure) []string {
	var names []string
	for _, f := range all {
		names = append(names, f.path)
	}
	return names
}

// known lists figures for an error, each distribution as one.
func known(all []figure) string {
	names := []string{"p50, p90, p99, p999, max, mean (of latency_ms)"}
	percentiles := " p50 p90 p99 p999 max mean count "
	for _, path := range paths(all) {
		if dot := strings.LastIndexByte(path, '.'); strings.Contains(percentiles, " "+path[dot+1:]+" ") && !strings.HasPrefix(path, "trend.") {
			path = path[:dot] + ".p50…count"
		}
		if names[len(names)-1] != path {
			names = append(names, path)
		}
	}
	return strings.Join(names, ", ")
}
