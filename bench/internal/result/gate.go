package result

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Gate is a condition on one figure under which a measurement counts as failed.
// ParseGate makes one. It may be copied and shared.
type Gate struct {
	text   string
	lane   string // of this publisher; empty: of the whole
	figure Figure
	op     string
	limit  float64 // in the figure's unit
	says   string  // the limit, if it came from saved results
}

var (
	condition = regexp.MustCompile(`^([\w.-]+)\s*(>=|<=|==|!=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?:([A-Za-zµμ%]*)|[x×]\s+(\S.*))$`)
	yesOrNo   = regexp.MustCompile(`^(!?)\s*([\w.-]+)$`)
	operators = map[string]func(compared int) bool{
		">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 }, "==": func(c int) bool { return c == 0 },
		"<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 }, "!=": func(c int) bool { return c != 0 },
	}
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
	var err error
	if m := condition.FindStringSubmatch(g.text); m != nil {
		err = g.parseComparison(m[1], m[2], m[3], m[4], m[5])
	} else if m := yesOrNo.FindStringSubmatch(g.text); m != nil {
		err = g.parseYesOrNo(m[2], m[1] == "!")
	} else {
		err = errors.New("not a condition; write a figure, one of > >= < <= == !=, and a number with its unit, such as p99>50ms, or the name of a yes or no, such as suspect")
	}
	if err != nil {
		return Gate{}, fmt.Errorf("gate %q: %w", text, err)
	}
	return g, nil
}

func (g *Gate) parseYesOrNo(name string, negate bool) error {
	g.op, g.limit = "==", 1
	if negate {
		g.limit = 0
	}
	err := g.find(name)
	if err == nil && g.figure.Unit != YesNo {
		return fmt.Errorf("%s is a number; compare it with one, such as %s>0", name, name)
	}
	return err
}

func (g *Gate) parseComparison(name, op, digits, unit, base string) error {
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
	g.op = op
	if base != "" {
		return g.timesBase(limit, base)
	}
	var fits bool
	if g.limit, fits = g.figure.Unit.in(limit, unit); !fits {
		return fmt.Errorf("the unit %s does not fit: %s is %s", unit, name, g.figure.Unit.fitting())
	}
	return nil
}

// timesBase makes the limit a multiple of what saved results have.
func (g *Gate) timesBase(times float64, pattern string) error {
	results, err := ReadAll(pattern)
	var values []float64
	for _, r := range results {
		value, measured, why := g.of(r)
		if !measured {
			return fmt.Errorf("%s has no %s to compare with%s", pattern, g.name(), why)
		}
		values = append(values, value)
	}
	g.limit = times * median(values)
	g.says = ", which is " + g.figure.Unit.Short(g.limit)
	return err
}

// find finds lanes.NAME.figure in a lane, and other figures in the result.
func (g *Gate) find(name string) (err error) {
	if of, inLane := strings.CutPrefix(name, "lanes."); inLane {
		g.lane, name, _ = strings.Cut(of, ".")
	}
	g.figure, err = find(name)
	head, _, _ := strings.Cut(g.figure.Path, ".")
	if err == nil && g.lane != "" && fieldIndex(reflect.TypeFor[Lane](), head) < 0 {
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

// Check reports whether r fails the gate. A figure that was not measured fails it.
func (g Gate) Check(r *Result) Verdict {
	value, measured, why := g.of(r)
	if !measured {
		return Verdict{g.text, true, fmt.Sprintf("%s was not measured%s: the gate %s fails, because it cannot be checked", g.name(), why, g.text)}
	}
	is := g.name() + " = " + g.figure.Unit.exact(value)
	if operators[g.op](cmp.Compare(value, g.limit)) {
		return Verdict{g.text, true, fmt.Sprintf("%s, and the gate says %s%s", is, g.text, g.says)}
	}
	return Verdict{g.text, false, fmt.Sprintf("%s, which the gate %s%s lets pass", is, g.text, g.says)}
}

// of is the gate's figure in a result, or why it is not there, in brackets.
func (g Gate) of(r *Result) (value float64, measured bool, why string) {
	if g.lane != "" {
		if r = r.lane(g.lane); r == nil {
			return 0, false, fmt.Sprintf(" (no publisher is called %s)", g.lane)
		}
	}
	if why = g.figure.Why(r); why != "" {
		why = " (" + why + ")"
	}
	value, measured = g.figure.Of(r)
	return value, measured, why
}

// name is the figure's name, as short as it can be and still unique.
func (g Gate) name() string {
	name := strings.TrimPrefix(g.figure.Path, "latency_ms.")
	if g.lane != "" {
		return "lanes." + g.lane + "." + name
	}
	return name
}
