package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// connections post over each of several connections in turn. A slow answer holds up its
// connection alone, until the next event is for that one.
type connections struct {
	all  []poster
	next int
}

// turn says which events a connection posts: each of-th, the first after this many others.
type turn struct{ after, of uint64 }

// event is the number of the event that the connection posts when it has posted n.
func (t turn) event(n uint64) uint64 { return n*t.of + t.after + 1 }

// connect makes as many connections as there are publishers.
func (p *Publishing) connect(one func(turn) (poster, error)) (poster, error) {
	if p.Publishers <= 1 {
		return one(turn{0, 1})
	}
	c := &connections{}
	for i := range uint64(p.Publishers) {
		t := turn{i, uint64(p.Publishers)}
		made, err := one(t)
		if err != nil {
			c.close()
			return nil, err
		}
		if _, waits := made.(*pipeline); !waits {
			made = newWorker(made, t)
		}
		c.all = append(c.all, made)
	}
	return c, nil
}

func (c *connections) post(ctx context.Context, a *ask, v values) error {
	p := c.all[c.next]
	c.next = (c.next + 1) % len(c.all)
	return p.post(ctx, a, v)
}

// await waits for all connections if nothing may be unanswered; otherwise for the next one,
// which may have its share.
func (c *connections) await(ctx context.Context, most uint64) (err error) {
	if most > 1 {
		return c.all[c.next].await(ctx, max(most/uint64(len(c.all)), 1))
	}
	for _, p := range c.all {
		err = errors.Join(err, p.await(ctx, most))
	}
	return err
}

func (c *connections) close() {
	for _, p := range c.all {
		p.close()
	}
}

// worker posts one event at a time on a goroutine of its own, by a poster that waits for the
// answer. await waits for that, so that the publisher knows when it falls behind its schedule.
type worker struct {
	poster
	turn
	over   chan error // has one element while nothing is posted: why the last post failed, or nil
	posted uint64     // for whoever has taken that
	ctx    context.Context
	stop   context.CancelFunc
}

func newWorker(p poster, t turn) *worker {
	w := &worker{poster: p, turn: t, over: make(chan error, 1)}
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.over <- nil
	return w
}

func (w *worker) post(ctx context.Context, a *ask, v values) error {
	if err := w.await(ctx, 1); err != nil {
		return err
	}
	<-w.over
	own := *a
	own.body = bytes.Clone(a.body)
	go func() {
		err := w.poster.post(w.ctx, &own, v)
		if err != nil {
			err = &earlier{fmt.Errorf("publish event %d: %w", w.event(w.posted), err)}
		}
		w.posted++
		w.over <- err
	}()
	return nil
}

func (w *worker) await(ctx context.Context, _ uint64) error {
	select {
	case err := <-w.over:
		w.over <- err
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *worker) close() {
	w.stop()
	<-w.over
	w.poster.close()
}
