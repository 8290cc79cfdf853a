package scenario

import (
	"math"
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
		_ = silences.RecordValue(journals[i].Silence.Microseconds())
		f.Gaps += journals[i].Gaps
	}
	if p := result.Of(silences); p != nil {
		f.SilenceMS = *p
	}
	all := backOf(journals, 0, math.MaxInt64)
	f.Cut, f.Untold, f.Reconnects, f.Away = all.cut, all.untold, len(all.renewed), all.ended-len(all.renewed)
	f.Failed, f.Later = all.failed, all.later
	for i := range d.steps {
		f.Replaced = append(f.Replaced, d.replaced(i, journals))
	}
	d.countRetries(f)
	return f
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
	b := backOf(journals, s.asked, until)
	p.Ended, p.EndedS, p.SilenceMS = b.ended, b.endedS, ms(b.silence)
	p.FirstBackS, p.LastBackS, p.Returns, p.Uneven = b.firstS, b.lastS, b.parts, uneven(b.parts)
	return p
}
