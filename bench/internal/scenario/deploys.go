package scenario

import (
	"context"
	"errors"
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
func (c *Deploys) Run(ctx context.Context) (*result.Result, error) {
	switch {
	case c.Publish == nil || !c.Publish.Retried:
		return nil, errors.New("deploys: without events that are published again when a post fails, nobody can tell what is lost; set Publish, and Retried in it")
	case !c.Client.Returns:
		return nil, errors.New("deploys: clients do not reconnect, so none comes back; set Client.Returns")
	case len(c.Instances) == 0 || c.Start == nil:
		return nil, errors.New("deploys: there is nothing to replace; set Instances and Start")
	}
	d := &deploys{Deploys: c}
	return c.withAllOpen(ctx, func(s *session) error {
		d.session, d.lane = s, s.lanes[0]
		return d.run(ctx)
	}, func(_ *session, r *result.Result) { r.Deploys = d.figures() })
}

// deploys is one run of Deploys. Times are on the process's clock.
type deploys struct {
	*Deploys
	session *session
	lane    *lane
	start   func() (*launch.Server, error)
	steps   []step
	over    time.Duration // when the last event was published
}

// step is one replacement.
type step struct {
	old                  *launch.Server
	asked, exited, ready time.Duration // when the old one got its signal, and had ended; when the next took connections
}

// run publishes while it replaces, and then waits for what is on its way.
func (d *deploys) run(ctx context.Context) error {
	s := d.session
	d.lane.readers, d.lane.opened = d.lane.swarm.Expect(0)
	d.lane.swarm.Watch(load.Watching{})
	s.takeStock()
	s.watcher.latencyIn(calmPhase, deployPhase)
	s.watcher.enter(calmPhase)
	d.start = func() (*launch.Server, error) { return d.Start(ctx) } // it outlives the replacing
	s.first = load.Now()
	err := s.whilePublishing(ctx, d.replaceAll)
	d.over = load.Now()
	if waited := s.until(ctx, d.lane.swarm.Due(0, d.lane.publisher.Sent()), d.over); !errors.Is(waited, errNothingMore) {
		err = errors.Join(err, waited)
	}
	_ = s.countUp() // the servers are no process that is measured
	return err
}

// replaceAll replaces one instance after the other.
func (d *deploys) replaceAll(ctx context.Context) error {
	pause(ctx, d.Calm)
	for i := range d.Times {
		d.session.watcher.enter(deployPhase)
		if err := d.replace(ctx, i%len(d.Instances)); err != nil {
			return err
		}
		if err := d.awaitBack(ctx); err != nil {
			return err
		}
		d.session.watcher.enter(calmPhase)
		pause(ctx, d.Calm)
	}
	return context.Cause(ctx)
}

// replace replaces the i-th instance.
func (d *deploys) replace(ctx context.Context, i int) (err error) {
	var next *launch.Server
	now := step{old: d.Instances[i]}
	if d.StartFirst {
		if next, err = d.start(); err != nil {
			return err
		}
		now.ready = load.Now()
	}
	now.asked = load.Now()
	if err := d.endInstance(ctx, now.old); err != nil {
		return err
	}
	now.exited = load.Now()
	if !d.StartFirst {
		if next, err = d.start(); err != nil {
			return err
		}
		now.ready = load.Now()
	}
	d.Instances[i] = next
	d.steps = append(d.steps, now)
	return nil
}

// endInstance ends an instance, and waits until its process has ended.
func (d *deploys) endInstance(ctx context.Context, old *launch.Server) error {
	end := old.Terminate
	if d.Kill {
		end = old.Kill
	}
	return d.session.awaitExit(ctx, old, end)
}

// awaitBack waits until the streams that the last replacement has ended have an event again,
// or nothing more comes.
func (d *deploys) awaitBack(ctx context.Context) error {
	since, last := load.Now(), -1
	asked := d.steps[len(d.steps)-1].asked
	for ctx.Err() == nil {
		ended, back := d.lane.swarm.Away(asked)
		if ended == back && load.Now()-since > settled {
			return nil
		}
		if back != last {
			last, since = back, load.Now()
		}
		if load.Now()-since > d.session.patienceInStorm() {
			return nil // what is missing is counted
		}
		pause(ctx, 5*time.Millisecond)
	}
	return context.Cause(ctx)
}

// settled is for how long no other stream may have ended or come back when all are.
const settled = time.Second
