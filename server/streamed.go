package server

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/fastsse/fastsse/internal/socket"
)

// A streamed stream has a goroutine that drives the same machine as a shard
// does, and a seat in a shard that rings it when there is news.

// whyStreamed says why c cannot be parked; empty: it can.
func (h *Hub) whyStreamed(c net.Conn, isTLS bool) string {
	if _, plain := socket.Plain(c); plain {
		switch {
		case runtime.GOOS != "linux":
			return "platform"
		case h.cfg.Streamed:
			return "configured"
		}
		return ""
	}
	if isTLS {
		return "tls"
	}
	if _, ok := socket.Beneath(c); ok {
		return "wrapped" // by MaxConnsPerIP, for one
	}
	return "not a socket"
}

// driver is the goroutine of a streamed stream, as its shard knows it.
type handle struct {
	wake chan struct{} // one ring is as good as many

	slot     int32  // owned by the shard's loop, as are
	assigned bool   // whether it has that seat,
	done     bool   // and whether it was dismissed before it had
	reason   Reason // set by the goroutine before it is dismissed

	mu      sync.Mutex              // guards all below
	conn    net.Conn                // nil inside a Writer, and once it is fasthttp's again
	bound   func(t time.Time) error // sets the write deadline of the stream; nil once it is over
	writeBy time.Time               // what arm or end has set; zero: none
	isCut   bool
	ended   bool
	how     phase
	why     Reason
	until   uint64
}

// ring says that there may be something to do. It never blocks.
func (d *handle) notify() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// end orders the stream to part. One that is to leave gets lingerFor for a write
// that is waiting for its reader.
func (d *handle) end(how phase, why Reason, until uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.how == ending && how == draining {
		return // it is to leave sooner
	}
	d.ended, d.how, d.why, d.until = true, how, why, until
	by := time.Now().Add(lingerFor)
	if d.writeBy.Before(time.Now()) { // of a write that is long done
		d.writeBy = time.Time{}
	}
	if how == ending && d.bound != nil && !d.isCut && sooner(by, d.writeBy) == by {
		d.writeBy = by
		_ = d.bound(by)
	}
	d.notify()
}

// sooner is the earlier of two write deadlines, where zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// abortedIn is how long a write may still take when the stream is cut.
const abortedIn = 50 * time.Millisecond

// abort ends a write that is waiting for its reader, and any that follows.
func (d *handle) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.isCut = true
	if d.bound != nil {
		_ = d.bound(time.Now().Add(abortedIn))
	}
}

// arm gives the next write its time, unless the stream is cut. An order to leave
// that has just come has given it less.
func (d *handle) arm(by time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isCut || (by.IsZero() && d.writeBy.IsZero()) {
		return nil
	}
	if d.ended && d.how == ending {
		by = sooner(by, d.writeBy)
	}
	d.writeBy = by
	return d.bound(by)
}

// leave ends a write to a client that has left.
func (d *handle) clientLeft() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.isCut = true
	if d.bound != nil {
		_ = d.bound(time.Unix(1, 0))
	}
}

// retire gives the connection back: it may be another stream's from now on. It
// reports whether the stream was cut, and whether the driver has set a write
// deadline.
func (d *handle) detach() (cut, bound bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn, d.bound = nil, nil
	return d.isCut, d.isCut || !d.writeBy.IsZero()
}

// remoteAddr is the peer's address, if it is known.
func (d *handle) remoteAddr() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return ""
	}
	return d.conn.RemoteAddr().String()
}

// obey hands the order, if there is one, to the machine.
func (d *handle) apply(m *machine, s *stream, now int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		d.ended = false
		m.until = d.until
		s.end(d.how, d.why, now)
	}
}

// drive is one stream's goroutine at work.
type pump struct {
	hub         *Hub
	handle      *handle
	machine     machine
	stream      stream
	write       func([]byte) error
	clientGone  <-chan struct{} // closed when the client has left
	peer        syscall.RawConn // the socket, to ask it; nil: there is none
	askedAt     int64           // when it was asked last, in the hub's milliseconds
	silentSince int64           // since when the peer has acknowledged nothing; 0: it does
	counted     machine         // what was added to the hub's counters
}

// stream holds a stream on its hijacked connection until it ends.
func (h *Hub) serveStreamed(sh *shard, c net.Conn, n *admission) {
	socket.Unblock(c) // or no deadline would end a write
	d := &handle{wake: make(chan struct{}, 1), conn: c, bound: c.SetWriteDeadline}
	n.handle = d
	gone := make(chan struct{})
	if stop, ok := socket.Watch(c, func() { close(gone); d.clientLeft() }); ok {
		defer stop()
	}
	v := h.newPump(d, n)
	v.clientGone = gone
	v.peer, _ = socket.Beneath(c)
	v.write = func(b []byte) error {
		if err := d.arm(v.giveUpAt()); err != nil {
			return err
		}
		_, err := c.Write(b)
		return err
	}
	head := n.rest
	n.rest = nil
	if err := sh.admit(n); err != nil {
		h.abandon(n, h.notAdmitted(sh, err))
		h.writeLast(c, appendFarewell(head, n.framing, h.cfg.Retry))
		return
	}
	d.reason = ReasonError // of a panic: run returns any other
	var cut bool
	func() {
		defer func() {
			cut, _ = d.detach()
			sh.pumpDone(d)
		}()
		d.reason = v.run(head)
	}()
	if v.stream.phase == closed && !cut {
		h.ended.Add(1)
		defer h.ended.Add(-1)
		lingerOn(c, func() bool { return h.state.Load() == hubClosed })
	}
}

