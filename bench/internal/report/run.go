package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// run is what the charts share of one result.
type run struct {
	Label  string  `json:"label"`
	Color  int     `json:"color"` // of the palette
	At     column  `json:"at"`    // of the samples, in seconds
	Phases []phase `json:"phases"`
	Marks  []mark  `json:"marks"`

	result  *result.Result
	samples []result.Sample // in the order of their time
	origin  float64         // what At counts from
}

// phase is a part of the measurement, in seconds as At has them.
type phase struct {
	Name string  `json:"name"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// colors is how many colours the palette has.
const colors = 8

// runsOf prepares results. If there are several, their times count from the phase that
// can be compared, not from when they began to open streams.
func runsOf(results []*result.Result) []*run {
	runs := make([]*run, len(results))
	for i, res := range results {
		runs[i] = &run{result: res, Color: i % colors, samples: inOrder(res.Samples)}
	}
	name := sharedPhase(runs)
	for i, label := range labels(runs) {
		r := runs[i]
		r.Label, r.origin = label, r.beginOf(name)
		r.At = r.values(func(i int) float64 { return r.samples[i].At - r.origin })
		r.Phases, r.Marks = r.phases(), r.marks()
		if len(runs) > 1 && name == "" {
			r.Phases = []phase{} // each has its own, at other times
		}
	}
	return runs
}

func inOrder(samples []result.Sample) []result.Sample {
	return slices.SortedStableFunc(slices.Values(samples), func(a, b result.Sample) int { return cmp.Compare(a.At, b.At) })
}

// sharedPhase is the phase in which several results are compared; empty: none.
func sharedPhase(runs []*run) string {
	if len(runs) == 1 {
		return ""
	}
	for _, name := range []string{"publish", "back", "hold"} {
		if !slices.ContainsFunc(runs, func(r *run) bool { return !r.has(name) }) {
			return name
		}
	}
	return ""
}

func (r *run) has(phase string) bool {
	return slices.ContainsFunc(r.samples, func(s result.Sample) bool { return s.Phase == phase })
}

// beginOf is when a phase began, or zero.
func (r *run) beginOf(phase string) float64 {
	for i, s := range r.samples {
		if phase != "" && s.Phase == phase {
			return r.begin(i)
		}
	}
	return 0
}

// begin is when the interval of a sample began.
func (r *run) begin(i int) float64 {
	if i == 0 {
		return math.Min(0, r.samples[0].At)
	}
	return r.samples[i-1].At
}

// values makes a column of one value per sample.
func (r *run) values(of func(i int) float64) column {
	c := make(column, len(r.samples))
	for i := range c {
		c[i] = of(i)
	}
	return c
}

// perSecond makes a column of an amount in each sample, which may be a hole, per
// second. A short interval, as at the start or end of a phase, is joined with another,
// so that a burst in a few milliseconds does not look like a rate.
func (r *run) perSecond(amount func(i int) float64) column {
	const short = 0.5 // of a usual interval
	usual := r.interval()
	return r.values(func(i int) float64 {
		n, took := amount(i), r.took(i)
		if i > 0 && took < short*usual {
			n, took = n+amount(i-1), took+r.took(i-1)
		}
		if took > 0 {
			return n / took
		}
		return hole
	})
}

// took is the length of a sample's interval.
func (r *run) took(i int) float64 { return r.samples[i].At - r.begin(i) }

// interval is the usual time between samples.
func (r *run) interval() float64 {
	if len(r.samples) == 0 {
		return 0
	}
	all := make([]float64, len(r.samples))
	for i := range all {
		all[i] = r.took(i)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// phases joins the samples of each phase.
func (r *run) phases() []phase {
	all := []phase{}
	for i, s := range r.samples {
		if n := len(all); n > 0 && all[n-1].Name == s.Phase {
			all[n-1].To = s.At - r.origin
			continue
		}
		all = append(all, phase{s.Phase, r.begin(i) - r.origin, s.At - r.origin})
	}
	return all
}
