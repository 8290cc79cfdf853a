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

// SubscribeHandler returns a handler that opens streams. A request is a GET with
// ?topic=a&topic=b (a subtree ends in "/*") and, to resume, the id of the last event seen
// as the Last-Event-ID header or as ?lastEventId=. Other parameters are ignored, so that
// Authorize can have its own: an EventSource cannot set headers. HEAD is answered with the
// headers alone.
//
// If a stream cannot be opened now (the hub is full or draining, a limit of the Config is
// reached, or a hook failed), the answer is 200, a reconnection time, and the end of the
// stream, as Config.End says: after that a client comes back, and after any other answer an
// EventSource does not. What can never work is answered with 4xx and a JSON object whose
// "error" says why.
//
// The handler hijacks the connection once all middleware has returned. Headers that
// middleware has set are sent; if it reads the response's body, it finds it empty.
// Another request pipelined on the same connection is dropped.
//
// SubscribeHandler panics if the options are not valid (see CORS and GapEvent).
func (h *Hub) SubscribeHandler(o SubscribeOptions) fasthttp.RequestHandler {
	o.CORS.check()
	gap, err := o.Gap.form("SubscribeOptions.Gap", &h.cfg)
	if err != nil {
		panic(err.Error())
	}
	s := &subscribeHandler{hub: h, SubscribeOptions: o, gap: gap}
	return s.serve
}

// SubscribeHandler is [Hub.SubscribeHandler].
func SubscribeHandler(h *Hub, o SubscribeOptions) fasthttp.RequestHandler {
	return h.SubscribeHandler(o)
}

type subscribeHandler struct {
	hub *Hub
	SubscribeOptions
	gap *cursor.Gap // of Gap; nil: the hub's
}

const subscribeMethods = "GET, HEAD, OPTIONS"

func (s *subscribeHandler) serve(ctx *fasthttp.RequestCtx) {
	if ctx.IsOptions() {
		s.CORS.preflight(ctx, subscribeMethods, corsHeaders)
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
	e := s.hub.current()
	began := e.delivery.Era()
	client := s.hub.client(ctx)
	refused := s.hub.mayOpen(client, ctx.IsGet())
	if refused == noRefusal && s.Authorize != nil {
		var answered bool
		if refused, answered = s.authorize(ctx, &sub); answered {
			return
		}
	}
	streamwriter.SetHeaders(&ctx.Response.Header)
	if ctx.IsHead() {
		return
	}
	a := s.opening(ctx, sub)
	a.epoch, a.refused, a.began, a.address = e, refused, began, client
	hijack.Take(ctx, a.framing == cursor.Chunked, a.run)
}

// authorize calls the application's Authorize, and returns why the client is to be told to
// come back later. If the stream is refused for good, authorize answers the request.
func (s *subscribeHandler) authorize(ctx *fasthttp.RequestCtx, sub *Subscription) (later refusal, answered bool) {
	if !s.hub.begin() {
		return refusedClosed, false
	}
	defer s.hub.work.done()
	s.hub.hooks.Add(1)
	defer s.hub.hooks.Add(-1)
	if err := s.Authorize(ctx, sub); err != nil {
		if r, ok := errors.AsType[*StatusError](err); ok {
			r.answer(&ctx.Response)
			return noRefusal, true
		}
		s.hub.logger().Printf("server: stream of %q told to come back later: Authorize: %v", sub.Topics, err)
		return refusedHook, false
	}
	if err := s.hub.checkTopics(sub.Topics); err != nil { // the hook's mistake
		s.hub.logger().Printf("server: topics that Authorize left: %v", err)
		refuse(&ctx.Response, fasthttp.StatusInternalServerError, errFailed)
		return noRefusal, true
	}
	return noRefusal, false
}

// queryTopics returns copies of the topics in the query.
func queryTopics(ctx *fasthttp.RequestCtx) []string {
	var topics []string
	for _, t := range ctx.QueryArgs().PeekMulti("topic") {
		topics = append(topics, string(t))
	}
	return topics
}

// checkPositionName returns an error if the query has a parameter whose name is nearly
// lastEventId: if it were ignored, the client would lose what it has missed, silently.
func checkPositionName(ctx *fasthttp.RequestCtx) error {
	for key := range ctx.QueryArgs().All() {
		switch string(key) {
		case "topic", "lastEventId": // Fast path: most queries have only these.
			continue
		}
		plain := strings.NewReplacer("-", "", "_", "").Replace(string(key))
		if strings.EqualFold(plain, "lastEventId") {
			return fastsse.NewFieldError("query", string(key), "is not the name of the position", "spell it lastEventId")
		}
	}
	return nil
}

// checkTopics returns an error if the topics of a subscription are not valid.
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