func (h *Hub) newPump(d *handle, n *admission) *pump {
	v := &pump{hub: h, handle: d, stream: n.stream}
	v.machine = h.newMachine(&workspace{committed: h.history.Newest})
	v.machine.every = h.cfg.Heartbeat.Milliseconds()
	if n.toldLost > 0 {
		v.machine.noteTold(0, n.toldLost)
	}
	v.machine.feeds = []*feed{{topics: n.topics, framing: n.framing, workspace: v.machine.workspace}}
	return v
}

// giveUpAt is when a write that begins now is given up; zero: never. A stream that
// is leaving, or reaches its age while it waits, gets lingerFor.
func (v *pump) giveUpAt() (by time.Time) {
	now := time.Now()
	if t := v.hub.cfg.WriteTimeout; t > 0 {
		by = now.Add(t)
	}
	switch s := &v.stream; {
	case s.phase >= ending:
		by = sooner(by, now.Add(lingerFor))
	case s.phase == open && s.dies != 0:
		left := time.Duration(max(s.dies-v.hub.now(), 0)) * time.Millisecond
		by = sooner(by, now.Add(left+lingerFor))
	}
	return by
}

// run drives the stream from its head to its end.
func (v *pump) run(head []byte) Reason {
	if len(head) > 0 {
		if err := v.write(head); err != nil {
			return v.failed(err)
		}
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	m, s := &v.machine, &v.stream
	for {
		now := v.hub.now()
		v.handle.apply(m, s, now)
		if v.vanished(now) {
			return ReasonVanished
		}
		m.age(s, now, 0)
		b := m.next(0, s, now)
		if b == nil {
			if s.phase >= closed {
				return s.reason
			}
			m.workspace.clear() // a stream that waits holds no memory
			if !v.wait(timer, m.due(s), now) {
				return ReasonClient
			}
			continue
		}
		if err := v.write(b); err != nil {
			return v.failed(err)
		}
		m.took(0, s, len(b), now)
		v.count()
	}
}

// vanished reports, as a shard's does, whether the peer has gone without a word.
func (v *pump) vanished(now int64) bool {
	if v.peer == nil || now-v.askedAt < askEvery.Milliseconds() {
		return false
	}
	v.askedAt = now
	if v.silentSince == 0 {
		if wrote := v.stream.wrote; socket.SilentConn(v.peer, now-wrote) {
			v.silentSince = wrote
		}
		return false
	}
	quiet := now - v.silentSince
	if !socket.SilentConn(v.peer, quiet) {
		v.silentSince = 0
		return false
	}
	return quiet >= vanishedAfter.Milliseconds()
}

// askEvery is how often a busy stream's socket is asked about its peer; a silent
// one's is with every heartbeat.
const askEvery = vanishedAfter / 6

// wait blocks until there may be something to do, and is not ok if the client
// has left.
func (v *pump) wait(timer *time.Timer, due, now int64) bool {
	d := time.Hour
	if due > 0 {
		d = time.Duration(max(due-now, 1)) * time.Millisecond
	}
	timer.Reset(d)
	select {
	case <-v.handle.wake:
	case <-timer.C:
	case <-v.clientGone:
		return false
	}
	return true
}

// failed tells a reader that took too long from one that is gone.
func (v *pump) failed(err error) Reason {
	select {
	case <-v.clientGone:
		return ReasonClient
	default:
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return v.gaveUp()
	}
	return v.ending(ReasonClient)
}

// gaveUp ends a stream whose last write this side has given up, and says why.
func (v *pump) gaveUp() Reason {
	if v.machine.inside(0) {
		v.machine.aborted++
		v.count()
	}
	v.machine.age(&v.stream, v.hub.now(), 0)
	return v.ending(ReasonTimeout)
}

// ending is why the stream was to end, or otherwise.
func (v *pump) ending(otherwise Reason) Reason {
	v.handle.mu.Lock()
	defer v.handle.mu.Unlock()
	if v.handle.ended || v.stream.phase >= draining {
		return max(v.handle.why, v.stream.reason)
	}
	return otherwise
}

// count adds what the machine has counted since the last time.
func (v *pump) count() {
	c, m, was := &v.hub.counters, &v.machine, &v.counted
	c.delivered.Add(m.events - was.events)
	c.gaps.Add(m.gaps - was.gaps)
	c.aborted.Add(m.aborted - was.aborted)
	was.events, was.gaps, was.aborted = m.events, m.gaps, m.aborted
}

// lingerOn lets what was written arrive: it ends this side of the connection
// and discards what the peer sends until it ends the other. enough is asked now
// and then.
func lingerOn(c net.Conn, enough func() bool) {
	if h, ok := c.(interface{ UnsafeConn() net.Conn }); ok {
		c = h.UnsafeConn()
	}
	half, ok := c.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	var discard [512]byte
	for until := time.Now().Add(lingerFor); time.Now().Before(until) && !enough(); {
		if c.SetReadDeadline(time.Now().Add(lingerFor/50)) != nil {
			return
		}
		if _, err := c.Read(discard[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}
