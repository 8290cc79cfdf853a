package server

import (
	"errors"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/hijack"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// SubscribeHandler returns a handler that opens streams: GET with
// ?topic=a&topic=b (subtrees end in "/*"), and the id to resume from as the
// Last-Event-ID header or ?lastEventId=. Other parameters are Authorize's to
// read, and not looked at: an EventSource can set no header, so tickets and
// cache-busters come in the URL. It panics if the options contradict each other (CORS).
//
// A stream that cannot be opened now is answered with 200, a reconnection time
// and the end: EventSource comes back after that, and after nothing else. What
// can never work is answered with 4xx and a JSON problem.
//
// The handler takes the connection over: middleware sees no body, and its
// headers are sent. A request pipelined behind this one is dropped.
func (h *Hub) SubscribeHandler(o SubscribeOptions) fasthttp.RequestHandler {
	o.CORS.check()
	s := &subscribeHandler{hub: h, SubscribeOptions: o}
	return s.serve
}

// SubscribeHandler is [Hub.SubscribeHandler].
func SubscribeHandler(h *Hub, o SubscribeOptions) fasthttp.RequestHandler {
	return h.SubscribeHandler(o)
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
	began := s.hub.delivery.Era()
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
	hijack.Take(ctx, a.framing == cursor.Chunked, a.run)
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
		if r, ok := errors.AsType[*StatusError](err); ok {
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
			return fastsse.NewFieldError("query", string(key), "is not the name of the position", "spell it lastEventId")
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
