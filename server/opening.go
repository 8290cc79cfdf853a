package server

import (
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/header"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// opening is a request that is to become a stream.
type opening struct {
	handler *subscribeHandler
	hub     *Hub
	epoch   *epoch // what the stream will read
	sub     Subscription
	began   *delivery.Era // the era before Authorize was called
	refused refusal       // why the client is told to come back later, whatever happens
	framing cursor.Framing
	client  cursor.ClientKind
	address netip.Addr // Hub.client
	remote  string     // the peer's address; empty if there are no hooks
	tls     bool
}

// opening makes an opening.
func (s *subscribeHandler) opening(ctx *fasthttp.RequestCtx, sub Subscription) *opening {
	o := &opening{handler: s, hub: s.hub, sub: sub, framing: cursor.Chunked, client: s.hub.clientOf(ctx), tls: ctx.IsTLS()}
	if !ctx.Request.Header.IsHTTP11() {
		o.framing = cursor.Identity
	}
	if s.OnOpen != nil || s.OnClose != nil {
		o.remote = ctx.RemoteAddr().String()
	}
	return o
}

// clientOf returns what a request tells of its client.
func (h *Hub) clientOf(ctx *fasthttp.RequestCtx) (c cursor.ClientKind) {
	if header.IsEventSource(&ctx.Request.Header) {
		c |= cursor.EventSource
	}
	if h.cfg.End.Cuts(ctx) {
		c |= cursor.Cut
	}
	return c
}

// hooks returns what hooks, Kick and the end of the stream need to know about it; nil:
// nothing. It has no owner yet.
func (o *opening) hooks() *delivery.HookData {
	if o.sub.User == nil && o.handler.OnClose == nil && !o.address.IsValid() {
		return nil
	}
	h := &delivery.HookData{User: o.sub.User, RemoteAddr: o.remote, Indexed: delivery.Indexable(o.sub.User)}
	if o.address.IsValid() {
		client := o.address // a copy: the opening need not stay
		h.Client = &client
	}
	return h
}

// mayOpen returns why the stream may not open now. begun is the result of Hub.begin.
func (o *opening) mayOpen(begun bool) refusal {
	switch {
	case o.refused != noRefusal:
		return o.refused
	case !begun:
		return refusedClosed
	}
	return o.hub.enter(o.address)
}

// run opens the stream on the hijacked connection.
func (o *opening) run(c net.Conn, head []byte) {
	begun := o.hub.begin()
	if begun {
		defer o.hub.work.done()
	}
	defer func() {
		if r := recover(); r != nil {
			o.hub.logger().Printf("server: stream cut: panic while it was opened: %v\n%s", r, debug.Stack())
		}
	}()
	if why := o.mayOpen(begun); why != noRefusal {
		o.later(c, head, why)
		return
	}
	a, gap := o.hub.admission(o.epoch, &o.sub, o.framing)
	a.Hooks, a.Began, o.began = o.hooks(), o.began, nil
	a.Stream.Client, a.Gap = o.client, o.handler.gap
	defer func() {
		if !a.Settled {
			o.hub.abandon(o.epoch, a, cursor.Failed)
		}
	}()
	back, gap, err := o.hub.behind(o.epoch, a, gap, o.sub.LastEventID)
	if err != nil {
		o.hub.abandon(o.epoch, a, cursor.Failed)
		o.later(c, head, refusedBackplane)
		return
	}
	first, err := o.first(a, gap)
	if err != nil {
		o.unopened(c, head, err, a)
		return
	}
	a.Rest = o.framing.AppendControl(head, first)
	if o.handler.OnClose != nil {
		a.Hooks.Owner = o.handler // OnClose is called from here on, however the stream ends
	}
	if back != nil && !o.readBack(c, a, back) {
		return
	}
	if notHeld := o.epoch.delivery.Hold(c, a, o.tls); notHeld != nil {
		o.hub.abandon(o.epoch, a, notHeld.Why)
		if notHeld.Rest != nil {
			o.hub.writeLast(c, notHeld.Rest)
		}
	}
}

// unopened answers a client whose OnOpen returned an error.
func (o *opening) unopened(c net.Conn, head []byte, err error, a *delivery.Admission) {
	if r, ok := errors.AsType[*StatusError](err); ok {
		o.hub.abandon(o.epoch, a, cursor.Refused)
		o.hub.writeLast(c, r.instead(head))
		return
	}
	if !errors.Is(err, streamwriter.ErrReconnect) {
		o.hub.logger().Printf("server: stream of %q not opened: OnOpen: %v", o.sub.Topics, err)
	}
	o.hub.abandon(o.epoch, a, cursor.Failed)
	o.later(c, head, refusedHook)
}

// first returns what a stream begins with: a comment, its position if it is fresh, the
// reconnection time, a gap event if it has one, and the events of OnOpen.
func (o *opening) first(a *delivery.Admission, gap string) ([]byte, error) {
	b := streamwriter.AppendComment(nil, "")
	b = o.epoch.appendPosition(b, a.Stream.Next, o.sub.LastEventID)
	b = appendRetryLine(b, o.hub.cfg.Retry)
	b = o.hub.appendGap(o.epoch, b, a, a.Stream.Next, gap, o.sub.LastEventID)
	if o.handler.OnOpen == nil {
		return b, nil
	}
	first := appendBuffer{b}
	w, err := streamwriter.NewWriter(&first, streamwriter.Options{Heartbeat: -1, LastEventID: o.sub.LastEventID, NoIDs: true})
	if err != nil {
		return nil, err // unreachable: the options are valid
	}
	defer w.Close()
	o.hub.hooks.Add(1)
	defer o.hub.hooks.Add(-1)
	err = o.handler.OnOpen(Subscriber{Topics: eventlog.Names(a.Topics), addr: delivery.KnownAddress(o.remote), User: o.sub.User}, w)
	return first.b, err
}

// appendRetryLine appends a reconnection time without a blank line, so that it becomes
// part of the first event: a block of its own is an empty event to some clients, and others
// take a reconnection time only with an event. An EventSource takes it when its line ends.
func appendRetryLine(dst []byte, retry time.Duration) []byte {
	block := streamwriter.AppendRetry(dst, retry)
	if len(block) == len(dst) {
		return dst // there is none
	}
	return block[:len(block)-1]
}

// appendPosition appends, for a client without a Last-Event-ID, the position, so that it
// can resume even if the stream breaks before the first event.
func (e *epoch) appendPosition(dst []byte, next uint64, lastID string) []byte {
	if lastID != "" {
		return dst
	}
	return streamwriter.AppendID(dst, e.history.ID(next-1))
}

// appendGap appends a's gap event, if why says that there is a gap.
func (h *Hub) appendGap(e *epoch, dst []byte, a *delivery.Admission, next uint64, why, lastID string) []byte {
	if why == "" {
		return dst
	}
	h.counters.gaps.Add(1)
	g := a.Gap
	if g == nil {
		g = h.gap
	}
	return g.Append(dst, a.Stream.Client, e.history.ID(next-1), why, lastID)
}

// appendBuffer is an io.Writer that appends.
type appendBuffer struct{ b []byte }

func (a *appendBuffer) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
