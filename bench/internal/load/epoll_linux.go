package load

import (
	"container/heap"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// epollCarrier reads plain HTTP/1.1 with one goroutine and one epoll set per meter.
type epollCarrier struct {
	swarm   *Swarm
	readers map[*meter]*epollReader
	streams []*rawStream // by index
}

// rawStream is a stream with a socket of its own. Its meter's mutex guards it.
type rawStream struct {
	fd   int   // -1 while there is none
	slot int32 // in its reader
	life int32 // changes when it connects or is closed: tells stale events from new ones
	ans  answer
	out  []byte // of the request, still to be written
	stream

	to    []netip.AddrPort // addresses of the host; empty: a Unix socket
	tried int              // of these, without success
	full  bool             // epoll tells when more of it can be written
	owed  float64          // bytes that a slow client may read now
	fed   time.Duration    // when owed was last updated
}

func newEpollCarrier(s *Swarm) (*epollCarrier, error) {
	c := &epollCarrier{swarm: s, readers: make(map[*meter]*epollReader)}
	for _, m := range s.meters {
		r, err := newEpollReader(s, m)
		if err != nil {
			c.close()
			return nil, err
		}
		c.readers[m] = r
	}
	return c, nil
}

func (c *epollCarrier) add(m *meter) *stream {
	st := &rawStream{fd: -1}
	r := c.readers[m]
	m.mu.Lock()
	st.slot = int32(len(r.slots))
	r.slots = append(r.slots, st)
	m.mu.Unlock()
	c.streams = append(c.streams, st)
	return &st.stream
}

func (c *epollCarrier) connect(st *stream, after time.Duration) {
	m, raw := st.meter, c.streams[st.index]
	r := c.readers[m]
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case st.phase != idle:
	case after == 0:
		r.connect(raw)
	default:
		st.phase = waiting
		heap.Push(&r.coming, comeback{Now() + after, raw, raw.life})
		if r.coming[0].st == raw {
			r.nudge()
		}
	}
}

func (c *epollCarrier) leave(st *stream, reset bool) {
	m, raw := st.meter, c.streams[st.index]
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaves(st)
	raw.life++
	raw.close(reset)
}

func (c *epollCarrier) busy() (readers []time.Duration) {
	for _, m := range c.swarm.meters {
		readers = append(readers, c.readers[m].busy())
	}
	return readers
}

func (c *epollCarrier) close() {
	for _, st := range c.streams {
		c.leave(&st.stream, false)
	}
	for _, r := range c.readers {
		r.stop()
	}
}

// epollReader is the goroutine that reads a meter's streams. The meter's mutex guards
// its fields.
type epollReader struct {
	swarm *Swarm
	meter *meter
	ep    int
	wake  int // an eventfd: written to when the time to wake has changed
	done  chan struct{}

	slots   []*rawStream
	coming  comebacks
	slow    []*rawStream  // open ones of slow clients
	ticked  time.Duration // when they last read
	stopped bool
	reads   uint64

	watch  sync.Mutex    // guards what follows
	worked time.Duration // outside of waits that are over
	turned time.Duration // when the present wait began or, if it does not wait, the last one ended
	waits  bool
}

func newEpollReader(s *Swarm, m *meter) (*epollReader, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll set: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: wakeSlot})
	}
	if err != nil {
		unix.Close(ep)
		unix.Close(wake)
		return nil, fmt.Errorf("create event descriptor: %w", err)
	}
	r := &epollReader{swarm: s, meter: m, ep: ep, wake: wake, done: make(chan struct{}), turned: Now()}
	moreProcs(1)
	go r.run()
	return r, nil
}

// wakeSlot is the slot of the eventfd, which no stream has.
const wakeSlot = -1

// nudge ends the present wait. The event is an edge: nobody needs to read it.
func (r *epollReader) nudge() {
	one := [8]byte{1}
	_, _ = unix.Write(r.wake, one[:])
}

func (r *epollReader) stop() {
	r.meter.mu.Lock()
	r.stopped = true
	r.meter.mu.Unlock()
	r.nudge()
	<-r.done
	moreProcs(-1)
	unix.Close(r.ep)
	unix.Close(r.wake)
}

// slowTick is how often slow clients read.
const slowTick = 20 * time.Millisecond

