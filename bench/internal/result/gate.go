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
	figure figure
	negate bool // of a yes or no
	op     string
	limit  float64 // in the figure's unit
}

// Verdict is the outcome of a gate.
type Verdict struct {
	Failed bool   // the condition was met, or could not be checked
	Text   string // a sentence that says why, without a full stop
}

var (
	condition = regexp.MustCompile(`^\s*([\w.-]+)\s*(>=|<=|==|!=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-zµμ%]*)\s*$`)
	yesOrNo   = regexp.MustCompile(`^\s*(!?)\s*([\w.-]+)\s*$`)
)

// ParseGate reads a condition: a figure's name, one of > >= < <= == !=, and a
// number, with a unit or else in the figure's own: p99>50ms, lost>0,
// cpu_us_per_delivery>=2, rss_bytes>1GiB, trend.rss>5%. A figure that is yes or no
// stands alone: suspect, !flat.
//
// Names are paths in the JSON, with dots. The end of a path is enough if it is unique
// (last.p99 is spread_ms.last.p99). p50, p90, p99, p999, max and mean are those of
// latency_ms; lanes.NAME.lost is that of the publisher NAME.
func ParseGate(text string) (Gate, error) {
	g, err := parseGate(text)
	if err != nil {
		return Gate{}, fmt.Errorf("gate %q: %w", text, err)
	}
	g.text = strings.TrimSpace(text)
	return g, nil
}

func parseGate(text string) (g Gate, err error) {
	if m := condition.FindStringSubmatch(text); m != nil {
		return parseComparison(m[1], m[2], m[3], m[4])
	}
	m := yesOrNo.FindStringSubmatch(text)
	if m == nil {
		return g, fmt.Errorf("not a condition; write a figure, one of > >= < <= == !=, and a number with its unit, such as p99>50ms, or the name of a yes or no, such as suspect")
	}
	if g.lane, g.figure, err = findFigure(m[2]); err != nil {
		return g, err
	}
	if !g.figure.truth {
		return g, fmt.Errorf("%s is a number; compare it with one, such as %s>0", m[2], m[2])
	}
	g.negate = m[1] == "!"
	return g, nil
}

func parseComparison(name, op, digits, written string) (g Gate, err error) {
	g.op = op
	if g.lane, g.figure, err = findFigure(name); err != nil {
		return g, err
	}
	if g.figure.truth {
		return g, fmt.Errorf("%s is yes or no; write only %s, or !%s", name, name, name)
	}
	limit, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return g, fmt.Errorf("%s is not a number to compare with: %w", digits, err)
	}
	var fits bool
	if g.limit, fits = g.figure.unit.in(limit, written); !fits {
		return g, fmt.Errorf("the unit %s does not fit: %s is %s", written, name, g.figure.unit.written())
	}
	return g, nil
}

// findFigure finds lanes.NAME.figure in a lane, and other figures in the result.
func findFigure(name string) (lane string, f figure, err error) {
	of, inLane := strings.CutPrefix(name, "lanes.")
	if !inLane {
		f, err = find(allFigures(), name)
		return "", f, err
	}
	lane, rest, _ := strings.Cut(of, ".")
	f, err = find(laneFigures(), rest)
	return lane, f, err
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
	if g.text == "" {
		return Verdict{Text: "there is no gate"}
	}
	value, measured := g.value(r)
	switch {
	case !measured:
		return Verdict{true, fmt.Sprintf("%s was not measured%s: the gate %s fails, because it cannot be checked", g.name(), g.unmeasured(r), g.text)}
	case g.figure.truth:
		return g.checkTruth(value == 1)
	}
	return g.checkNumber(value)
}

// value is the gate's figure in r, with 1 for yes and 0 for no, and whether it
// was measured.
func (g Gate) value(r *Result) (value float64, measured bool) {
	v, there := g.look(r)
	if !there || g.unmeasured(r) != "" {
		return 0, false
	}
	value = number(v)
	return value, !math.IsNaN(value)
}

