package server

import (
	"errors"
	"net"
	"runtime/debug"
	"slices"
	"strconv"

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
	if err := s.hub.checkTopics(sub.Topics); err != nil {
		refuse(&ctx.Response, fasthttp.StatusBadRequest, err)
		return
	}
	if s.Authorize != nil {
		if err := s.Authorize(ctx, &sub); err != nil {
			s.unauthorized(ctx, sub, err)
			return
		}
		if err := s.hub.checkTopics(sub.Topics); err != nil { // the hook's mistake
			s.hub.logger().Printf("server: topics that Authorize left: %v", err)
			refuse(&ctx.Response, fasthttp.StatusInternalServerError, errFailed)
			return
		}
	}
	streamwriter.SetHeaders(&ctx.Response.Header)
	if ctx.IsHead() {
		return
	}
	a := s.arrival(ctx, sub)
	hijack.Take(ctx, a.framing == chunked, a.run)
}

// unauthorized answers with what Authorize returned, if that is for the client.
// Of any other error it can be told no more than of a full hub.
func (s *subscribeHandler) unauthorized(ctx *fasthttp.RequestCtx, sub Subscription, err error) {
	if r, ok := errors.AsType[*Refusal](err); ok {
		r.answer(&ctx.Response)
		return
	}
	s.hub.logger().Printf("server: stream of %q told to come back later: Authorize: %v", sub.Topics, err)
	streamwriter.SetHeaders(&ctx.Response.Header)
	if ctx.IsHead() {
		return
	}
	a := s.arrival(ctx, sub)
	hijack.Take(ctx, a.framing == chunked, a.later)
}

// queryTopics copies the topics out of the query.
func queryTopics(ctx *fasthttp.RequestCtx) []string {
	var topics []string
	for _, t := range ctx.QueryArgs().PeekMulti("topic") {
		topics = append(topics, string(t))
	}
	return topics
}

// checkTopics says what is wrong with the topics of a subscription.
func (h *Hub) checkTopics(topics []string) error {
	if len(topics) == 0 {
		return topicError("", "is missing", `add ?topic=NAME, up to `+strconv.Itoa(h.cfg.MaxTopics)+` times`)
	}
	if len(topics) > h.cfg.MaxTopics {
		return topicError(strconv.Itoa(len(topics))+" topics", "are more than a stream may name ("+strconv.Itoa(h.cfg.MaxTopics)+")", "subscribe to a subtree (NAME/*), or open a second stream")
	}
	for _, t := range topics {
		if err := checkPattern(t); err != nil {
			return err
		}
	}
	return nil
}

// arrival is a request that has been granted, on its way to become a stream.
type arrival struct {
	handler *subscribeHandler
	hub     *Hub
	sub     Subscription
	framing framing
	remote  string
	tls     bool
}

func (s *subscribeHandler) arrival(ctx *fasthttp.RequestCtx, sub Subscription) *arrival {
	a := &arrival{handler: s, hub: s.hub, sub: sub, framing: chunked, tls: ctx.IsTLS()}
	if !ctx.Request.Header.IsHTTP11() {
		a.framing = identity
	}
	if s.needsParty(sub) {
		a.remote = ctx.RemoteAddr().String()
	}
	return a
}

func (s *subscribeHandler) needsParty(sub Subscription) bool {
	return sub.User != nil || s.OnOpen != nil || s.OnClose != nil
}

// run opens the stream on the hijacked connection.
func (a *arrival) run(c net.Conn, head []byte) {
	defer func() {
		if r := recover(); r != nil {
			a.hub.logger().Printf("server: stream cut: panic while it was opened: %v\n%s", r, debug.Stack())
		}
	}()
	if !a.hub.enter() {
		a.later(c, head)
		return
	}
	n := a.hub.newcomer(a.sub.Topics, a.sub.LastEventID, a.framing)
	seated, why := false, ReasonError
	defer func() {
		if !seated {
			a.hub.turnAway(n, why)
		}
	}()
	opening, err := a.opening(n)
	if err != nil {
		why = a.unopened(c, head, err)
		return
	}
	n.rest = a.frame(head, opening)
	if a.handler.needsParty(a.sub) {
		n.party = &party{user: a.sub.User, remoteAddr: a.remote, onClose: a.handler.OnClose}
	}
	seated = true
	a.hub.hold(c, n, a.tls)
}