func (r *epollReader) run() {
	defer close(r.done)
	events := make([]unix.EpollEvent, 512)
	buf := make([]byte, 256<<10)
	timeout := 100 * time.Millisecond
	for timeout >= 0 {
		r.turns(true)
		n, err := epollWait(r.ep, events, int(timeout/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		r.turns(false)
		timeout = r.batch(events[:max(n, 0)], buf)
	}
}

// turns notes that a wait begins, or ends.
func (r *epollReader) turns(waits bool) {
	r.watch.Lock()
	defer r.watch.Unlock()
	now := Now()
	if waits {
		r.worked += now - r.turned
	}
	r.turned, r.waits = now, waits
}

// busy is how long the reader has not waited so far.
func (r *epollReader) busy() time.Duration {
	r.watch.Lock()
	defer r.watch.Unlock()
	if r.waits {
		return r.worked
	}
	return r.worked + Now() - r.turned
}

// batch does what is due, and returns how long the reader may wait; negative: it is
// to stop.
func (r *epollReader) batch(events []unix.EpollEvent, buf []byte) time.Duration {
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	for _, ev := range events {
		if ev.Fd == wakeSlot {
			continue
		}
		if st := r.slots[ev.Fd]; st.fd >= 0 && st.life == ev.Pad {
			r.ready(st, ev.Events, buf)
		}
	}
	if r.stopped {
		return -1
	}
	if now := Now(); len(r.slow) > 0 && now-r.ticked >= slowTick {
		r.ticked = now
		r.feedSlow(buf, now)
	}
	return r.bringBack()
}

func (r *epollReader) ready(st *rawStream, events uint32, buf []byte) {
	if life := st.life; len(st.out) > 0 {
		if r.send(st); st.fd < 0 || st.life != life {
			return
		}
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		r.read(st, buf)
	}
}

func (r *epollReader) connect(st *rawStream) {
	r.meter.begins(&st.stream, Now())
	st.connects()
	r.ask(st)
}

func (st *rawStream) interest(events uint32) *unix.EpollEvent {
	return &unix.EpollEvent{Events: events, Fd: st.slot, Pad: st.life}
}

// send writes the request, or what is left of it. On loopback the connection is made
// by now; elsewhere epoll tells when it is.
func (r *epollReader) send(st *rawStream) {
	n, err := unix.Write(st.fd, st.out)
	switch {
	case err == unix.EAGAIN || err == nil && n < len(st.out):
		st.out, st.full = st.out[max(n, 0):], true
		r.wants(st, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP)
		return
	case err != nil:
		if code, _ := unix.GetsockoptInt(st.fd, unix.SOL_SOCKET, unix.SO_ERROR); code != 0 {
			err = unix.Errno(code)
		}
		r.unreached(st, err)
		return
	}
	st.out = nil
	if st.full {
		st.full = false
		r.wants(st, unix.EPOLLIN|unix.EPOLLRDHUP)
	}
}

func (r *epollReader) wants(st *rawStream, events uint32) {
	_ = unix.EpollCtl(r.ep, unix.EPOLL_CTL_MOD, st.fd, st.interest(events))
}

// read reads once, and returns how many bytes came. It takes the time once per read.
func (r *epollReader) read(st *rawStream, buf []byte) int {
	n, now, err := r.receive(st, buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0
	}
	r.meter.wire += uint64(max(n, 0))
	switch {
	case err != nil:
	case n == 0:
		err = st.ans.end()
	default:
		err = r.takes(st, buf[:n:n], now)
	}
	if err != nil {
		r.breaks(st, err, now)
	}
	return max(n, 0)
}

func (r *epollReader) takes(st *rawStream, b []byte, now time.Duration) error {
	for len(b) > 0 {
		body, rest, wrong := st.ans.next(b)
		if st.phase == connecting && st.ans.headDone {
			r.meter.opens(&st.stream, now)
			r.settle(st, now)
		}
		if wrong != nil {
			return wrong
		}
		if err := r.meter.reads(&st.stream, body, now); err != nil {
			return err
		}
		b = rest
	}
	if st.ans.ended {
		return errEnded
	}
	return nil
}

// settle makes an open stream read in the way of its client.
func (r *epollReader) settle(st *rawStream, now time.Duration) {
	if !st.client.ill() {
		return
	}
	r.wants(st, 0)
	st.owed, st.fed = 0, now
	if st.client.Rate > 0 && !slices.Contains(r.slow, st) {
		r.slow = append(r.slow, st)
	}
}

// feedSlow lets slow clients read as much as they may by now, and drops those that are
// no longer open.
func (r *epollReader) feedSlow(buf []byte, now time.Duration) {
	kept := r.slow[:0]
	for _, st := range r.slow {
		if st.phase != open {
			continue
		}
		kept = append(kept, st)
		st.owed = min(st.owed+(now-st.fed).Seconds()*float64(st.client.Rate), float64(st.client.Rate))
		st.fed = now
		if n := min(int(st.owed), len(buf)); n > 0 {
			st.owed -= float64(r.read(st, buf[:n]))
		}
	}
	r.slow = kept
}

// breaks ends st's connection, and makes it come back later if its client does.
func (r *epollReader) breaks(st *rawStream, err error, now time.Duration) {
	st.close(false)
	if no, ok := errors.AsType[*refusal](err); ok && no.location != "" {
		if err = r.swarm.follow(&st.stream, no); err == nil {
			r.ask(st)
			return
		}
	}
	if back, comes := r.meter.breaks(&st.stream, err, now); comes {
		heap.Push(&r.coming, comeback{back, st, st.life})
	}
}

// close closes the socket, by a reset or cleanly.
func (st *rawStream) close(reset bool) {
	if st.fd < 0 {
		return
	}
	if reset {
		_ = unix.SetsockoptLinger(st.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	unix.Close(st.fd) // it has no duplicate, so epoll drops it too
	st.fd = -1
}

// bringBack connects the streams whose time has come, and returns how long it is until
// the next.
func (r *epollReader) bringBack() time.Duration {
	now := Now()
	for len(r.coming) > 0 && r.coming[0].at <= now {
		c := heap.Pop(&r.coming).(comeback)
		switch {
		case c.st.life != c.life:
		case c.st.phase == waiting:
			r.connect(c.st)
		case c.st.phase == connecting:
			r.dial(c.st)
		}
	}
	timeout := 100 * time.Millisecond
	if len(r.slow) > 0 {
		timeout = slowTick
	}
	if len(r.coming) > 0 {
		timeout = min(timeout, r.coming[0].at-now+time.Millisecond)
	}
	return timeout
}
