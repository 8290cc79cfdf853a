package scenario

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// figures are those of the drain.
func (d *drain) figures() *result.Storm {
	all := d.lane.swarm.Journals(load.Now())
	f := &result.Storm{Streams: len(all), CPUSeconds: d.session.usage.after.CPU.Seconds()}
	f.Drain = &result.Drain{
		Before: d.before, LostBefore: d.lost,
		ExitedS: d.after(d.exited), ExitStatus: d.Server.Status(), ListensS: d.after(d.listens),
	}
	b := backOf(all, d.asked, load.Now())
	f.Drain.EndedS, f.Drain.Cut, f.Drain.Untold, f.Drain.Failed, f.Drain.Later = b.endedS, b.cut, b.untold, b.failed, b.later
	for i := range all {
		f.Drain.Gaps += all[i].Gaps
		f.Drain.Skipped += all[i].Skipped
		if all[i].Gaps == 1 {
			f.Drain.GapOnce++
		}
	}
	caught(f, b.renewed, d.asked)
	f.Drain.FirstBackS, f.ConnectedS = b.firstS, b.lastS
	f.Drain.Returns, f.Drain.Uneven = b.parts, uneven(b.parts)
	return f
}

// after is how many seconds a time is after the SIGTERM.
func (d *drain) after(at time.Duration) float64 { return (at - d.asked).Seconds() }

// back is how streams went away and came back in some part of a run. Seconds count from its
// beginning.
type back struct {
	ended, cut, untold int
	failed, later      int // connections that came to nothing; answers that ended again without an event
	endedS             float64
	firstS, lastS      float64         // until the first and the last were answered again
	silence            time.Duration   // the longest from an end to the next event
	renewed            []time.Duration // when each got its next event, on the process's clock
	parts              []result.Return
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
		b.firstS, b.lastS = returned[0].Seconds(), returned[n-1].Seconds()
	}
	b.parts = returnsOf(returned, due)
	return b
}

// add adds one return.
func (b *back) add(r *load.Return, from time.Duration) {
	b.ended++
	b.endedS = max(b.endedS, (r.Ended - from).Seconds())
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
		b.silence = max(b.silence, r.Renewed-r.Ended)
	}
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

// awaitExit ends a server, and waits until its process has ended.
func (s *session) awaitExit(ctx context.Context, server *launch.Server, end func() error) error {
	if err := end(); err != nil {
		return err
	}
	select {
	case <-server.Done():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(s.answer()):
		return fmt.Errorf("the server at %s has not exited %v after SIGTERM; have it end on that signal, or wait longer (-answer)", server.URL(), s.answer())
	}
}

// whilePublishing publishes for as long as do takes, and waits until the last event is taken:
// for a moment only, unless it is tried again. do is given up if an event is not taken.
func (s *session) whilePublishing(ctx context.Context, do func(context.Context) error) error {
	enough, stop := context.WithCancel(ctx)
	doing, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	published := make(chan error, 1)
	last := enough
	if s.Publish.Retried { // which is bounded
		last = ctx
	}
	go func() {
		err := s.lanes[0].publisher.RunUntil(last, enough, s.Rate, load.Now())
		if err != nil {
			giveUp(err)
		}
		published <- err
	}()
	err := do(doing)
	stop()
	if gone := <-published; gone != nil {
		return gone // the cause of the other
	}
	return err
}
