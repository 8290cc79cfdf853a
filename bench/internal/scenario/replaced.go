package scenario

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// figures are those of the deploys. The watcher has stopped.
func (d *deploys) figures() *result.Deploys {
	w := d.session.watcher
	f := &result.Deploys{
		Killed: d.Kill, StartFirst: d.StartFirst, Instances: len(d.Instances),
		CalmMS: result.Of(w.latencyOf(calmPhase)), DuringMS: result.Of(w.latencyOf(deployPhase)),
		Errors: []result.PublishError{}, Replaced: []result.Replacement{},
	}
	journals := d.lane.swarm.Journals(d.over)
	silences := hdrhistogram.New(1, 600_000_000, 3)
	for i := range journals {
		j := &journals[i]
		_ = silences.RecordValue(j.Silence.Microseconds())
		f.Gaps += j.Gaps
		for k := range j.Returns {
			countReturn(f, &j.Returns[k])
		}
	}
	if p := result.Of(silences); p != nil {
		f.SilenceMS = *p
	}
	for i := range d.steps {
		f.Replaced = append(f.Replaced, d.replaced(i, journals))
	}
	d.countRetries(f)
	return f
}

// countReturn adds one return to the figures.
func countReturn(f *result.Deploys, r *load.Return) {
	for _, one := range []struct {
		to *int
		is bool
	}{{&f.Cut, !r.Clean}, {&f.Untold, !r.Told}, {&f.Reconnects, r.Renewed > 0}, {&f.Away, r.Renewed == 0}} {
		if one.is {
			*one.to++
		}
	}
	f.Failed += r.Tries - r.Answers
	f.Later += max(r.Answers-1, 0)
}

// countRetries adds what publishers saw.
func (d *deploys) countRetries(f *result.Deploys) {
	r := d.lane.publisher.Retries()
	f.Retried, f.TakenMS = r.Posts, ms(r.Longest)
	for _, text := range r.Texts() {
		f.Errors = append(f.Errors, result.PublishError{Text: text, Times: r.Errors[text]})
	}
}

// replaced is how the i-th replacement went: the streams that have ended since its signal,
// and before the next one's, count as its own.
func (d *deploys) replaced(i int, journals []load.Journal) result.Replacement {
	s := &d.steps[i]
	until := d.over + time.Hour
	if i+1 < len(d.steps) {
		until = d.steps[i+1].asked
	}
	after := func(at time.Duration) float64 { return (at - s.asked).Seconds() }
	p := result.Replacement{
		Instance: s.old.URL(), At: (s.asked - d.session.start).Seconds(),
		ReadyS: after(s.ready), ExitedS: after(s.exited), ExitStatus: s.old.Status(),
	}
	var returned, due []time.Duration
	for _, j := range journals {
		for _, r := range j.Returns {
			if r.Ended < s.asked || r.Ended >= until {
				continue
			}
			p.Ended++
			p.EndedS = max(p.EndedS, after(r.Ended))
			due = append(due, r.Due-s.asked)
			if r.Renewed > 0 {
				returned = append(returned, r.Returned-s.asked)
				p.SilenceMS = max(p.SilenceMS, ms(r.Renewed-r.Ended))
			}
		}
	}
	slices.Sort(returned)
	if len(returned) > 0 {
		p.FirstBackS, p.LastBackS = returned[0].Seconds(), returned[len(returned)-1].Seconds()
	}
	p.Returns = returnsOf(returned, due)
	p.Uneven = uneven(p.Returns)
	return p
}
