package result

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Gate is a condition on one figure under which a measurement counts as failed.
// The zero Gate is none; ParseGate makes one. It may be copied and shared.
type Gate struct {
	text   string
	lane   string // of this publisher; empty: of the whole
	figure Figure
	negate bool // of a yes or no
	op     string
	limit  float64 // in the figure's unit
	base   string  // how the limit came from saved results; empty: it was given
}

var (
	condition = regexp.MustCompile(`^\s*([\w.-]+)\s*(>=|<=|==|!=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?:([A-Za-zµμ%]*)|[x×]\s+(\S.*?))\s*$`)
	yesOrNo   = regexp.MustCompile(`^\s*(!?)\s*([\w.-]+)\s*$`)
)

// ParseGate reads a condition: a figure's name, one of > >= < <= == !=, and a
// number, with a unit or else in the figure's own: p99>50ms, lost>0,
// cpu_us_per_delivery>=2, rss_bytes>1GiB, trend.rss>5%. A figure that is yes or no
// stands alone: suspect, !flat. In place of a unit, x and a file are so many times what a
// saved result has, or what is the median of several: p99 > 1.2x base*.json.
//
// Names are paths in the JSON, with dots. The end of a path is enough if it is unique
// (last.p99 is spread_ms.last.p99). p50, p90, p99, p999, max and mean are those of
// latency_ms; lanes.NAME.lost is that of the publisher NAME.
func ParseGate(text string) (Gate, error) {
	g := Gate{text: strings.TrimSpace(text)}
	if err := g.parse(); err != nil {
		return Gate{}, fmt.Errorf("gate %q: %w", text, err)
	}
	return g, nil
}

func (g *Gate) parse() error {
	if m := condition.FindStringSubmatch(g.text); m != nil {
		return g.parseComparison(m[1], m[2], m[3], m[4], m[5])
	}
	m := yesOrNo.FindStringSubmatch(g.text)
	if m == nil {
		return fmt.Errorf("not a condition; write a figure, one of > >= < <= == !=, and a number with its unit, such as p99>50ms, or the name of a yes or no, such as suspect")
	}
	if err := g.find(m[2]); err != nil {
		return err
	}
	if g.figure.Unit != YesNo {
		return fmt.Errorf("%s is a number; compare it with one, such as %s>0", m[2], m[2])
	}
	g.negate = m[1] == "!"
	return nil
}

func (g *Gate) parseComparison(name, op, digits, unit, base string) error {
	g.op = op
	if err := g.find(name); err != nil {
		return err
	}
	if g.figure.Unit == YesNo {
		return fmt.Errorf("%s is yes or no; write only %s, or !%s", name, name, name)
	}
	limit, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return fmt.Errorf("%s is not a number to compare with: %w", digits, err)
	}
	if base != "" {
		return g.timesBase(limit, base)
	}
	var fits bool
	if g.limit, fits = g.figure.Unit.in(limit, unit); !fits {
		return fmt.Errorf("the unit %s does not fit: %s is %s", unit, name, g.figure.Unit.written())
	}
	return nil
}

// timesBase makes the limit a multiple of what saved results have.
func (g *Gate) timesBase(times float64, pattern string) error {
	results, err := ReadAll(pattern)
	if err != nil {
		return err
	}
	var values []float64
	for _, r := range results {
		v := g.check(r)
		if !v.measured {
			return fmt.Errorf("%s has no %s to compare with%s", pattern, g.name(), v.why)
		}
		values = append(values, v.value)
	}
	base := median(values)
	g.limit, g.base = times*base, fmt.Sprintf(", which is %s", g.figure.Unit.Short(times*base))
	return nil
}

// find finds lanes.NAME.figure in a lane, and other figures in the result.
func (g *Gate) find(name string) (err error) {
	of, inLane := strings.CutPrefix(name, "lanes.")
	if !inLane {
		g.figure, err = find(name)
		return err
	}
	g.lane, name, _ = strings.Cut(of, ".")
	g.figure, err = find(name)
	head, _, _ := strings.Cut(g.figure.Path, ".")
	if err == nil && fieldIndex(reflect.TypeFor[Lane](), head) < 0 {
		return fmt.Errorf("no figure of a publisher is called %q", name)
	}
	return err
}

// String is the condition as it was given.
func (g Gate) String() string { return g.text }

// UnmarshalText is ParseGate, so that a flag may be a Gate.
func (g *Gate) UnmarshalText(text []byte) (err error) {
	*g, err = ParseGate(string(text))
	return err
}

// MarshalText is String.
func (g Gate) MarshalText() ([]byte, error) { return []byte(g.text), nil }

// Check reports whether r fails the gate. A figure that was not measured fails it.
// The zero Gate never fails.
func (g Gate) Check(r *Result) Verdict {
	v := Verdict{Gate: g.text, Text: "there is no gate"}
	if g.text == "" {
		return v
	}
	f := g.check(r)
	says := g.text + g.base
	switch {
	case !f.measured:
		v.Failed, v.Text = true, fmt.Sprintf("%s was not measured%s: the gate %s fails, because it cannot be checked", g.name(), f.why, g.text)
		return v
	case g.figure.Unit == YesNo:
		v.Failed = (f.value == 1) != g.negate
	default:
		v.Failed = holds(f.value, g.op, g.limit)
	}
	if v.Failed {
		v.Text = fmt.Sprintf("%s = %s, and the gate says %s", g.name(), g.written(f.value), says)
	} else {
		v.Text = fmt.Sprintf("%s = %s, which the gate %s lets pass", g.name(), g.written(f.value), says)
	}
	return v
}

// checked is the gate's figure in a result.
type checked struct {
	value    float64
	measured bool
	why      string // it was not, in brackets
}

func (g Gate) check(r *Result) (c checked) {
	if g.lane != "" {
		if r = r.lane(g.lane); r == nil {
			return checked{why: fmt.Sprintf(" (no publisher is called %s)", g.lane)}
		}
	}
	c.value, c.measured = g.figure.Of(r)
	if why := g.figure.Why(r); why != "" {
		c.why = " (" + why + ")"
	}
	return c
}

// lane is the events of a publisher, or nil.
func (r *Result) lane(name string) *Result {
	for i := range r.Lanes {
		if r.Lanes[i].Name == name {
			return r.Lanes[i].result()
		}
	}
	return nil
}

// written is a value with four digits, or more where four would be on the other side of
// the limit.
func (g Gate) written(value float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 4, 64), 64)
	whole := value == math.Trunc(value)
	if err != nil || whole || holds(rounded, g.op, g.limit) != holds(value, g.op, g.limit) {
		rounded = value // not 50.00 > 50
	}
	return g.figure.Unit.exact(rounded)
}

// holds compares; with a NaN only != is true.
func holds(value float64, op string, limit float64) bool {
	switch op {
	case ">":
		return value > limit
	case ">=":
		return value >= limit
	case "<":
		return value < limit
	case "<=":
		return value <= limit
	case "==":
		return value == limit
	}
	return value != limit
}

// name is the figure's name, as short as it can be and still unique.
func (g Gate) name() string {
	name := strings.TrimPrefix(g.figure.Path, "latency_ms.")
	if g.lane != "" {
		name = "lanes." + g.lane + "." + name
	}
	return name
}
