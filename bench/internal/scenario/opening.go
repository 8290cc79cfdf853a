package scenario

import (
	"context"
	"errors"
	"fmt"

	"github.com/fastsse/fastsse/bench/internal/load"
)

// parts are those in which streams are opened. After each the server's memory is read: what
// it grows by from then on is due to streams alone.
const parts = 4

// open opens all streams, and notes what they cost the server.
func (s *session) open(ctx context.Context) error {
	s.watcher.enter("open")
	left := s.Streams
	for part := parts; part > 0; part-- {
		n := left / part
		if s.missed != nil { // do not wait for the answers of each part
			n = left
		}
		left -= n
		if err := s.openPart(ctx, n, s.Streams-left); err != nil {
			return err
		}
	}
	if err := s.openOthers(ctx); err != nil {
		return err
	}
	s.watcher.enter("settle")
	load.Pause(ctx, s.Settle)
	return nil
}

// openPart opens n more streams, so that as many as asked are open. If the server is measured
// it waits until its memory can be told.
func (s *session) openPart(ctx context.Context, n, asked int) error {
	main := s.lanes[0]
	if err := s.step(ctx); err != nil {
		return err
	}
	before, err := s.look()
	if err == nil {
		err = errors.Join(s.openSome(ctx, main, n, s.Client), s.step(ctx))
	}
	after, looked := s.look()
	if err = errors.Join(err, looked); err != nil || n == 0 || s.process.Load() == nil {
		return err
	}
	s.toOpen += after.CPU - before.CPU
	load.Pause(ctx, s.Settle/parts)
	after, err = s.look()
	s.points = append(s.points, point{asked, main.opened, after})
	return err
}

// openOthers opens the streams that are there to disturb the server.
func (s *session) openOthers(ctx context.Context) error {
	main := s.lanes[0]
	if err := s.openSome(ctx, main, s.Stalled, load.Client{Stops: true}); err != nil {
		return err
	}
	if err := s.openSome(ctx, main, s.Slow, load.Client{Rate: s.SlowRate}); err != nil {
		return err
	}
	for _, l := range s.lanes[1:] {
		if err := s.openSome(ctx, l, l.asked, s.Client); err != nil {
			return err
		}
	}
	return nil
}

// openSome opens n streams of a lane, and waits for their answers. It is no error yet if
// some fail, but it is if all do.
func (s *session) openSome(ctx context.Context, l *lane, n int, c load.Client) error {
	if n == 0 {
		return nil
	}
	begin := load.Now()
	l.swarm.Open(ctx, n, s.Ramp, c)
	err := l.swarm.AwaitOpen(ctx, s.answer())
	s.opening += load.Now() - begin
	l.opened, _ = l.swarm.Now()
	if err == nil || ctx.Err() != nil {
		return nil
	}
	if s.missed == nil {
		s.missed = err
	}
	if l.opened == 0 {
		return err
	}
	return nil
}

// unopened is the error of streams that were not open when publishing began.
func (s *session) unopened() error {
	if s.short == 0 {
		return nil
	}
	if s.missed == nil {
		return fmt.Errorf("%d streams were opened, and had ended when publishing was to begin", s.short)
	}
	return fmt.Errorf("%d streams were not opened: %w", s.short, s.missed)
}

// muster counts the streams that are open when publishing is to begin, and those that should
// be and are not.
func (s *session) muster(ctx context.Context) {
	for _, l := range s.lanes {
		l.opened, _ = l.swarm.Now()
	}
	s.count(ctx)
}

// count counts the streams that should be open and are not. When ctx has ended none are missing.
func (s *session) count(ctx context.Context) {
	missing := 0
	for _, l := range s.lanes {
		missing += l.asked - l.opened
	}
	s.held = missing == 0
	if ctx.Err() == nil {
		s.short = missing
	}
}
