package server

import (
	"time"

	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// Subscriber is an open stream, as hooks and Kick see it. It may be kept after they have
// returned.
type Subscriber struct {
	Topics []string // sorted; streams share the slice: it must not be changed
	User   any      // Subscription.User, as Authorize has set it

	addr delivery.Address
}

// RemoteAddr returns the address of the connection's peer, which may be a proxy. It is
// empty if there is none, as for a unix socket or a stream of Follow. Kick's predicate
// must call it before it returns: afterwards the address is empty, unless the stream's
// handler has an OnClose hook.
func (s Subscriber) RemoteAddr() string { return s.addr.String() }

// Subscription is what a client requests. Authorize may change it.
type Subscription struct {
	Topics      []string // topics and subtrees; valid names
	LastEventID string   // where to resume, as the client says; empty: at the present
	User        any      // for OnOpen, OnClose, Kick and KickUser; never sent to anyone

	// Expires ends the stream at that time as Config.MaxAge does (ReasonMaxAge), or up
	// to a quarter of Config.Heartbeat, and at most 3.75 s, earlier; if MaxAge is over
	// earlier, that counts. A stream that has no more than that left ends as it opens.
	// Set it to the end of a ticket or session: when the client comes back, Authorize
	// is called again. The zero time means no limit.
	Expires time.Time
}

// SubscribeOptions are the settings of a subscribe handler. The zero value lets everyone
// subscribe to every topic, from pages of the same origin.
type SubscribeOptions struct {
	// Authorize, if set, decides whether a stream may be opened. It may change s: drop
	// or rename topics, set User and Expires. The topics that it leaves are checked
	// again. Calls run concurrently, each on the goroutine of its request.
	//
	// An error that is, or wraps, a *StatusError (such as ErrStop) is the answer to the
	// request, and an EventSource does not come back after it. Any other error means
	// that Authorize could not decide: it is logged, and the client is told to come
	// back later (200, a reconnection time, and the end of the stream). Its text is not
	// sent.
	//
	// Authorize is not called while the hub is full, draining or closed, or beyond
	// Config.MaxSubscribersPerIP and MaxOpensPerSecond: clients are then told to come
	// back later in any case. A stream that it has allowed may still
	// not be opened, without a call of OnOpen or OnClose; so count streams in OnOpen and
	// OnClose, not here.
	Authorize func(ctx *fasthttp.RequestCtx, s *Subscription) error

	// OnOpen, if set, is called each time a stream opens: also when a client
	// reconnects, whether or not it resumes. It may send the stream's first events,
	// such as a snapshot of the state. They are collected in memory, and sent
	// together with the response headers when OnOpen returns: after the gap event, if
	// there is one, and before all events of the topics. w must not be used after that.
	//
	// The stream's position is fixed before OnOpen is called, so nothing that is
	// published meanwhile is lost: what the client has missed, and what is published
	// during the call, is sent after OnOpen's events. Changes may therefore be in a
	// snapshot and come again as events, and must be harmless when applied twice: send
	// whole values or version numbers. For exactly the changes after a state, use
	// [Hub.LastID].
	//
	// w.LastEventID() is the id from which the client resumes, or empty. If it is not
	// empty, the client has the state already, unless it is sent a gap event, of which
	// OnOpen does not know.
	//
	// The events have no ids, because the id from which a client resumes must be the
	// hub's: Send refuses an event with an ID, and SendEncoded an id line. An error is
	// handled like one of Authorize: a *StatusError is the answer, and after any other
	// error the client is told to come back later. That of w.Reconnect is not logged.
	//
	// After each call that returns nil, OnClose is called once, however the stream ends;
	// after a call that returns an error or panics, it is not. Calls run concurrently,
	// each on a goroutine of its stream. OnOpen may call the hub, but not Drain or Close,
	// which wait for it.
	OnOpen func(s Subscriber, w *streamwriter.Writer) error

	// OnClose, if set, is called when a stream has ended: once for each stream whose
	// OnOpen has returned nil or, without OnOpen, once for each stream that was opened.
	// Calls are made one at a time, on a goroutine of the hub. OnClose may call the hub,
	// but not Drain or Close, which wait for it.
	//
	// A stream counts for Config.MaxSubscribers until its OnClose has returned. So if the
	// hook is slower than streams end, new clients are told to come back later, instead
	// of more and more calls waiting (Stats.Closing).
	OnClose func(s Subscriber, why Reason)

	// Gap says how the handler's streams tell their clients that some of what they have
	// missed is lost.
	Gap GapEvent

	// CORS lets pages of other origins subscribe.
	CORS CORS
}
