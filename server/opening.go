package server

import (
	"errors"
	"net"
	"runtime/debug"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// opening is a request that has not been refused, on its way to become a stream.
type opening struct {
	handler *subscribeHandler
	hub     *Hub
	sub     Subscription
	began   *delivery.Era // before Authorize was asked
	granted bool          // else it is told to come back later
	framing cursor.Framing
	remote  string
	tls     bool
}

func (s *subscribeHandler) opening(ctx *fasthttp.RequestCtx, sub Subscription) *opening {
	o := &opening{handler: s, hub: s.hub, sub: sub, framing: cursor.Chunked, tls: ctx.IsTLS()}
	if !ctx.Request.Header.IsHTTP11() {
		o.framing = cursor.Identity
	}
	if s.OnOpen != nil || s.OnClose != nil {
		o.remote = ctx.RemoteAddr().String()
	}
	return o
}

// hooks is what is to be known of the stream; nil: nothing.
func (o *opening) hooks() *delivery.HookData {
	if o.sub.User == nil && o.handler.OnClose == nil {
		return nil
	}
	h := &delivery.HookData{User: o.sub.User, RemoteAddr: o.remote, Indexed: delivery.Indexable(o.sub.User)}
	if o.handler.OnClose != nil {
		h.Owner = o.handler
	}
	return h
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
	if !o.granted || !begun || !o.hub.enter() {
		o.later(c, head)
		return
	}
	a, gap := o.hub.admission(&o.sub, o.framing)
	a.Began, o.began = o.began, nil
	defer func() {
		if !a.Settled {
			o.hub.abandon(a, cursor.Failed)
		}
	}()
	first, err := o.first(a, gap)
	if err != nil {
		o.unopened(c, head, err, a)
		return
	}
	a.Rest = o.framing.AppendControl(head, first)
	a.Hooks = o.hooks() // from here on OnClose follows
	if not := o.hub.delivery.Hold(c, a, o.tls); not != nil {
		o.hub.abandon(a, not.Why)
		if not.Rest != nil {
			o.hub.writeLast(c, not.Rest)
		}
	}
}

// unopened answers with what OnOpen returned, as far as that is for the client.
func (o *opening) unopened(c net.Conn, head []byte, err error, a *delivery.Admission) {
	if r, ok := errors.AsType[*StatusError](err); ok {
		o.hub.abandon(a, cursor.Refused)
		o.hub.writeLast(c, r.instead(head))
		return
	}
	o.hub.logger().Printf("server: stream of %q not opened: OnOpen: %v", o.sub.Topics, err)
	o.hub.abandon(a, cursor.Failed)
	o.later(c, head)
}

// first is what a stream gets before its first event: that it is there, when to come
// back, where it stands or what it has missed, and what OnOpen adds.
func (o *opening) first(a *delivery.Admission, gap string) ([]byte, error) {
	b := []byte(":\n")
	b = streamwriter.AppendRetry(b, o.hub.cfg.Retry)
	b = o.hub.appendPosition(b, a.Stream.Next, gap, o.sub.LastEventID)
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

// appendPosition appends the gap of a stream that cannot have all it missed, or the
// position of one that is fresh, so that it can resume even if it breaks before its
// first event.
func (h *Hub) appendPosition(dst []byte, next uint64, gap, lastID string) []byte {
	switch {
	case gap != "":
		h.counters.gaps.Add(1)
		return cursor.AppendGap(dst, h.cfg.GapType, h.history.ID(next-1), gap, lastID)
	case lastID == "":
		return streamwriter.AppendID(dst, h.history.ID(next-1))
	}
	return dst
}

// appendBuffer is an io.Writer that appends.
type appendBuffer struct{ b []byte }

func (a *appendBuffer) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
