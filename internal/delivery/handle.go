package delivery

import (
	"net"
	"sync"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
)

// handle is how a shard, and others, reach a pump.
type handle struct {
	wake chan struct{} // holds at most one token; never closed

	// Owned by the shard's loop.
	slot     int32
	assigned bool // slot is set
	done     bool // the pump has ended

	writing underWay // the pump's write, for the loop's sweep

	reason cursor.Reason // why the stream ended; set by the pump before it calls pumpDone

	mu        sync.Mutex              // guards all below
	conn      net.Conn                // nil under Follow, and once the connection is given back
	setBound  func(t time.Time) error // sets the write deadline; nil once the connection is given back
	writeBy   time.Time               // the deadline that arm or end has set; zero: none
	isCut     bool                    // a deadline is set for all writes, which arm must not change
	commanded bool                    // there is a command that the pump has not read yet:
	how       cursor.Phase
	why       cursor.Reason
	drain     cursor.Drain
}

func newHandle(c net.Conn, setBound func(t time.Time) error) *handle {
	return &handle{wake: make(chan struct{}, 1), conn: c, setBound: setBound}
}

// notify wakes the pump. It never blocks.
func (h *handle) notify() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// end asks the stream to end: see cursor.Stream.End. If how is Ending, a write that waits
// for its reader gets at most LingerFor more.
func (h *handle) end(how cursor.Phase, why cursor.Reason, drain cursor.Drain) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.how == cursor.Ending && how == cursor.Draining {
		return // it is asked to end sooner already
	}
	h.commanded, h.how, h.why, h.drain = true, how, why, drain
	by := time.Now().Add(LingerFor)
	if h.writeBy.Before(time.Now()) { // the deadline of an earlier write
		h.writeBy = time.Time{}
	}
	if how == cursor.Ending && h.setBound != nil && !h.isCut && sooner(by, h.writeBy) == by {
		h.writeBy = by
		_ = h.setBound(by)
	}
	h.notify()
}

// sooner returns the earlier of two write deadlines; zero means none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// cutWithin is how long a write may take after the stream was cut.
const cutWithin = 250 * time.Millisecond

// cut gives the write under way, and all later ones, cutWithin.
func (h *handle) cut() { h.bindAll(time.Now().Add(cutWithin)) }

// clientLeft makes the write under way, and all later ones, fail at once.
func (h *handle) clientLeft() { h.bindAll(time.Unix(1, 0)) }

// bindAll gives the write under way, and all later ones, a deadline.
func (h *handle) bindAll(by time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.isCut = true
	if h.setBound != nil {
		_ = h.setBound(by)
	}
}

// arm sets the deadline of the next write, unless the stream is cut. It keeps an earlier
// one that end has just set.
func (h *handle) arm(by time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isCut || (by.IsZero() && h.writeBy.IsZero()) {
		return nil
	}
	if h.commanded && h.how == cursor.Ending {
		by = sooner(by, h.writeBy)
	}
	h.writeBy = by
	return h.setBound(by)
}

// detach gives the connection back: the handle does not touch it from then on. It reports
// whether the stream was cut, and whether the handle has set a write deadline.
func (h *handle) detach() (cut, bound bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn, h.setBound = nil, nil
	return h.isCut, h.isCut || !h.writeBy.IsZero()
}

// remoteAddr returns the peer's address, or an empty string if it is not known.
func (h *handle) remoteAddr() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn == nil {
		return ""
	}
	return h.conn.RemoteAddr().String()
}

// apply passes the command, if there is one, to the machine and the stream. The pump
// calls it.
func (h *handle) apply(m *cursor.Machine, s *cursor.Stream, now int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.commanded {
		h.commanded = false
		m.Drain = h.drain
		s.End(h.how, h.why, now)
	}
}

// whyEnded returns why the stream was asked to end, or otherwise if it was not.
func (h *handle) whyEnded(s *cursor.Stream, otherwise cursor.Reason) cursor.Reason {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.commanded, h.isCut && h.why != cursor.NoReason: // the machine may not know it yet
		return h.why
	case s.Phase >= cursor.Draining:
		return s.Reason
	}
	return otherwise
}
