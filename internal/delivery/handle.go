package delivery

import (
	"net"
	"sync"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
)

// handle is what a shard knows of a stream's pump.
type handle struct {
	wake chan struct{} // one token is as good as many

	slot     int32         // owned by the shard's loop, as are
	assigned bool          // whether it has that slot,
	done     bool          // and whether the pump ended before it had
	reason   cursor.Reason // set by the pump before it says that it is done

	mu        sync.Mutex              // guards all below
	conn      net.Conn                // nil inside a Writer, and once it is fasthttp's again
	setBound  func(t time.Time) error // sets the write deadline of the stream; nil once it is over
	writeBy   time.Time               // what arm or end has set; zero: none
	isCut     bool
	commanded bool // and the pump has not read it yet:
	how       cursor.Phase
	why       cursor.Reason
	until     uint64
}

func newHandle(c net.Conn, setBound func(t time.Time) error) *handle {
	return &handle{wake: make(chan struct{}, 1), conn: c, setBound: setBound}
}

// notify says that there may be something to do. It never blocks.
func (h *handle) notify() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// end asks the stream to end. One in phase Ending gets LingerFor for a write that is
// waiting for its reader.
func (h *handle) end(how cursor.Phase, why cursor.Reason, until uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.how == cursor.Ending && how == cursor.Draining {
		return // it is to end sooner
	}
	h.commanded, h.how, h.why, h.until = true, how, why, until
	by := time.Now().Add(LingerFor)
	if h.writeBy.Before(time.Now()) { // of a write that is long done
		h.writeBy = time.Time{}
	}
	if how == cursor.Ending && h.setBound != nil && !h.isCut && sooner(by, h.writeBy) == by {
		h.writeBy = by
		_ = h.setBound(by)
	}
	h.notify()
}

// sooner is the earlier of two write deadlines, where zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// cutWithin is how long a write may still take when the stream is cut.
const cutWithin = 50 * time.Millisecond

// cut ends a write that is waiting for its reader, and any that follows.
func (h *handle) cut() { h.bindAll(time.Now().Add(cutWithin)) }

// clientLeft ends a write to a client that has left.
func (h *handle) clientLeft() { h.bindAll(time.Unix(1, 0)) }

// bindAll gives the write under way, and all that follow, a deadline.
func (h *handle) bindAll(by time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.isCut = true
	if h.setBound != nil {
		_ = h.setBound(by)
	}
}

// arm gives the next write its time, unless the stream is cut. A command to end that
// has just come has given it less.
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

// detach gives the connection back: it may be another stream's from now on. It reports
// whether the stream was cut, and whether the handle has set a write deadline.
func (h *handle) detach() (cut, bound bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn, h.setBound = nil, nil
	return h.isCut, h.isCut || !h.writeBy.IsZero()
}

// remoteAddr is the peer's address, if it is known.
func (h *handle) remoteAddr() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn == nil {
		return ""
	}
	return h.conn.RemoteAddr().String()
}

// apply hands the command, if there is one, to the machine.
func (h *handle) apply(m *cursor.Machine, s *cursor.Stream, now int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.commanded {
		h.commanded = false
		m.Until = h.until
		s.End(h.how, h.why, now)
	}
}

// whyEnded is why the stream was to end, or otherwise if it was not.
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
