package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"sync/atomic"
	"time"
)

// player publishes what happens when it happens.
type player struct {
	board   *board
	speed   float64
	readers func() int // streams that are open
	viewers func() int // …and follow all scores
	log     *log.Logger
	skipped atomic.Int64 // lines of the feed that were no events
}

// feed plays r to its end, or until ctx is done. What is not an event is
// reported and skipped.
func (p *player) feed(ctx context.Context, r io.Reader) error {
	pace := pacer{speed: p.speed}
	sent := 0
	for u, err := range readFeed(r, p.speed > 0) {
		if err == nil {
			if pace.wait(ctx, u.when) != nil {
				return nil
			}
			err = p.publish(u)
		}
		var bad *lineError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &bad):
			p.skipped.Add(1)
			p.log.Printf("skipped: %v", bad)
		case err != nil:
			return err
		default:
			sent++
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	p.log.Printf("the feed has ended: %d events sent, %d lines skipped; serving goes on", sent, p.skipped.Load())
	return nil
}

// publish makes what the hub refuses about u, such as its topic, the line's fault.
func (p *player) publish(u update) error {
	if err := p.board.publish(u); err != nil {
		return &lineError{u.number, "cannot be published: " + err.Error(), "correct it"}
	}
	return nil
}

// breakBetweenDays is how long the final scores stand before the next match day.
const breakBetweenDays = 20 * time.Second

// halfPlayed is how far into its first day a simulation begins: some matches are
// over then, some are on, and one is to come.
const halfPlayed = 114 * time.Minute

// simulation plays one match day after another until ctx is done. What happens
// on the first one until it is played that long is on the board at once.
func (p *player) simulation(ctx context.Context, seed uint64, today time.Time, played time.Duration) error {
	for day := 1; ; day++ {
		d := drawDay(seed, day, today.AddDate(0, 0, 7*(day-1)))
		now := d.start.Add(played)
		played = 0
		table, rest := d.at(now)
		if err := p.board.newDay(table, now, p.speed); err != nil {
			return unlessDone(ctx, err)
		}
		pace := pacer{speed: p.speed, at: now, due: time.Now()}
		for _, u := range rest {
			if pace.wait(ctx, u.when) != nil {
				return nil
			}
			if err := p.board.publish(u); err != nil {
				return unlessDone(ctx, err)
			}
		}
		if sleep(ctx, scale(breakBetweenDays, simulationSpeed/p.speed)) != nil {
			return nil
		}
	}
}

// awaitReaders returns once n streams are open. It looks twice: a stream counts
// a moment before it knows where it begins.
func (p *player) awaitReaders(ctx context.Context, n int) error {
	for seen := 0; n > 0 && seen < 2; {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
		if p.readers() < n {
			seen = 0
		} else {
			seen++
		}
	}
	return ctx.Err()
}

// countViewers publishes how many watch, at most once a second.
func (p *player) countViewers(ctx context.Context) {
	for sleep(ctx, time.Second) == nil {
		if err := p.board.watch(p.viewers()); err != nil && ctx.Err() == nil {
			p.log.Printf("publish the number of viewers: %v", err)
		}
	}
}

// pacer keeps events as far apart as they happened, divided by speed. It
// follows the schedule and not the last event, so that delays do not add up.
type pacer struct {
	speed float64   // 0 means not to wait
	at    time.Time // of the last event
	due   time.Time // when that was to be sent
}

// wait returns when the event that happened at at is due.
func (p *pacer) wait(ctx context.Context, at time.Time) error {
	if p.speed == 0 {
		return ctx.Err()
	}
	if p.at.IsZero() {
		p.at, p.due = at, time.Now()
	}
	if gap := at.Sub(p.at); gap > 0 { // one that goes back in time is sent at once
		p.at, p.due = at, p.due.Add(scale(gap, 1/p.speed))
	}
	return sleep(ctx, time.Until(p.due))
}

// scale returns d times f, or the longest duration if that is less.
func scale(d time.Duration, f float64) time.Duration {
	ns := float64(d) * f
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// unlessDone is err, unless it is what the end of the program looks like.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("play the match day: %w", err)
}
