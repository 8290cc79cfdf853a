package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Deploys replaces the instances of a server one after the other, while events are published
// at Rate through whichever instance takes them. Clients come back when they have been told
// to, with their Last-Event-ID, to whichever instance there is.
type Deploys struct {
	Scenario
	Times int           // instances to replace
	Calm  time.Duration // before, between and after the replacements

	// Alone says that there is one instance, which is replaced once, and whose process is
	// measured if PIDs has it. Nothing is published from its signal until the next one takes
	// connections, what a gap event tells of is not expected, and the result has a Storm.
	// Times and Calm do not count.
	Alone bool
	Last  int // events to publish right before that signal

	Instances  []*launch.Server // that run; each is replaced in turn, and its successor after that
	Start      func(ctx context.Context) (*launch.Server, error)
	StartFirst bool // the next instance, before the old one is ended
	Kill       bool // SIGKILL in place of SIGTERM
}

// The phases of the samples.
const (
	calmPhase   = "calm"
	deployPhase = "deploy"
)

// Run runs the deploys. When ctx ends it stops early, and the result says so. There is a
// result whenever streams were opened. It is no error if events are lost: the result says so.
// Afterwards Instances are those that run; the caller ends them.
func (c *Deploys) Run(ctx context.Context) (*result.Result, error) {
	switch {
	case c.Publish == nil || !c.Publish.Retried && !c.Alone:
		return nil, errors.New("deploys: without events that are published again when a post fails, nobody can tell what is lost; set Publish, and Retried in it or Alone")
	case !c.Client.Returns:
		return nil, errors.New("deploys: clients do not reconnect, so none comes back; set Client.Returns")
	case len(c.Instances) == 0 || c.Start == nil:
		return nil, errors.New("deploys: there is nothing to replace; set Instances and Start")
	}
	d := &deploys{Deploys: c}
	return c.withAllOpen(ctx, d.run, d.tell)
}

// deploys is one run of Deploys. Times are on the process's clock.
type deploys struct {
	*Deploys
	session *session
	lane    *lane
	steps   []step
	before  uint64        // of Alone: events published before the signal
	lost    uint64        // deliveries of these that had not come when the streams had ended
	over    time.Duration // when the last event was published
}

// step is one replacement.
type step struct {
	old                  *launch.Server
	asked, exited, ready time.Duration // when the old one got its signal, and had ended; when the next took connections
}

// run publishes and replaces, and then waits for what is on its way.
func (d *deploys) run(ctx context.Context, s *session) (err error) {
	d.session, d.lane = s, s.lanes[0]
	s.watcher.enter(calmPhase)
	s.takeStock()
	if s.usage.before, err = s.look(); err != nil {
		return err
	}
	if d.Alone {
		err = d.replaceAlone(ctx)
	} else {
		d.lane.readers, d.lane.opened = d.lane.swarm.Expect(0)
		d.lane.swarm.Watch(load.Watching{})
		s.first = load.Now()
		err = s.whilePublishing(ctx, d.replaceAll)
	}
	d.over = load.Now()
	if err != nil {
		_ = s.countUp()
		return err
	}
	due := d.lane.swarm.Due(0, d.lane.publisher.Sent()) - d.lost
	for _, j := range d.lane.swarm.Journals(0) {
		due -= j.Skipped
	}
	return s.rest(ctx, due, d.over)
}

// replaceAll replaces one instance after the other.
func (d *deploys) replaceAll(ctx context.Context) error {
	load.Pause(ctx, d.Calm)
	for i := range d.Times {
		d.session.watcher.enter(deployPhase)
		if err := d.replace(ctx, i%len(d.Instances)); err != nil {
			return err
		}
		if err := d.awaitBack(ctx); err != nil {
			return err
		}
		d.session.watcher.enter(calmPhase)
		load.Pause(ctx, d.Calm)
	}
	return context.Cause(ctx)
}

