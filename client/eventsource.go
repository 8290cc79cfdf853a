package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/fastsse/fastsse"
)

// EventSource says where an event stream is, and how it is read. The zero value of each field
// but URL is meant to be used. Do not change it while a loop over its Events runs; any number
// of loops may run at a time, each of which is a stream of its own.
type EventSource struct {
	// URL of the stream: http or https. A user and password in it are sent as basic
	// authentication.
	URL string

	// Method of the request. Empty means GET, or POST if there is a Body.
	Method string

	// Header is added to each request. By default it has Accept: text/event-stream,
	// Cache-Control: no-cache, Accept-Encoding: identity and a User-Agent
	// (fastsse-client); what Header has of these replaces the default. It must not have
	// Last-Event-ID: set the field LastEventID.
	Header http.Header

	// Body is sent with each request, also when the client comes back. Nil means none.
	Body []byte

	// LastEventID is where the stream is to begin: the ID of the last event that the
	// program has dealt with, in an earlier run for example. Empty means wherever the
	// server begins for new clients.
	LastEventID string

	// Once makes the loop end with the stream, for an answer that is generated once. It
	// ends without an error if the response is complete, and with one that wraps
	// io.ErrUnexpectedEOF if it was cut. Nothing is tried a second time.
	Once bool

	// Retry is the reconnection time as long as the server has not sent one: how long the
	// client waits before it connects again. A random part of up to as much is added. Zero
	// means 3 s.
	Retry time.Duration

	// MaxRetry bounds the waits while attempts fail, each of which doubles the wait. It does
	// not bound a wait that the server asks for, by a retry field or by Retry-After. Zero
	// means 30 s.
	MaxRetry time.Duration

	// ReadTimeout is how long the server may be silent. If no byte comes for so long, be it
	// of an event, a comment or the head of the response, the connection is taken for dead
	// and replaced. It must be longer than the server's heartbeat: servers commonly send a
	// comment after 15 to 30 s of silence. Zero means 60 s; with Once 10 min, since models
	// think in silence. Negative disables.
	ReadTimeout time.Duration

	// MaxEvent is the largest event, in bytes on the wire. A larger one ends the loop with
	// an error that wraps [fastsse.ErrTooLong]: coming back would bring the same event. It
	// bounds the memory that unfinished events take: one whose end came with the last bytes read
	// may be longer. Zero means 16 MiB.
	MaxEvent int

	// GapType is the type of the events by which a server says that some events are lost,
	// which are yielded with a [*GapError]. Empty means "gap", the default of this module's
	// hubs.
	GapType string

	// GapsAreEvents yields events of the type GapType as any others, without an error.
	GapsAreEvents bool

	// RetryStatus says whether the client comes back after an answer with this status, which
	// is neither 200 nor 204. If not, the answer ends the loop, with a [*StatusError]. Nil
	// means 429, 500, 502, 503 and 504. To give up as browsers do, always return false. It is
	// not asked with Once.
	RetryStatus func(status int) bool

	// Client makes the requests. Its Timeout must be zero, for it would end each stream. Nil
	// means a client that all EventSources share, with the settings of
	// http.DefaultTransport, which also finds dead connections of HTTP/2.
	Client *http.Client

	// OnOpen is called when a stream has opened, with its response, whose body it must not
	// touch. It is called by the goroutine that runs the loop, as are the other hooks.
	OnOpen func(*http.Response)

	// OnComment is called at each comment, heartbeats among them, with what follows the
	// colon: after the events before it were yielded.
	OnComment func(text string)

	// OnReconnect is called before the client waits, and connects again: to log it, or to
	// show it. err is why: io.EOF if the server has ended the stream cleanly, otherwise a
	// network error, [ErrReadTimeout] or a [*StatusError], wrapped.
	OnReconnect func(err error, wait time.Duration)
}

// Events connects, and yields each event that a browser's EventSource would dispatch, in
// order. An event's ID is the last event id as of it; save it to resume from there in another
// run. Its Type is empty if the server has sent none, which means "message". Its Data belongs
// to the caller. Its Retry is set if the event came with a reconnection time of a millisecond or more.
//
// Whenever the stream ends or breaks, or cannot be opened, the loop waits and connects again,
// with Last-Event-ID. The first wait is the reconnection time that the server sent last; while
// attempts fail they grow. An attempt has not failed if it brought an event, stayed open for
// half a minute, or was ended cleanly by a server that sent a reconnection time with it.
//
// A gap is yielded as its event together with a [*GapError], and the loop goes on. Any other
// error is the last thing that the loop yields: a [*StatusError] if the answer is no stream and
// will not become one, an error of ctx once ctx is done, an invalid setting, an event that is
// too long; before a first stream has opened, also a certificate that cannot be verified. The
// loop ends without an error when the server answers 204.
//
// Everything happens on the goroutine that runs the loop: an event is read when the loop asks
// for it, and while the loop's body works nothing is read. When the loop ends or is left, or
// ctx is done, the connection is closed at once. Connections of complete responses go back to
// Client, which may keep them open.
//
// An id that no header can carry (with control characters; the standard allows them) is no
// position to resume from: the last one before it is sent, and events may come twice.
func (s *EventSource) Events(ctx context.Context) iter.Seq2[fastsse.Event, error] {
	return func(yield func(fastsse.Event, error) bool) {
		l := &loop{EventSource: *s, ctx: ctx, yield: yield}
		if err := l.prepare(); err != nil {
			yield(fastsse.Event{}, err)
			return
		}
		l.run()
	}
}
