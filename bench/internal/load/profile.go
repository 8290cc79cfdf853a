package load

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Profile is a rate that changes, as in "100 for 10s, 100..1000 over 30s": its steps follow
// each other. A single number is one step that does not end.
type Profile struct {
	Steps []Step
	text  string
}

// Step is a time in which the rate per second goes evenly from one value to another.
type Step struct {
	Text     string
	From, To float64
	For      time.Duration
}

// forever is how long a rate goes on that does not change.
const forever = time.Duration(math.MaxInt64)

// Steady is a rate that does not change.
func Steady(rate float64) Profile {
	return Profile{[]Step{{From: rate, To: rate, For: forever}}, fmt.Sprint(rate)}
}

var stepText = regexp.MustCompile(`^(\d*\.?\d+(?:[eE]\+?\d+)?)(?:\.\.(\d*\.?\d+))?(?: +(?:for|over) +(\S+))?$`)

// UnmarshalText reads a profile.
func (p *Profile) UnmarshalText(text []byte) error {
	p.Steps, p.text = nil, string(text)
	for part := range strings.SplitSeq(p.text, ",") {
		s, ok := parseStep(strings.TrimSpace(part))
		p.Steps = append(p.Steps, s)
		if last := len(p.Steps) - 1; !ok || s.For == forever && s.From == 0 || last > 0 && max(p.Steps[0].For, s.For) == forever {
			return fmt.Errorf("%q: give the number of events to publish per second, or steps, each with its time, such as 100 for 10s, 100..1000 over 30s", text)
		}
	}
	return nil
}

func parseStep(text string) (s Step, ok bool) {
	m := stepText.FindStringSubmatch(text)
	if m == nil {
		return s, false
	}
	s.Text = text
	s.From, _ = strconv.ParseFloat(m[1], 64) // as the pattern says
	s.To, _ = strconv.ParseFloat(cmp.Or(m[2], m[1]), 64)
	s.For, _ = time.ParseDuration(cmp.Or(m[3], forever.String())) // zero: it is none
	return s, s.For > 0 && (s.From == s.To || s.For < forever)
}

// String is the profile as it was given.
func (p Profile) String() string { return p.text }

// Duration is how long all steps take; zero for a rate that does not change.
func (p Profile) Duration() (d time.Duration) {
	for _, s := range p.Steps {
		d += s.For
	}
	return d % forever
}

// Count is how many events are due within a time: 435 in 4.35 s at 100 per second.
func (p Profile) Count(d time.Duration) uint64 {
	n := 1e-6
	for _, s := range p.Steps {
		in := min(d, s.For)
		n, d = n+s.count(in), d-in
	}
	return uint64(n)
}

// At is when event i, from 0, is due, after the beginning.
func (p Profile) At(i uint64) (at time.Duration) {
	n := float64(i)
	for _, s := range p.Steps {
		whole := s.count(s.For)
		if n < whole-1e-6 {
			then := math.Sqrt(max(s.From*s.From+2*s.slope()*n, 0)) // the rate
			return at + time.Duration(2*n/max(s.From+then, 1e-9)*float64(time.Second))
		}
		at, n = at+s.For, max(n-whole, 0)
	}
	return at
}

// slope is by how much the rate changes in a second.
func (s Step) slope() float64 { return (s.To - s.From) / s.For.Seconds() }

// count is how many events there are in a time: the integral of the rate.
func (s Step) count(d time.Duration) float64 {
	t := d.Seconds()
	return s.From*t + s.slope()*t*t/2
}
