package server

import (
	"time"

	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// Subscriber is an open stream, as hooks and Kick see it. It may be kept.
type Subscriber struct {
	Topics []string // sorted; streams share the slice: it must not be changed
	User   any      // what Authorize set

	addr delivery.Address
}

// RemoteAddr returns the address of the connection's peer, which may be a
// proxy's; empty if there is none, as for a unix socket or a stream of Follow.
// Kick's predicate has to ask while it runs: what it keeps does not know the
// address any more, unless the stream has hooks.
func (s Subscriber) RemoteAddr() string { return s.addr.String() }

// Subscription is what a client asks for. Authorize may change it.
type Subscription struct {
	Topics      []string // topics and subtrees, valid ones
	LastEventID string   // the client's word; empty: from now on
	User        any      // for OnOpen, OnClose, Kick and KickUser; not sent anywhere

	// Expires ends the stream at that time, as Config.MaxAge does, which ends it earlier
	// if that is shorter: when a ticket or session runs out, Authorize is asked again.
	// The stream ends up to a quarter of Config.Heartbeat before. Zero means never.
	Expires time.Time
}

// SubscribeOptions are the settings of a subscribe handler. The zero value lets
// everybody subscribe to everything, from pages of the same origin.
type SubscribeOptions struct {
	// Authorize decides on a request: it may narrow or rename s.Topics, set
	// s.User, or refuse. What it leaves in s.Topics is checked again.
	//
	// An error that is, or wraps, a *Refusal is answered as that says: an
	// EventSource gives up for ever after it. Any other error means that nobody
	// could tell: it is logged, and the client is told to come back later (200, a
	// reconnection time and the end), as if the hub were full. Nothing of such an
	// error's text is sent.
	//
	// It is not called while the hub is full, draining or closed: the client is
	// told to come back later without it. It has no counterpart: a stream that it
	// let in may still come to nothing, without OnOpen or OnClose. Count streams
	// in OnOpen and OnClose.
	Authorize func(ctx *fasthttp.RequestCtx, s *Subscription) error

	// OnOpen may send the stream's first events. They go out with the head of
	// the stream, before any of its topics' events; they should be short, since
	// all of them are held until then. They bear no ids, since the id that the
	// client resumes from is the hub's: Send refuses an event that has one, and
	// SendEncoded an id line. A *Refusal is answered as it says, as one of
	// Authorize is. Any other error is logged, and the client is told to come
	// back later; nothing of the error's text is sent.
	//
	// Each call that returns nil is followed by one of OnClose, whatever becomes
	// of the stream; one that returns an error or panics is not. Calls run at the
	// same time, each on a goroutine of its stream's. It may call the hub, but
	// not Drain or Close, which wait for it.
	OnOpen func(s Subscriber, w *streamwriter.Writer) error

	// OnClose is told, on a goroutine of the hub's own and one stream at a time,
	// that a stream has ended and why: once for each whose OnOpen returned nil
	// or, without OnOpen, once for each that was opened. It may call the hub, but
	// not Drain or Close, which wait for it.
	//
	// A stream counts for Config.MaxStreams until its OnClose has returned. If
	// the hook is slower than streams leave, new ones are told to come back
	// later, instead of calls piling up (Stats.Closing).
	OnClose func(s Subscriber, why Reason)

	// CORS lets pages of other origins subscribe.
	CORS CORS
}
