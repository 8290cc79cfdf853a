package delivery

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/socket"
)

// pump is the goroutine of one stream. It runs the same state machine as a shard.
type pump struct {
	delivery *Delivery
	handle   *handle
	machine  cursor.Machine
	stream   cursor.Stream
	offer    cursor.Offer
	write    func([]byte) error
	left     <-chan struct{} // closed when the client has left
	peer     syscall.RawConn // the socket, to be asked about the peer; nil: there is none
	askedAt  int64           // when it was asked last, in milliseconds of the hub's clock
	watch    peerWatch
	counted  cursor.Counts // what count has added to delivery.pumped
}

// newPump makes the pump of a, with handle h.
func (d *Delivery) newPump(a *Admission, h *handle) *pump {
	a.handle = h
	space := cursor.NewWorkspace(d.host.History, false)
	p := &pump{delivery: d, handle: h, stream: a.Stream}
	p.machine = d.host.machine(space, d.host.Limits.Heartbeat.Milliseconds(), 0)
	p.machine.Begin(0, &p.stream, nil, a.ToldLost)
	feed := cursor.NewFeed(a.Topics, a.Framing, space)
	feed.Gap = a.Gap
	p.machine.Feeds = []*cursor.Feed{feed}
	return p
}

// pumpConn pumps a stream on its connection until the stream has ended.
func (d *Delivery) pumpConn(sh *shard, c net.Conn, a *Admission) *NotHeld {
	socket.Unblock(c) // else a deadline would not end a write
	h := newHandle(c, c.SetWriteDeadline)
	left := make(chan struct{})
	if stop, ok := socket.Watch(c, func() { close(left); h.clientLeft() }); ok {
		defer stop()
	}
	p := d.newPump(a, h)
	p.left = left
	p.peer, _ = socket.Beneath(c)
	p.write = func(b []byte) error {
		if err := h.arm(p.giveUpAt()); err != nil {
			return err
		}
		_, err := c.Write(b)
		return err
	}
	head := a.Rest
	a.Rest = nil
	if err := sh.admit(a); err != nil {
		return &NotHeld{Why: d.notAdmitted(sh, err), Rest: a.Framing.AppendFarewell(head, d.host.Limits.Retry, a.Stream.Client)}
	}
	if p.runAndSignOff(sh, head); p.stream.Phase == cursor.Closed {
		d.lingering.Add(1)
		defer d.lingering.Add(-1)
		socket.Linger(c, LingerFor, func() bool { return d.host.State() == Closed })
	}
	return nil
}

// runAndSignOff calls run, and tells the shard that the stream has ended.
func (p *pump) runAndSignOff(sh *shard, head []byte) {
	p.handle.reason = cursor.Failed // if run panics
	defer func() {
		if cut, _ := p.handle.detach(); cut && p.stream.Phase == cursor.Closed {
			p.stream.Phase = cursor.Aborted // it does not linger
		}
		sh.pumpDone(p.handle)
	}()
	p.handle.reason = p.run(head)
}

// aDay is more milliseconds than a write can need.
const aDay = 86_400_000

// giveUpAt returns the deadline of a write that begins now; zero: none. A stream that is
// to end, or reaches its maximum age during the write, gets LingerFor from then on.
func (p *pump) giveUpAt() (by time.Time) {
	now := time.Now()
	if t := p.delivery.host.Limits.WriteTimeout; t > 0 {
		by = now.Add(t)
	}
	switch s := &p.stream; {
	case s.Phase >= cursor.Ending:
		by = sooner(by, now.Add(LingerFor))
	case s.Phase == cursor.Open && s.Dies != 0:
		left := max(s.Dies-p.delivery.host.Now(), 0)
		if left < aDay { // or it may be more than a Duration can be
			by = sooner(by, now.Add(time.Duration(left)*time.Millisecond+LingerFor))
		}
	}
	return by
}

// run writes the head, and then the stream until its end, and returns why it ended.
func (p *pump) run(head []byte) cursor.Reason {
	if len(head) > 0 {
		if err := p.send(head, p.delivery.host.Now()); err != nil {
			return p.failed(err)
		}
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	m, s, o := &p.machine, &p.stream, &p.offer
	for {
		now := p.delivery.host.Now()
		p.handle.apply(m, s, now)
		if p.vanished(now) {
			return cursor.Vanished
		}
		s.EndByAge(now, 0)
		if !m.Next(o, 0, s, now) {
			if s.Phase >= cursor.Closed {
				return s.Reason
			}
			m.Workspace().Clear() // a stream that waits keeps no memory
			if !p.wait(timer, m.Due(s), now) {
				return cursor.Client
			}
			continue
		}
		if err := p.send(o.Bytes, now); err != nil {
			return p.failed(err)
		}
		m.Took(o, 0, s, len(o.Bytes), now)
		p.count()
	}
}

// send writes b, and notes meanwhile that a write is under way.
func (p *pump) send(b []byte, now int64) error {
	w := &p.handle.writing
	w.begin(p.stream.Next, now)
	err := p.write(b)
	w.end()
	return err
}

// askEvery is how often the socket of a busy stream is asked about the peer. That of a
// silent stream is asked with every heartbeat.
func askEvery() time.Duration { return VanishedAfter / 6 }

// vanished reports whether the peer has vanished: see peerWatch.
func (p *pump) vanished(now int64) bool {
	if p.peer == nil || now-p.askedAt < askEvery().Milliseconds() {
		return false
	}
	p.askedAt = now
	return p.watch.vanished(now, p.stream.Wrote, func(ms int64) bool { return socket.SilentConn(p.peer, ms) })
}

// wait blocks until there may be something to do; ok is false if the client has left. due
// and now are in milliseconds; due 0: never.
func (p *pump) wait(timer *time.Timer, due, now int64) (ok bool) {
	d := time.Hour
	if due > 0 {
		d = time.Duration(max(due-now, 1)) * time.Millisecond
	}
	timer.Reset(d)
	select {
	case <-p.handle.wake:
	case <-timer.C:
	case <-p.left:
		return false
	}
	return true
}

// failed returns why the stream ended whose write returned err.
func (p *pump) failed(err error) cursor.Reason {
	select {
	case <-p.left:
		return cursor.Client
	default:
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return p.gaveUp()
	}
	return p.handle.whyEnded(&p.stream, cursor.Client)
}

// gaveUp counts a stream whose last write has passed its deadline, and returns why the
// stream ended.
func (p *pump) gaveUp() cursor.Reason {
	if p.machine.Inside(&p.offer, 0) {
		p.machine.Aborted++
		p.count()
	}
	p.stream.EndByAge(p.delivery.host.Now(), 0)
	return p.handle.whyEnded(&p.stream, cursor.Timeout)
}

// count adds what the machine has counted since the last call to delivery.pumped.
func (p *pump) count() {
	p.delivery.pumped.add(&p.machine.Counts, &p.counted)
	p.counted = p.machine.Counts
}
