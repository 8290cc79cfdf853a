package scenario

import (
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// tell adds the figures of the deploys to a result and, if a server was measured, the reason
// to doubt them, if any. The watcher has stopped.
func (d *deploys) tell(s *session, r *result.Result) {
	if d.session == nil { // nothing has begun
		return
	}
	journals := d.lane.swarm.Journals(d.over)
	r.Deploys = d.figures(journals)
	if d.Alone && len(d.steps) > 0 {
		r.Storm = d.storm(journals)
		if r.Server != nil {
			r.Server.CPUPerDeliveryUS = nil // two processes have delivered
		}
	}
	suspectReturns(r, s.watcher.starved, s.watcher.intervals)
}

// storm is how the clients of the one instance came back.
func (d *deploys) storm(journals []load.Journal) *result.Storm {
	asked := d.steps[0].asked
	b := backOf(journals, asked, math.MaxInt64)
	f := &result.Storm{Streams: len(journals), ConnectedS: b.LastBackS, CPUSeconds: d.session.usage.after.CPU.Seconds()}
	caught(f, b.renewed, asked)
	return f
}

func (d *deploys) figures(journals []load.Journal) *result.Deploys {
	w := d.session.watcher
	f := &result.Deploys{
		Killed: d.Kill, StartFirst: d.StartFirst, Instances: len(d.Instances),
		CalmMS: result.Of(w.latencies[calmPhase]), DuringMS: result.Of(w.latencies[deployPhase]),
		Errors: []result.PublishError{}, Replaced: []result.Replacement{},
	}
	if d.Alone {
		f.Before, f.LostBefore = &d.before, &d.lost
	}
	silences := hdrhistogram.New(1, 600_000_000, 3)
	for i := range journals {
		_ = silences.RecordValue(journals[i].Silence.Microseconds())
		f.Gaps += journals[i].Gaps
		f.Skipped += journals[i].Skipped
		if journals[i].Gaps == 1 {
			f.GapOnce++
		}
	}
	if p := result.Of(silences); p != nil {
		f.SilenceMS = *p
	}
	all := backOf(journals, 0, math.MaxInt64)
	f.Cut, f.Untold, f.Reconnects, f.Away = all.cut, all.untold, len(all.renewed), all.Ended-len(all.renewed)
	f.Failed, f.Later = all.failed, all.later
	for i := range d.steps {
		f.Replaced = append(f.Replaced, d.replaced(i, journals))
	}
	if r := d.lane.publisher.Retries(); r != nil {
		f.Retried, f.TakenMS = r.Posts, ms(r.Longest)
		for _, text := range r.Texts() {
			f.Errors = append(f.Errors, result.PublishError{Text: text, Times: r.Errors[text]})
		}
	}
	return f
}

// replaced is how the i-th replacement went: the streams that have ended since its signal,
// and before the next one's, count as its own.
func (d *deploys) replaced(i int, journals []load.Journal) result.Replacement {
	s := &d.steps[i]
	until := time.Duration(math.MaxInt64)
	if i+1 < len(d.steps) {
		until = d.steps[i+1].asked
	}
	after := func(at time.Duration) float64 { return (at - s.asked).Seconds() }
	p := backOf(journals, s.asked, until).Replacement
	p.Instance, p.At, p.ReadyS, p.ExitedS, p.ExitStatus = s.old.URL(), (s.asked - d.session.start).Seconds(), after(s.ready), after(s.exited), s.old.Status()
	return p
}

// back is how streams went away and came back in some part of a run.
type back struct {
	result.Replacement // but for what is known of the instance; seconds count from the part's begin
	cut, untold        int
	failed, later      int             // connections that came to nothing; answers that ended again without an event
	renewed            []time.Duration // when each got its next event, on the process's clock
}

// backOf sums up the returns of streams that ended from a time on, and before another.
func backOf(journals []load.Journal, from, until time.Duration) *back {
	b := &back{}
	var returned, due []time.Duration
	for i := range journals {
		for _, r := range journals[i].Returns {
			if r.Ended < from || r.Ended >= until {
				continue
			}
			b.add(&r, from)
			due = append(due, r.Due-from)
			if r.Renewed > 0 {
				returned = append(returned, r.Returned-from)
			}
		}
	}
	slices.Sort(returned)
	if n := len(returned); n > 0 {
		b.FirstBackS, b.LastBackS = returned[0].Seconds(), returned[n-1].Seconds()
	}
	b.Returns, b.Uneven = returnsOf(returned, due)
	return b
}

// add adds one return.
func (b *back) add(r *load.Return, from time.Duration) {
	b.Ended++
	b.EndedS = max(b.EndedS, (r.Ended - from).Seconds())
	if !r.Clean {
		b.cut++
	}
	if !r.Told {
		b.untold++
	}
	b.failed += r.Tries - r.Answers
	b.later += r.Answers
	if r.Renewed > 0 {
		b.later--
		b.renewed = append(b.renewed, r.Renewed)
		b.SilenceMS = max(b.SilenceMS, ms(r.Renewed-r.Ended))
	}
}

// returnsOf counts how many clients came back when, and by how much a part differs from an
// even share at most; nil where there is one part alone. Both lists are times since the signal;
// returned is sorted. The first and last thousandth are left out, so that a few stragglers
// do not stretch the time.
func returnsOf(returned, due []time.Duration) (parts []result.Return, uneven *float64) {
	if len(returned) == 0 {
		return []result.Return{}, nil
	}
	outside := len(returned) / 1000
	returned = returned[outside : len(returned)-outside]
	from, to := returned[0], returned[len(returned)-1]
	parts = make([]result.Return, max(1, int(math.Round((to-from).Seconds()))))
	width := (to - from) / time.Duration(len(parts))
	of := func(at time.Duration) *result.Return { return &parts[min(int((at-from)/max(width, 1)), len(parts)-1)] }
	for _, at := range returned {
		of(at).Count++
	}
	for _, at := range due {
		if from <= at && at <= to {
			of(at).Due++
		}
	}
	even, most := float64(len(returned))/float64(len(parts)), 0.0
	for i := range parts {
		p := &parts[i]
		p.From, p.To = (from + time.Duration(i)*width).Seconds(), (from + time.Duration(i+1)*width).Seconds()
		p.Off = float64(p.Count)/even - 1
		most = max(most, math.Abs(p.Off))
	}
	if len(parts) > 1 {
		uneven = &most
	}
	return parts, uneven
}