// unopened answers with what OnOpen returned, as far as that is for the client.
func (a *arrival) unopened(c net.Conn, head []byte, err error) Reason {
	if r, ok := errors.AsType[*Refusal](err); ok {
		writeLast(c, r.instead(head), a.hub.cfg.WriteTimeout)
		return ReasonRefused
	}
	a.hub.logger().Printf("server: stream of %q not opened: OnOpen: %v", a.sub.Topics, err)
	a.later(c, head)
	return ReasonError
}

// later answers a client that cannot have a stream now, but may come back.
func (a *arrival) later(c net.Conn, head []byte) {
	a.hub.counters.refused.Add(1)
	retry := streamwriter.AppendRetry([]byte(":\n"), streamwriter.Spread(max(a.hub.cfg.Retry, defaultRetry)))
	b := a.frame(head, retry)
	if a.framing == chunked {
		b = append(b, lastChunk...)
	}
	writeLast(c, b, a.hub.cfg.WriteTimeout)
}

// frame appends the first bytes of the body to the head.
func (a *arrival) frame(head, body []byte) []byte {
	if a.framing == chunked {
		return appendChunk(head, body)
	}
	return append(head, body...)
}

// opening is what a stream says before its first event: that it is there, when
// to come back, where it stands or what it has missed, and what OnOpen adds.
func (a *arrival) opening(n *newcomer) ([]byte, error) {
	b := []byte(":\n")
	b = streamwriter.AppendRetry(b, a.hub.cfg.Retry)
	b = a.hub.appendPosition(b, n, a.sub.LastEventID)
	if a.handler.OnOpen == nil {
		return b, nil
	}
	first := appendBuffer{b}
	w := streamwriter.NewWriter(&first, streamwriter.Options{Heartbeat: -1, LastEventID: a.sub.LastEventID, NoIDs: true})
	defer w.Close()
	err := a.handler.OnOpen(Subscriber{Topics: names(n.topics), RemoteAddr: a.remote, User: a.sub.User}, w)
	return first.b, err
}

// appendPosition appends the gap of a stream that cannot have all it missed, or
// the position of one that is fresh, so that it can resume even if it breaks
// before its first event.
func (h *Hub) appendPosition(dst []byte, n *newcomer, lastID string) []byte {
	switch {
	case n.gap != "":
		h.counters.gaps.Add(1)
		return appendGap(dst, h.cfg.GapType, h.epoch, n.stream.next, n.gap, lastID)
	case lastID == "":
		return streamwriter.AppendID(dst, string(appendID(nil, h.epoch, n.stream.next-1)))
	}
	return dst
}

// appendBuffer is an io.Writer that appends.
type appendBuffer struct{ b []byte }

func (a *appendBuffer) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// enter counts a stream in, if there may be one more.
func (h *Hub) enter() bool {
	n := h.streams.Add(1)
	if h.state.Load() != hubOpen || (h.cfg.MaxStreams > 0 && n > int64(h.cfg.MaxStreams)) {
		h.streams.Add(-1)
		return false
	}
	return true
}

// newcomer finds the topics of a stream that was counted in, and where it
// begins.
func (h *Hub) newcomer(patterns []string, lastID string, fr framing) *newcomer {
	n := &newcomer{topics: h.acquireAll(patterns), framing: fr}
	from := h.resume(lastID, n.topics)
	for _, t := range n.topics { // who sees it counted can publish to it
		t.readers.Add(1)
	}
	now := h.now()
	n.gap = from.gap
	n.excused = from.excused
	n.stream = stream{next: from.next, live: from.live, wrote: now}
	if h.cfg.MaxAge > 0 {
		n.stream.dies = now + streamwriter.Jitter(h.cfg.MaxAge).Milliseconds()
	}
	h.counters.opened.Add(1)
	return n
}