// replaceAlone replaces the one instance, and publishes until its streams are back.
func (d *deploys) replaceAlone(ctx context.Context) error {
	err := d.session.firstEvent(ctx)
	if err == nil {
		err = d.lane.publisher.Now(ctx, d.Last)
	}
	if err != nil || ctx.Err() != nil {
		return err
	}
	d.before = d.lane.publisher.Sent()
	d.lane.swarm.Watch(load.Watching{Before: d.before, Excuses: true})
	d.session.watcher.enter(deployPhase)
	if err := d.replace(ctx, 0); err != nil {
		return err
	}
	return d.session.whilePublishing(ctx, d.awaitBack)
}

// replace replaces the i-th instance.
func (d *deploys) replace(ctx context.Context, i int) (err error) {
	now := step{old: d.Instances[i]}
	if d.StartFirst {
		err = d.startNext(ctx, i, &now)
	}
	if err == nil {
		err = d.endOld(ctx, &now)
	}
	if err == nil && !d.StartFirst {
		err = d.startNext(ctx, i, &now)
	}
	if err == nil {
		d.steps = append(d.steps, now)
	}
	return err
}

// startNext starts an instance in place of the i-th.
func (d *deploys) startNext(ctx context.Context, i int, now *step) error {
	next, err := d.Start(ctx)
	if err != nil {
		return err
	}
	d.Instances[i], now.ready = next, load.Now()
	if d.session.process.Load() == nil {
		return nil
	}
	d.session.usage.before.CPU = 0 // of the new one
	d.session.watcher.forgetServer()
	return d.session.measure(next.PID())
}

// endOld ends an instance, and waits until its process has ended. If it was alone, all streams
// have then ended, too.
func (d *deploys) endOld(ctx context.Context, now *step) error {
	end := now.old.Terminate
	if d.Kill {
		end = now.old.Kill
	}
	now.asked = load.Now()
	if err := end(); err != nil {
		return err
	}
	select {
	case <-now.old.Done():
		now.exited = load.Now()
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d.answer()):
		return fmt.Errorf("the server at %s has not exited %v after SIGTERM; have it end on that signal, or wait longer (-answer)", now.old.URL(), d.answer())
	}
	if !d.Alone {
		return nil
	}
	ended := 0
	err := whileMore(ctx, stormPatience, now.exited, func() (uint64, bool) {
		ended, _ = d.lane.swarm.Away(now.asked)
		return uint64(ended), ended >= d.lane.readers
	})
	if errors.Is(err, errNothingMore) {
		err = fmt.Errorf("%d streams are still open %v after the server has exited; is its address that of another program?", d.lane.readers-ended, stormPatience)
	}
	d.lost = d.lane.swarm.CountMissing(0, d.before)
	return err
}

// awaitBack waits until the streams that the last replacement has ended have an event again,
// or nothing more comes. No client need come back before it was told to.
func (d *deploys) awaitBack(ctx context.Context) error {
	now, due := d.steps[len(d.steps)-1], load.Now()
	for _, j := range d.lane.swarm.Journals(0) {
		if n := len(j.Returns); n > 0 {
			due = max(due, j.Returns[n-1].Due)
		}
	}
	settled := max(now.exited, now.ready) + time.Second // some proxies end streams later
	err := whileMore(ctx, d.session.patienceInStorm(), due, func() (uint64, bool) {
		ended, back := d.lane.swarm.Away(now.asked)
		return uint64(back), ended == back && (ended >= d.lane.readers || load.Now() > settled)
	})
	if errors.Is(err, errNothingMore) { // what is missing is counted
		return nil
	}
	return err
}

// whilePublishing publishes for as long as do takes, and waits until the last event is taken:
// for a moment only, unless it is tried again. do is given up if an event is not taken.
func (s *session) whilePublishing(ctx context.Context, do func(context.Context) error) error {
	enough, stop := context.WithCancel(ctx)
	doing, giveUp := context.WithCancelCause(ctx)
	last := enough
	if s.Publish.Retried { // which is bounded
		last = ctx
	}
	published := make(chan error, 1)
	go func() {
		err := s.lanes[0].publisher.RunUntil(last, enough, s.Rate, load.Now())
		giveUp(err) // without an error all is over
		published <- err
	}()
	err := do(doing)
	stop()
	return cmp.Or(<-published, err) // the first is the cause of the other
}