// look finds the figure's field in r.
func (g Gate) look(r *Result) (_ reflect.Value, there bool) {
	if g.lane == "" {
		return g.figure.in(reflect.ValueOf(r))
	}
	for i := range r.Lanes {
		if r.Lanes[i].Name == g.lane {
			return g.figure.in(reflect.ValueOf(&r.Lanes[i]))
		}
	}
	return reflect.Value{}, false
}

func (g Gate) checkTruth(is bool) Verdict {
	answer := map[bool]string{true: "yes", false: "no"}[is]
	if failed := is != g.negate; failed {
		return Verdict{true, fmt.Sprintf("%s = %s, and the gate says %s", g.name(), answer, g.text)}
	}
	return Verdict{false, fmt.Sprintf("%s = %s, which the gate %s lets pass", g.name(), answer, g.text)}
}

func (g Gate) checkNumber(value float64) Verdict {
	shown, whole := value, value == math.Trunc(value)
	if rounded := roundTo(value, 4); !whole && compare(rounded, g.op, g.limit) == compare(value, g.op, g.limit) {
		shown = rounded // but not 50.00 > 50
	}
	is := g.name() + " = " + g.figure.unit.exact(shown)
	if compare(value, g.op, g.limit) {
		return Verdict{true, fmt.Sprintf("%s, and the gate says %s", is, g.text)}
	}
	return Verdict{false, fmt.Sprintf("%s, which the gate %s lets pass", is, g.text)}
}

// compare compares; with a NaN only != is true.
func compare(value float64, op string, limit float64) bool {
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
	path := g.figure.path
	for short, long := range shortened {
		if long == path {
			path = short
		}
	}
	if g.lane != "" {
		return "lanes." + g.lane + "." + path
	}
	return path
}

// unmeasured says why a figure is missing, or is zero only because nothing happened.
// It is empty if the figure has a meaning, or the reason is not known.
func (g Gate) unmeasured(r *Result) string {
	if g.lane != "" {
		return g.unmeasuredLane(r)
	}
	head, _, _ := strings.Cut(g.figure.path, ".")
	switch head {
	case "expected", "lost", "publisher_late_ms":
		if r.Published == 0 {
			return " (bench published nothing)"
		}
	case "delivered_per_second":
		if r.Published == 0 && r.Delivered == 0 {
			return " (nothing was published or delivered)"
		}
	case "missing", "duplicated", "out_of_order", "latency_ms", "spread_ms":
		if r.Delivered == 0 {
			return " (nothing was delivered)"
		}
	case "open_ms", "open_seconds":
		if r.Opened == 0 {
			return " (no stream was opened)"
		}
	case "server":
		if r.Server == nil {
			return " (the server's process is not known; give -pid)"
		}
	case "deploys":
		if r.Deploys == nil {
			return " (bench deploys measures it)"
		}
	case "storm", "trend":
		if (head == "storm" && r.Storm == nil) || (head == "trend" && r.Trend == nil) {
			return fmt.Sprintf(" (bench %s measures it)", map[string]string{"storm": "storm", "trend": "soak"}[head])
		}
		if head == "storm" && r.Storm.Drain == nil && strings.HasPrefix(g.figure.path, "storm.drain.") {
			return " (bench storm -by drain measures it)"
		}
	}
	return ""
}

func (g Gate) unmeasuredLane(r *Result) string {
	head, _, _ := strings.Cut(g.figure.path, ".")
	for _, lane := range r.Lanes {
		if lane.Name != g.lane {
			continue
		}
		deliveries := strings.Contains(" missing duplicated out_of_order latency_ms spread_ms ", " "+head+" ")
		if lane.Published == 0 || (deliveries && lane.Delivered == 0) {
			return " (nothing was published or delivered)"
		}
		return ""
	}
	return fmt.Sprintf(" (no publisher is called %s)", g.lane)
}
