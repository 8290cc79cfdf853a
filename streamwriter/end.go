package streamwriter

import (
	"context"
	"errors"
	"time"

	"github.com/fastsse/fastsse/internal/backoff"
	"github.com/fastsse/fastsse/internal/header"
	"github.com/valyala/fasthttp"
)

// End says how a stream ends that is not finished, because this side ended it (maximum
// age, shutdown, [Writer.Reconnect]; of a hub also Kick, Drain, Close, a slow subscriber)
// or has none now: its client is to come back. Either way the client is sent a
// reconnection time first, and has every byte that was sent. A stream whose callback has
// returned nil is finished, and ends cleanly, whatever End says.
//
// A client can tell a clean end, which is the last chunk of the body, from a cut, which is
// the end of the connection without that chunk. An EventSource comes back after both.
// Datastar, @microsoft/fetch-event-source and r3labs' client take a clean end for the end
// of all, and come back only after a cut. But a proxy logs an error for each stream that
// is cut.
//
// The body of an answer over HTTP/1.0 has no last chunk, so its client cannot be told. That
// goes for clients behind nginx, too, whose default is HTTP/1.0: set proxy_http_version
// 1.1. Caddy 2.6 and HAProxy 2.6 with HTTP/2 make a clean end of a cut.
type End uint8

const (
	// EndAuto ends the streams of requests that show themselves to be an EventSource's
	// cleanly, and cuts all others. Such a request accepts text/event-stream and nothing
	// else, has Cache-Control: no-cache, and not the User-Agent of Go's net/http: see
	// [End.Cuts].
	EndAuto End = iota
	// EndClean ends every stream cleanly.
	EndClean
	// EndCut cuts every stream. Choose it for pages that read streams by fetch with
	// cache: "no-store", which cannot be told from an EventSource.
	EndCut
)

// Cuts reports whether a stream that answers the request, and is not finished, is cut.
//
// Of the clients that were tried, these show themselves to be an EventSource: Chromium 156
// and Firefox 153, npm's eventsource 2 and 4, undici 7, launchdarkly-eventsource 2 and
// eventsource-client 1. These do not: @microsoft/fetch-event-source 2 (it sends no
// Cache-Control), Datastar 1 (it accepts other types as well), r3labs/sse 2 and other
// clients made of net/http (by their User-Agent), curl.
func (e End) Cuts(ctx *fasthttp.RequestCtx) bool {
	switch e {
	case EndClean:
		return false
	case EndCut:
		return true
	}
	return !header.IsEventSource(&ctx.Request.Header)
}

// Reconnect ends the stream, though it is not finished, and returns [ErrReconnect]. Its
// Context is done, and no more can be sent. In a callback,
//
//	return w.Reconnect()
//
// makes the client come back: [Serve] sends a new reconnection time, ends the stream as
// Options.End says, and logs nothing. For a stream of [NewWriter], Close sends the
// reconnection time, and one of [NewReader] returns it. On a stream that has ended already, Reconnect changes nothing.
func (w *Writer) Reconnect() error {
	w.cancel(ErrReconnect)
	return ErrReconnect
}

// ReconnectAfter is [Writer.Reconnect] with a reconnection time: the client is told to come
// back after d, and not after a time drawn from Options.Retry. If many streams end together,
// draw d at random: clients do not. A d below one millisecond is none.
func (w *Writer) ReconnectAfter(d time.Duration) error {
	w.back.Store(int64(d))
	return w.Reconnect()
}

// retry returns the reconnection time of a stream that this side ends; 0: it has none. It
// is drawn at random, so that clients of streams that end together do not reconnect
// together.
func (w *Writer) retry() time.Duration {
	if d := time.Duration(w.back.Load()); d >= time.Millisecond && context.Cause(w.ctx) == ErrReconnect {
		return d
	}
	return backoff.Retry(w.opts.Retry)
}

// endedHere reports whether this side ended the stream while its client was
// still there: age, shutdown, Options.Context, Reconnect.
func (w *Writer) endedHere() bool {
	cause := context.Cause(w.ctx)
	return cause != nil && !errors.Is(cause, ErrClientGone) && !errors.Is(cause, ErrClosed)
}

// prepareEnd renews the write deadline for the bytes that fasthttp writes after the last
// event.
func (w *Writer) prepareEnd() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return ErrClientGone
	}
	return w.armLocked(time.Now())
}

// farewell sends the reconnection time of a stream that this side ends.
func (w *Writer) farewell() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.farewellLocked()
}

func (w *Writer) farewellLocked() error {
	if w.broken { // the client would read it as the rest of half an event
		return ErrClientGone
	}
	if err := w.armFarewellLocked(time.Now()); err != nil {
		return err
	}
	retry := AppendRetry(nil, w.retry())
	if len(retry) == 0 {
		return nil
	}
	if !w.eventSource {
		// No blank line, as in Open: clients take the time when its line ends.
		retry = retry[:len(retry)-1]
	}
	return w.flushLocked(retry)
}

// farewellWithin is how long a reader may take to make room for the farewell, if
// WriteTimeout or SetWriteDeadline do not say less.
const farewellWithin = 5 * time.Second

func (w *Writer) armFarewellLocked(now time.Time) error {
	short := w.opts.WriteTimeout > 0 && w.opts.WriteTimeout <= farewellWithin
	if w.out.setDeadline == nil || short || w.deadline.given.Load() != nil {
		return w.armLocked(now)
	}
	return w.SetWriteDeadline(now.Add(farewellWithin))
}
