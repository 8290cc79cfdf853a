package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/fastsse/fastsse"
)

// loop is one range over Events.
type loop struct {
	EventSource // its settings, with defaults filled in

	ctx    context.Context
	yield  func(fastsse.Event, error) bool
	broken bool // the loop's body has broken out

	url      *url.URL
	name     string // "GET https://example.org/events", for errors
	id       string // the last event id
	resumeAt string // the last one that fits into a header
	opened   bool   // a stream has opened
	kind     string // the type of the last event

	wait wait
}

// end is how an attempt has ended.
type end struct {
	err     error // io.EOF: a clean end; nil only if final
	final   bool  // there is no other attempt
	healthy bool  // the attempt has not failed
	after   time.Duration
}

// run connects until there is nothing more.
func (l *loop) run() {
	for l.ctx.Err() == nil {
		e := l.attempt()
		switch {
		case l.broken:
			return
		case l.ctx.Err() != nil:
		case e.final || l.Once:
			l.last(e.err)
			return
		default:
			l.pause(e)
		}
	}
	l.last(l.ctx.Err())
}

// last yields what ends the loop, if that is an error.
func (l *loop) last(err error) {
	switch {
	case err == nil || err == io.EOF:
		return
	case !isStatus(err):
		err = fmt.Errorf("client: %s: %w", l.name, err)
	}
	l.yield(fastsse.Event{}, err)
}

func isStatus(err error) bool {
	_, is := err.(*StatusError)
	return is
}

// pause waits until it is time for the next attempt, or ctx is done.
func (l *loop) pause(e end) {
	d := l.wait.next(e)
	if l.OnReconnect != nil {
		l.OnReconnect(e.err, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.ctx.Done():
	}
}

// attempt connects, and reads the stream to its end.
func (l *loop) attempt() end {
	ctx, cancel := context.WithCancelCause(l.ctx)
	defer cancel(nil)
	s := newSilence(l.ReadTimeout, cancel)
	defer s.end()

	req, err := l.request(ctx)
	if err != nil {
		return end{err: err, final: true}
	}
	s.begin()
	resp, err := l.Client.Do(req)
	s.end()
	if err != nil {
		return l.unopened(ctx, resp, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body := &watched{resp.Body, s}
	if e, refused := l.refused(resp, body, func() { cancel(nil) }); refused {
		return e
	}
	return l.read(ctx, resp, body)
}

// read yields the events of an open stream.
func (l *loop) read(ctx context.Context, resp *http.Response, body io.Reader) end {
	if l.OnOpen != nil {
		l.OnOpen(resp)
	}
	l.opened = true
	if l.OnComment != nil {
		body = newComments(body, l.OnComment)
	}
	d := decoderAt(l.id)
	d.MaxEvent = l.MaxEvent
	d.Reset(body)
	began, events := time.Now(), 0
	for {
		b, err := d.NextBlock()
		if err != nil {
			retry, said := d.Retry()
			if said {
				l.wait.told(retry)
			}
			healthy := events > 0 || time.Since(began) > healthyAge || said && err == io.EOF
			return l.ended(l.why(ctx, err), healthy)
		}
		l.moveTo(b.ID)
		if !b.HasData {
			continue
		}
		if events++; l.ctx.Err() != nil || !l.give(d, b) {
			return end{}
		}
	}
}

// ended is the end of a stream. With Once, each end but a clean one is an io.ErrUnexpectedEOF.
func (l *loop) ended(err error, healthy bool) end {
	tooLong := errors.Is(err, fastsse.ErrTooLong)
	if l.Once && !tooLong && err != io.EOF && err != io.ErrUnexpectedEOF {
		err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return end{err: err, final: tooLong, healthy: healthy}
}

// healthyAge is how old a stream without events is when its end is no failure.
const healthyAge = 30 * time.Second

// decoderAt is a Decoder whose last event id is id. Each stream gets a new one, which has no
// reconnection time yet.
func decoderAt(id string) *fastsse.Decoder {
	d := new(fastsse.Decoder)
	if id != "" {
		d.Feed([]byte("id: " + id + "\n\n"))
		_, _ = d.NextBlock() // the id alone
	}
	return d
}

// moveTo notes the last event id.
func (l *loop) moveTo(id []byte) {
	if string(id) == l.id {
		return
	}
	l.id = string(id)
	if fitsHeader(l.id) {
		l.resumeAt = l.id
	}
}

// give yields an event. It reports whether the loop goes on.
func (l *loop) give(d *fastsse.Decoder, b *fastsse.Received) bool {
	if l.kind != string(b.Type) {
		l.kind = string(b.Type)
	}
	e := fastsse.Event{ID: l.id, Type: l.kind, Data: append([]byte{}, b.Data...)}
	if retry, _ := d.Retry(); b.HasRetry && retry >= time.Millisecond {
		e.Retry = retry
	}
	var err error
	if l.kind == l.GapType && !l.GapsAreEvents {
		err = newGapError(e)
	}
	l.broken = !l.yield(e, err)
	return !l.broken
}