// turnAway undoes newcomer and enter for a stream that came to nothing.
func (h *Hub) turnAway(n *newcomer, why Reason) {
	for _, t := range n.topics {
		t.readers.Add(-1)
	}
	h.releaseAll(n.topics)
	h.left(why)
}

// left counts a stream out.
func (h *Hub) left(why Reason) {
	h.counters.ended[why].Add(1)
	h.streams.Add(-1)
}

// acquireAll returns the topics, each once, in the order of their names, and
// builds the subtrees among them that are new.
func (h *Hub) acquireAll(patterns []string) []*topic {
	patterns = slices.Compact(slices.Sorted(slices.Values(patterns)))
	topics := make([]*topic, len(patterns))
	for i, name := range patterns {
		t := h.registry.acquire(name)
		topics[i] = t
		if t.sub != nil {
			h.readSubtree(t)
		}
	}
	return topics
}

// readSubtree makes sure that t has an index while it is read.
func (h *Hub) readSubtree(t *topic) {
	h.mu.Lock()
	making, mine := h.history.read(t)
	h.mu.Unlock()
	switch {
	case mine:
		h.makeIndex(making)
	case making != nil:
		<-making.ready
	}
}

// makeIndex looks at the topics below a subtree, a few at a time, and leaves the
// publishers room in between.
func (h *Hub) makeIndex(j *indexing) {
	var batch []*topic
	for {
		h.mu.Lock()
		batch = j.some(batch[:0])
		h.mu.Unlock()
		if len(batch) == 0 {
			break
		}
		for _, t := range batch {
			j.add(t)
		}
	}
	j.sort()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.finish(j)
}

// releaseAll lets go of what acquireAll returned.
func (h *Hub) releaseAll(topics []*topic) {
	for _, t := range topics {
		if t.sub != nil {
			h.mu.Lock()
			h.history.unread(t)
			h.mu.Unlock()
		}
		h.release(t)
	}
}

func names(topics []*topic) []string {
	list := make([]string, len(topics))
	for i, t := range topics {
		list[i] = t.name
	}
	return list
}

// hold gives an opened stream to a shard: parked if the connection can be, with
// this goroutine if not.
func (h *Hub) hold(c net.Conn, n *newcomer, tls bool) {
	shard := h.pickShard()
	why := h.whyStreamed(c, tls)
	if why == "" {
		sock, err := park(c, h.cfg.SendBuffer)
		if err == nil {
			h.parkIn(shard, n, sock)
			return
		}
		h.logger().Printf("server: streaming instead of parking: %v", err)
		why = "failed"
	}
	h.counters.streamed(why)
	h.stream(shard, c, n)
}

// pickShard deals streams out evenly.
func (h *Hub) pickShard() *shard {
	return h.shards[h.nextShard.Add(1)%uint32(len(h.shards))]
}

func (h *Hub) parkIn(shard *shard, n *newcomer, sock parkedSocket) {
	n.sock = sock
	// The head goes out from here, so that shards open streams cheaply; what is
	// not taken at once is theirs.
	why := ReasonClient
	sent, err := sock.write(n.rest)
	if err == nil {
		n.rest = n.rest[sent:]
		if len(n.rest) == 0 {
			n.rest = nil // let the buffer go
		}
		h.counters.parked.Add(1)
		err = shard.admit(n)
		if err == nil {
			return
		}
		h.counters.parked.Add(-1)
		why = h.notAdmitted(shard, err)
		if n.rest == nil { // what does not go out at once is no loss
			_, _ = sock.write(appendFarewell(nil, n.framing, h.cfg.Retry))
		}
	}
	sock.close()
	h.turnAway(n, why)
}

// notAdmitted names the end of a stream that its shard does not take.
func (h *Hub) notAdmitted(shard *shard, err error) Reason {
	if err == ErrClosed {
		return ReasonClosed
	}
	h.logger().Printf("server: stream cut: start shard %d: %v", shard.index, err)
	return ReasonError
}
