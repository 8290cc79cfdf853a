package report

import (
	"slices"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// chart is one chart. Its numbers are in the page's data, the rest in its text.
type chart struct {
	ID    string `json:"id"`
	Title string `json:"-"`
	Wide  bool   `json:"-"`

	X     string   `json:"x"`               // time, percentile, reader or seconds
	Unit  string   `json:"unit"`            // of y
	Log   *bool    `json:"log,omitempty"`   // whether y is logarithmic at first; nil where it is always linear
	Picks []string `json:"picks,omitempty"` // percentiles of which one is shown at a time
	Pick  string   `json:"pick,omitempty"`  // the one shown at first

	Series []series `json:"series"`
}

// series is a line of a chart. Without X, its x values are its run's At.
type series struct {
	Label string `json:"label"`
	Color string `json:"color"`
	Run   int    `json:"run"`
	X     column `json:"at,omitempty"`
	Y     column `json:"y"`
	Dash  bool   `json:"dash,omitempty"`
	Area  bool   `json:"area,omitempty"`
	Right bool   `json:"right,omitempty"`
	Pick  string `json:"pick,omitempty"`
}

// paletteColor is the colour of a result among several.
func paletteColor(r *run) string { return "c" + string(rune('0'+r.Color)) }

// quantiles are the figures shown of a distribution. The highest comes first: where
// lines coincide, the lower one, which is used more, is on top.
var quantiles = []struct {
	name string
	of   quantile
}{{"max", highest}, {"p99", p99}, {"p90", p90}, {"p50", p50}}

// line says how to make a series of a result.
type line struct {
	label, color      string
	dash, area, right bool
	extra             bool // only with a single result, and only if not all zero
	pick              string
	x, y              func(r *run) column
}

// newChart makes a chart with lines of all results, or nil if none has any value. If
// there are several results, each has a colour, and lines with a pick are shown one at
// a time.
func newChart(c chart, runs []*run, lines ...line) *chart {
	for i, r := range runs {
		for _, l := range lines {
			s := series{Label: l.label, Color: l.color, Run: i, Y: l.y(r), Dash: l.dash, Area: l.area && len(runs) == 1, Right: l.right}
			if l.extra && (len(runs) > 1 || !s.Y.some()) || !s.Y.measured() {
				continue
			}
			if l.x != nil {
				s.X = l.x(r)
			}
			if len(runs) > 1 {
				s.Label, s.Color, s.Pick = r.Label, paletteColor(r), l.pick
			}
			c.Series = append(c.Series, s)
		}
	}
	if len(c.Series) == 0 {
		return nil
	}
	c.choosePicks()
	return &c
}

// choosePicks sets the percentiles that can be chosen; p99 is shown at first.
func (c *chart) choosePicks() {
	if c.Series[0].Pick == "" {
		return
	}
	for _, q := range quantiles {
		c.Picks = append(c.Picks, q.name)
	}
	slices.Reverse(c.Picks)
	c.Pick = "p99"
}

// chooseScale makes the chart logarithmic at first if a linear scale would flatten most
// of it.
func (c *chart) chooseScale() *chart {
	if c == nil {
		return nil
	}
	const spread = 30
	var all column
	for _, s := range c.Series {
		all = append(all, s.Y...)
	}
	least, most := all.extent()
	c.Log = new(least > 0 && most/least > spread)
	return c
}

func present(charts ...*chart) []*chart {
	var some []*chart
	for _, c := range charts {
		if c != nil {
			some = append(some, c)
		}
	}
	return some
}

// sampled takes a value from each sample, for a line over time.
func sampled(of func(s *result.Sample) float64) func(r *run) column {
	return func(r *run) column {
		return r.values(func(i int) float64 { return of(&r.samples[i]) })
	}
}

// rate takes a count from each sample, for a line over time of its rate per second.
func rate(of func(s *result.Sample) uint64) func(r *run) column {
	return func(r *run) column {
		return r.perSecond(func(i int) float64 { return float64(of(&r.samples[i])) })
	}
}

// busy takes CPU time from each sample, for a line over time in processors.
func busy(of func(s *result.Sample) float64) func(r *run) column {
	return func(r *run) column {
		return r.perSecond(func(i int) float64 { return of(&r.samples[i]) * r.took(i) })
	}
}
