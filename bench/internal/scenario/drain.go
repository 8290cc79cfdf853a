package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Drain ends all streams as a deploy does: the server is asked to end, and when it has
// exited it is started again at the same address. Clients come back when the server has told
// them to. Events are published at Rate from when it is there again until all clients are
// back and have got one.
type Drain struct {
	Scenario
	Last   int            // events that are published right before the server is asked to end
	Server *launch.Server // one of launch.Command; Run ends it
}

// Run runs the drain, and ends the server that it has started. When ctx ends it stops early,
// and the result says so. There is a result whenever streams were opened, and it has figures
// of the drain if the server has been started again.
func (c *Drain) Run(ctx context.Context) (*result.Result, error) {
	switch {
	case c.Publish == nil:
		return nil, errors.New("drain: nothing is published, so nobody can tell what is lost; set Publish")
	case !c.Client.Returns:
		return nil, errors.New("drain: clients do not reconnect, so none comes back; set Client.Returns")
	}
	d := &drain{Drain: c}
	defer func() {
		if d.started != nil {
			d.started.Stop()
		}
	}()
	return c.Scenario.storm(ctx, func(ctx context.Context, s *session) (*result.Storm, error) {
		d.session, d.lane = s, s.lanes[0]
		return d.run(ctx)
	})
}

// drain is one run of a Drain. Times are on the process's clock.
type drain struct {
	*Drain
	session *session
	lane    *lane
	before  uint64         // events published before the server was asked to end
	lost    uint64         // deliveries of these that did not come
	asked   time.Duration  // when it was
	exited  time.Duration  // when its process had
	listens time.Duration  // when the next one took connections
	started *launch.Server // the next one
}

func (d *drain) run(ctx context.Context) (*result.Storm, error) {
	for range d.Last {
		if err := d.lane.publisher.Once(ctx); err != nil {
			return nil, err
		}
	}
	if err := d.endServer(ctx); err != nil {
		return nil, err
	}
	if err := d.startServer(ctx); err != nil {
		return nil, err
	}
	return d.comeBack(ctx)
}

// endServer asks the server to end, and waits until it has exited and all streams have
// ended.
func (d *drain) endServer(ctx context.Context) (err error) {
	s := d.session
	s.watcher.enter("away")
	if s.usage.before, err = s.look(); err != nil {
		return err
	}
	s.takeStock()
	d.before = d.lane.publisher.Sent()
	d.lane.swarm.Watch(load.Watching{Before: d.before, Excuses: true})
	d.asked = load.Now()
	if err := s.awaitExit(ctx, d.Server, d.Server.Terminate); err != nil {
		return err
	}
	d.exited = load.Now()
	if err := d.awaitEnds(ctx); err != nil {
		return err
	}
	d.lost = d.lane.swarm.CountMissing(0, d.before)
	return nil
}

// awaitEnds waits until each stream has ended. The server has exited, so they should have.
func (d *drain) awaitEnds(ctx context.Context) error {
	for late := load.Now() + stormPatience; ; pause(ctx, 5*time.Millisecond) {
		ended, _ := d.lane.swarm.Away(d.asked)
		switch left := d.lane.readers - ended; {
		case left <= 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case load.Now() > late:
			return fmt.Errorf("%d streams are still open %v after the server has exited; is its address that of another program?", left, stormPatience)
		}
	}
}

// startServer starts the server again, and measures the new process from now on.
func (d *drain) startServer(ctx context.Context) (err error) {
	if d.started, err = d.Server.Again(ctx); err != nil {
		return err
	}
	d.listens = load.Now()
	if d.session.process.Load() == nil {
		return nil
	}
	d.session.usage.before.CPU = 0 // of the new one
	d.session.watcher.forgetServer()
	return d.session.measure(d.started.PID())
}

// comeBack publishes until all clients are back and have got an event, and waits for what
// is on its way then.
func (d *drain) comeBack(ctx context.Context) (*result.Storm, error) {
	s := d.session
	s.watcher.enter("back")
	err := s.whilePublishing(ctx, d.awaitRenewed)
	if err == nil {
		err = d.awaitRest(ctx)
	}
	if errors.Is(err, errNothingMore) { // what is missing is counted
		err = nil
	}
	looked := s.countUp()
	return d.figures(), errors.Join(err, looked)
}

// awaitRenewed waits until all clients are back and have got an event, or nothing more
// comes. No client need come back before it was told to.
func (d *drain) awaitRenewed(ctx context.Context) error {
	since, last := load.Now(), 0
	for _, j := range d.lane.swarm.Journals(since) {
		since = max(since, j.Returns[0].Due)
	}
	for ; ; pause(ctx, 5*time.Millisecond) {
		ended, got := d.lane.swarm.Away(d.asked)
		if got == ended {
			return nil
		}
		if got != last {
			last, since = got, max(since, load.Now())
		}
		if load.Now()-since > d.session.patienceInStorm() {
			return fmt.Errorf("%d of %d streams got an event: %w", got, ended, errNothingMore)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// awaitRest waits for the events that are on their way.
func (d *drain) awaitRest(ctx context.Context) error {
	n := d.lane.swarm.Due(0, d.lane.publisher.Sent())
	for _, j := range d.lane.swarm.Journals(0) {
		n -= j.Skipped
	}
	return d.session.until(ctx, n-d.lane.swarm.CountMissing(0, d.before), load.Now())
}
