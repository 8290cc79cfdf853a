package scenario

import (
	"math"
	"slices"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// figures are those of the drain.
func (d *drain) figures() *result.Storm {
	all := d.lane.swarm.Absences()
	f := &result.Storm{Streams: len(all), CPUSeconds: d.session.usage.after.CPU.Seconds()}
	f.Drain = &result.Drain{
		Before: d.before, LostBefore: d.lost,
		ExitedS: d.after(d.exited), ExitStatus: d.Server.Status(), ListensS: d.after(d.listens),
	}
	var renewed, returned, due []time.Duration
	for i := range all {
		a := &all[i]
		d.count(f.Drain, a)
		due = append(due, a.Ended+a.Wait-d.asked)
		if a.Returned > 0 {
			returned = append(returned, a.Returned-d.asked)
		}
		if a.Renewed > 0 {
			renewed = append(renewed, a.Renewed)
		}
	}
	caught(f, renewed, d.asked)
	if len(returned) > 0 {
		slices.Sort(returned)
		f.Drain.FirstBackS, f.ConnectedS = returned[0].Seconds(), returned[len(returned)-1].Seconds()
	}
	f.Drain.Returns = returnsOf(returned, due)
	f.Drain.Uneven = uneven(f.Drain.Returns)
	return f
}

// after is how many seconds a time is after the SIGTERM.
func (d *drain) after(at time.Duration) float64 { return (at - d.asked).Seconds() }

// count adds one stream to the figures.
func (d *drain) count(f *result.Drain, a *load.Absence) {
	f.EndedS = max(f.EndedS, d.after(a.Ended))
	for _, one := range []struct {
		to *int
		is bool
	}{{&f.Cut, !a.Clean}, {&f.Untold, !a.Told}, {&f.GapOnce, a.Gaps == 1}} {
		if one.is {
			*one.to++
		}
	}
	f.Failed += a.Tries - a.Answers
	f.Later += a.Answers
	if a.Renewed > 0 {
		f.Later--
	}
	f.Gaps += a.Gaps
	f.Skipped += a.Skipped
}

// returnsOf counts how many clients came back when. Both lists are times since the SIGTERM;
// returned is sorted. The first and last thousandth are left out, so that a few stragglers
// do not stretch the time.
func returnsOf(returned, due []time.Duration) []result.Return {
	if len(returned) == 0 {
		return []result.Return{}
	}
	outside := len(returned) / 1000
	returned = returned[outside : len(returned)-outside]
	from, to := returned[0], returned[len(returned)-1]
	parts := make([]result.Return, max(1, int(math.Round((to-from).Seconds()))))
	width := (to - from) / time.Duration(len(parts))
	of := func(at time.Duration) *result.Return {
		if width == 0 {
			return &parts[0]
		}
		return &parts[min(int((at-from)/width), len(parts)-1)]
	}
	for _, at := range returned {
		of(at).Count++
	}
	for _, at := range due {
		if from <= at && at <= to {
			of(at).Due++
		}
	}
	even := float64(len(returned)) / float64(len(parts))
	for i := range parts {
		p := &parts[i]
		p.From, p.To = (from + time.Duration(i)*width).Seconds(), (from + time.Duration(i+1)*width).Seconds()
		p.Off = float64(p.Count)/even - 1
	}
	return parts
}

// uneven is the largest difference from an even share; nil where there is one part alone.
func uneven(parts []result.Return) *float64 {
	if len(parts) < 2 {
		return nil
	}
	most := 0.0
	for _, p := range parts {
		most = max(most, math.Abs(p.Off))
	}
	return &most
}
