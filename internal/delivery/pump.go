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

// pump is one stream's goroutine at work. It drives the same machine as a shard does.
type pump struct {
	delivery *Delivery
	handle   *handle
	machine  cursor.Machine
	stream   cursor.Stream
	offer    cursor.Offer
	write    func([]byte) error
	left     <-chan struct{} // closed when the client has left
	peer     syscall.RawConn // the socket, to ask it; nil: there is none
	askedAt  int64           // when it was asked last, in the hub's milliseconds
	watch    peerWatch
	counted  cursor.Counts // what was added to the delivery's counts
}

// newPump makes a's pump, and h its handle.
func (d *Delivery) newPump(a *Admission, h *handle) *pump {
	a.handle = h
	space := cursor.NewWorkspace(d.host.History, false)
	p := &pump{delivery: d, handle: h, stream: a.Stream}
	p.machine = d.host.machine(space, d.host.Limits.Heartbeat.Milliseconds(), 0)
	p.machine.Begin(0, &p.stream, nil, a.ToldLost)
	p.machine.Feeds = []*cursor.Feed{cursor.NewFeed(a.Topics, a.Framing, space)}
	return p
}

// pumpConn drives a stream on its connection until the stream ends.
func (d *Delivery) pumpConn(sh *shard, c net.Conn, a *Admission) *NotHeld {
	socket.Unblock(c) // or no deadline would end a write
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
		return &NotHeld{Why: d.notAdmitted(sh, err), Rest: cursor.AppendFarewell(head, a.Framing, d.host.Limits.Retry)}
	}
	if p.runAndSignOff(sh, head); p.stream.Phase == cursor.Closed {
		d.lingering.Add(1)
		defer d.lingering.Add(-1)
		socket.Linger(c, LingerFor, func() bool { return d.host.State() == Closed })
	}
	return nil
}

// runAndSignOff is run, and the end of the stream for its shard.
func (p *pump) runAndSignOff(sh *shard, head []byte) {
	p.handle.reason = cursor.Failed // of a panic: run returns any other
	defer func() {
		if cut, _ := p.handle.detach(); cut && p.stream.Phase == cursor.Closed {
			p.stream.Phase = cursor.Aborted // nobody waits for its peer
		}
		sh.pumpDone(p.handle)
	}()
	p.handle.reason = p.run(head)
}

// giveUpAt is when a write that begins now is given up; zero: never. A stream that is
// to end, or reaches its age while it waits, gets LingerFor.
func (p *pump) giveUpAt() (by time.Time) {
	now := time.Now()
	if t := p.delivery.host.Limits.WriteTimeout; t > 0 {
		by = now.Add(t)
	}
	switch s := &p.stream; {
	case s.Phase >= cursor.Ending:
		by = sooner(by, now.Add(LingerFor))
	case s.Phase == cursor.Open && s.Dies != 0:
		left := time.Duration(max(s.Dies-p.delivery.host.Now(), 0)) * time.Millisecond
		by = sooner(by, now.Add(left+LingerFor))
	}
	return by
}

// run drives the stream from its head to its end, and says why it ended.
func (p *pump) run(head []byte) cursor.Reason {
	if len(head) > 0 {
		if err := p.write(head); err != nil {
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
			m.Workspace().Clear() // a stream that waits holds no memory
			if !p.wait(timer, m.Due(s), now) {
				return cursor.Client
			}
			continue
		}
		if err := p.write(o.Bytes); err != nil {
			return p.failed(err)
		}
		m.Took(o, 0, s, len(o.Bytes), now)
		p.count()
	}
}

// askEvery is how often a busy stream's socket is asked about its peer; a silent
// one's is with every heartbeat.
const askEvery = vanishedAfter / 6

// vanished reports, as a shard's does, whether the peer has gone without a word.
func (p *pump) vanished(now int64) bool {
	if p.peer == nil || now-p.askedAt < askEvery.Milliseconds() {
		return false
	}
	p.askedAt = now
	return p.watch.vanished(now, p.stream.Wrote, func(ms int64) bool { return socket.SilentConn(p.peer, ms) })
}

// wait blocks until there may be something to do, and is not ok if the client has
// left.
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

// failed tells a reader that took too long from one that is gone.
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

// gaveUp ends a stream whose last write this side has given up, and says why.
func (p *pump) gaveUp() cursor.Reason {
	if p.machine.Inside(&p.offer, 0) {
		p.machine.Aborted++
		p.count()
	}
	p.stream.EndByAge(p.delivery.host.Now(), 0)
	return p.handle.whyEnded(&p.stream, cursor.Timeout)
}

// count adds what the machine has counted since the last time.
func (p *pump) count() {
	p.delivery.pumped.add(&p.machine.Counts, &p.counted)
	p.counted = p.machine.Counts
}
