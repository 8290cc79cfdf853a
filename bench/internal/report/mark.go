package report

import (
	"fmt"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// mark is one kind of loss or disorder, and when it was seen.
type mark struct {
	Kind string `json:"kind"` // missing, duplicated, out_of_order or ended
	At   column `json:"at"`

	Name string `json:"-"`
	Text string `json:"-"` // how often, and when first
}

// markKinds are the kinds that are marked with a line in all charts over time.
var markKinds = []struct {
	kind, name string
	of         func(s *result.Sample) float64
}{
	{"missing", "missing", func(s *result.Sample) float64 { return float64(s.Missing) }},
	{"duplicated", "duplicated", func(s *result.Sample) float64 { return float64(s.Duplicated) }},
	{"out_of_order", "out of order", func(s *result.Sample) float64 { return float64(s.OutOfOrder) }},
	{"ended", "streams ended", func(s *result.Sample) float64 { return float64(s.Ended) }},
}

// marks are the kinds that a result has seen.
func (r *run) marks() []mark {
	all := []mark{}
	for _, kind := range markKinds {
		m, sum := mark{Kind: kind.kind, Name: kind.name}, 0.0
		for i := range r.samples {
			if n := kind.of(&r.samples[i]); n > 0 {
				sum += n
				m.At = append(m.At, r.At[i])
			}
		}
		if len(m.At) > 0 {
			m.Text = m.told(sum)
			all = append(all, m)
		}
	}
	return all
}

// told says how often and when it was seen.
func (m *mark) told(sum float64) string {
	if len(m.At) == 1 {
		return count(sum) + " at " + seconds(m.At[0])
	}
	return fmt.Sprintf("%s, %d times from %s to %s", count(sum), len(m.At), seconds(m.At[0]), seconds(m.At[len(m.At)-1]))
}

// allMarks is the legend of the marks of all results, each kind once.
func allMarks(runs []*run) []mark {
	var all []mark
	for _, kind := range markKinds {
		text := ""
		for _, r := range runs {
			for _, m := range r.Marks {
				if m.Kind == kind.kind {
					text = joined(text, m.Text, r.Label, len(runs) > 1)
				}
			}
		}
		if text != "" {
			all = append(all, mark{Kind: kind.kind, Name: kind.name, Text: text})
		}
	}
	return all
}

func joined(text, more, label string, several bool) string {
	if several {
		more = label + ": " + more
	}
	if text == "" {
		return more
	}
	return text + "; " + more
}
