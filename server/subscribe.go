package server

import (
	"errors"
	"net"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/hijack"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// SubscribeHandler returns a handler that opens streams: GET with
// ?topic=a&topic=b (subtrees end in "/*"), and the id to resume from as the
// Last-Event-ID header or ?lastEventId=. Other parameters are Authorize's to
// read, and not looked at: an EventSource can set no header, so tickets and
// cache-busters come in the URL. It panics if the options cannot be meant.
//
// A stream that cannot be opened now is answered with 200, a reconnection time
// and the end: EventSource comes back after that, and after nothing else. What
// can never work is answered with 4xx and a JSON problem.
//
// The handler takes the connection over: middleware sees no body, and its
// headers are sent. A request pipelined behind this one is dropped.
func SubscribeHandler(h *Hub, o SubscribeOptions) fasthttp.RequestHandler {
	o.CORS.check()
	s := &subscribeHandler{hub: h, SubscribeOptions: o}
	return s.serve
}

type subscribeHandler struct {
	hub *Hub
	SubscribeOptions
}

const subscribeMethods = "GET, HEAD, OPTIONS"

func (s *subscribeHandler) serve(ctx *fasthttp.RequestCtx) {
	if ctx.IsOptions() {
		s.CORS.preflight(ctx, subscribeMethods)
		return
	}
	s.CORS.allow(ctx)
	if !ctx.IsGet() && !ctx.IsHead() {
		refuseMethod(ctx, subscribeMethods)
		return
	}
	sub := Subscription{Topics: queryTopics(ctx), LastEventID: streamwriter.LastEventID(ctx)}
	if err := errors.Join(checkPositionName(ctx), s.hub.checkTopics(sub.Topics)); err != nil {
		refuse(&ctx.Response, fasthttp.StatusBadRequest, err)
		return
	}
	began := s.hub.kicks.era.Load()
	granted, answered := s.authorize(ctx, &sub)
	if answered {
		return
	}
	streamwriter.SetHeaders(&ctx.Response.Header)
	if ctx.IsHead() {
		return
	}
	a := s.opening(ctx, sub)
	a.granted, a.began = granted, began
	hijack.Take(ctx, a.framing == chunked, a.run)
}

// authorize asks the application, unless the client has to be told to come back
// later whatever it says. Where it refuses, the request is answered here.
func (s *subscribeHandler) authorize(ctx *fasthttp.RequestCtx, sub *Subscription) (granted, answered bool) {
	if s.Authorize == nil {
		return true, false
	}
	if s.hub.full() || !s.hub.begin() {
		return false, false
	}
	defer s.hub.work.done()
	s.hub.hooks.Add(1)
	defer s.hub.hooks.Add(-1)
	if err := s.Authorize(ctx, sub); err != nil {
		if r, ok := errors.AsType[*Refusal](err); ok {
			r.answer(&ctx.Response)
			return false, true
		}
		s.hub.logger().Printf("server: stream of %q told to come back later: Authorize: %v", sub.Topics, err)
		return false, false
	}
	if err := s.hub.checkTopics(sub.Topics); err != nil { // the hook's mistake
		s.hub.logger().Printf("server: topics that Authorize left: %v", err)
		refuse(&ctx.Response, fasthttp.StatusInternalServerError, errFailed)
		return false, true
	}
	return true, false
}

// queryTopics copies the topics out of the query.
func queryTopics(ctx *fasthttp.RequestCtx) []string {
	var topics []string
	for _, t := range ctx.QueryArgs().PeekMulti("topic") {
		topics = append(topics, string(t))
	}
	return topics
}

// checkPositionName refuses a position under a name that is nearly right: the stream
// would begin at the present, and lose what its client has missed without a word.
func checkPositionName(ctx *fasthttp.RequestCtx) error {
	for key := range ctx.QueryArgs().All() {
		switch string(key) {
		case "topic", "lastEventId": // Fast path: what there usually is.
			continue
		}
		plain := strings.NewReplacer("-", "", "_", "").Replace(string(key))
		if strings.EqualFold(plain, "lastEventId") {
			return &streamwriter.FieldError{Field: "query", Value: eventlog.Shorten(string(key)), Problem: "is not the name of the position", Remedy: "spell it lastEventId"}
		}
	}
	return nil
}

// checkTopics says what is wrong with the topics of a subscription.
func (h *Hub) checkTopics(topics []string) error {
	if len(topics) == 0 {
		return eventlog.TopicError("", "is missing", `add ?topic=NAME, up to `+strconv.Itoa(h.cfg.MaxTopics)+` times`)
	}
	if len(topics) > h.cfg.MaxTopics {
		return eventlog.TopicError(strconv.Itoa(len(topics))+" topics", "are more than a stream may name ("+strconv.Itoa(h.cfg.MaxTopics)+")", "subscribe to a subtree (NAME/*), or open a second stream")
	}
	for _, t := range topics {
		if err := eventlog.CheckPattern(t); err != nil {
			return err
		}
	}
	return nil
}

// arrival is a request that has not been refused, on its way to become a stream.
type opening struct {
	handler *subscribeHandler
	hub     *Hub
	sub     Subscription
	began   *era // before Authorize was asked
	granted bool // else it is told to come back later
	framing framing
	remote  string
	tls     bool
}

func (s *subscribeHandler) opening(ctx *fasthttp.RequestCtx, sub Subscription) *opening {
	a := &opening{handler: s, hub: s.hub, sub: sub, framing: chunked, tls: ctx.IsTLS()}
	if !ctx.Request.Header.IsHTTP11() {
		a.framing = identity
	}
	if s.OnOpen != nil || s.OnClose != nil {
		a.remote = ctx.RemoteAddr().String()
	}
	return a
}

// party is what is to be known of the stream; nil: nothing.
func (a *opening) hooks() *hookData {
	if a.sub.User == nil && a.handler.OnClose == nil {
		return nil
	}
	return &hookData{user: a.sub.User, remoteAddr: a.remote, onClose: a.handler.OnClose, indexed: indexable(a.sub.User)}
}

// run opens the stream on the hijacked connection.
func (a *opening) run(c net.Conn, head []byte) {
	begun := a.hub.begin()
	if begun {
		defer a.hub.work.done()
	}
	defer func() {
		if r := recover(); r != nil {
			a.hub.logger().Printf("server: stream cut: panic while it was opened: %v\n%s", r, debug.Stack())
		}
	}()
	if !a.granted || !begun || !a.hub.enter() {
		a.later(c, head)
		return
	}
	n := a.hub.admission(a.sub.Topics, a.sub.LastEventID, a.framing)
	n.began, a.began = a.began, nil
	defer func() {
		if !n.settled {
			a.hub.abandon(n, ReasonError)
		}
	}()
	opening, err := a.first(n)
	if err != nil {
		a.unopened(c, head, err, n)
		return
	}
	n.rest = a.frame(head, opening)
	n.hooks = a.hooks() // from here on OnClose is owed
	a.hub.hold(c, n, a.tls)
}

// unopened answers with what OnOpen returned, as far as that is for the client.
func (a *opening) unopened(c net.Conn, head []byte, err error, n *admission) {
	if r, ok := errors.AsType[*Refusal](err); ok {
		a.hub.abandon(n, ReasonRefused)
		a.hub.writeLast(c, r.instead(head))
		return
	}
	a.hub.logger().Printf("server: stream of %q not opened: OnOpen: %v", a.sub.Topics, err)
	a.hub.abandon(n, ReasonError)
	a.later(c, head)
}

// frame appends the first bytes of the body to the head.
func (a *opening) frame(head, body []byte) []byte {
	if a.framing == chunked {
		return eventlog.AppendChunk(head, body)
	}
	return append(head, body...)
}

// opening is what a stream says before its first event: that it is there, when
// to come back, where it stands or what it has missed, and what OnOpen adds.
func (a *opening) first(n *admission) ([]byte, error) {
	b := []byte(":\n")
	b = streamwriter.AppendRetry(b, a.hub.cfg.Retry)
	b = a.hub.appendPosition(b, n, a.sub.LastEventID)
	if a.handler.OnOpen == nil {
		return b, nil
	}
	first := appendBuffer{b}
	w := streamwriter.NewWriter(&first, streamwriter.Options{Heartbeat: -1, LastEventID: a.sub.LastEventID, NoIDs: true})
	defer w.Close()
	a.hub.hooks.Add(1)
	defer a.hub.hooks.Add(-1)
	err := a.handler.OnOpen(Subscriber{Topics: eventlog.Names(n.topics), addr: a.remote, User: a.sub.User}, w)
	return first.b, err
}

// appendPosition appends the gap of a stream that cannot have all it missed, or
// the position of one that is fresh, so that it can resume even if it breaks
// before its first event.
func (h *Hub) appendPosition(dst []byte, n *admission, lastID string) []byte {
	switch {
	case n.gap != "":
		h.counters.gaps.Add(1)
		return appendGap(dst, h.cfg.GapType, h.history.Epoch(), n.stream.next, n.gap, lastID)
	case lastID == "":
		return streamwriter.AppendID(dst, h.history.ID(n.stream.next-1))
	}
	return dst
}

// appendBuffer is an io.Writer that appends.
type appendBuffer struct{ b []byte }

func (a *appendBuffer) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
