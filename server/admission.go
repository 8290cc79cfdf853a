package server

import (
	"net"

	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/streamwriter"
)

// begin counts a goroutine in that works for the hub, which Close waits for. It
// fails once the hub is closed. Work.done counts it out.
func (h *Hub) begin() bool {
	h.work.Add(1)
	if h.state.Load() == hubClosed {
		h.work.done()
		return false
	}
	return true
}

// enter counts a stream in, if there may be one more.
func (h *Hub) enter() bool {
	n := h.streams.Add(1)
	if h.state.Load() != hubOpen || (h.cfg.MaxStreams > 0 && n+h.ended.Load() > int64(h.cfg.MaxStreams)) {
		h.streams.done()
		return false
	}
	return true
}

// full reports whether enter would fail now.
func (h *Hub) full() bool {
	return h.state.Load() != hubOpen || (h.cfg.MaxStreams > 0 && h.streams.Load()+h.ended.Load() >= int64(h.cfg.MaxStreams))
}

// newcomer finds the topics of a stream that was counted in, and where it
// begins.
func (h *Hub) admission(patterns []string, lastID string, fr framing) *admission {
	n := &admission{topics: h.history.Acquire(patterns), framing: fr}
	from := resume(h.history, lastID, n.topics, h.now())
	for _, t := range n.topics { // who sees it counted can publish to it
		t.Readers.Add(1)
	}
	now := h.now()
	n.gap = from.gap
	n.toldLost = from.toldLost
	n.stream = stream{next: from.next, live: from.live, wrote: now}
	if h.cfg.MaxAge > 0 {
		n.stream.dies = now + streamwriter.Jitter(h.cfg.MaxAge).Milliseconds()
	}
	h.counters.opened.Add(1)
	return n
}

// turnAway undoes newcomer and enter for a stream that came to nothing. Its
// OnClose is called all the same, if its OnOpen has been.
func (h *Hub) abandon(n *admission, why Reason) {
	n.settled = true
	var list []string
	if n.hooks.hasOnClose() {
		list = eventlog.Names(n.topics)
	}
	for _, t := range n.topics {
		t.Readers.Add(-1)
	}
	h.history.Release(n.topics)
	h.left(n.hooks, list, why)
}

// hold gives an opened stream to a shard: parked if the connection can be, with
// this goroutine if not.
func (h *Hub) hold(c net.Conn, n *admission, tls bool) {
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
	h.serveStreamed(shard, c, n)
}

// pickShard deals streams out evenly.
func (h *Hub) pickShard() *shard {
	return h.shards[h.nextShard.Add(1)%uint32(len(h.shards))]
}

func (h *Hub) parkIn(shard *shard, n *admission, sock parkedSocket) {
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
	h.abandon(n, why)
}

// notAdmitted names the end of a stream that its shard does not take.
func (h *Hub) notAdmitted(shard *shard, err error) Reason {
	if err == ErrClosed {
		return ReasonClosed
	}
	h.logger().Printf("server: stream cut: start shard %d: %v", shard.index, err)
	return ReasonError
}
