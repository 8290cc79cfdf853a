package delivery

import (
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/socket"
)

// Kick ends the streams for which pick returns true. pick runs on the loops' goroutines,
// several at a time; its Subscriber is described there.
func (d *Delivery) Kick(pick func(Subscriber) bool) { d.kick(command{kind: kickSome, pick: pick}) }

// KickUser ends the streams of a user, which must be Indexable.
func (d *Delivery) KickUser(user any) { d.kick(command{kind: kickUser, user: user}) }

// KickTopic ends the streams that subscribe to exactly this topic or subtree.
func (d *Delivery) KickTopic(topic string) { d.kick(command{kind: kickTopic, topic: topic}) }

// kick ends the present era. The order of its steps makes the kick reach every stream that
// noted its era before kick was called, and none that notes it after kick has returned.
func (d *Delivery) kick(c command) {
	d.eras.mu.Lock()
	defer d.eras.mu.Unlock()
	ending, next := d.eras.now.Load(), new(Era)
	ending.kick = c
	ending.next.Store(next) // streams that get their slots from here on find the kick,
	d.broadcast(c)          // the kick finds streams that have theirs,
	d.eras.now.Store(next)  // and it is not for streams that note their era from here on.
}

// Era returns the present era. Note it for a stream before Authorize is called
// (Admission.Began), so that the stream is reached by every later kick.
func (d *Delivery) Era() *Era { return d.eras.now.Load() }

// eras orders the kicks, so that a stream which gets its slot finds those that came while
// it was opening.
type eras struct {
	mu  sync.Mutex // held during a kick: one at a time
	now atomic.Pointer[Era]
}

// Era is the time between two kicks. A stream that is opening has the era in which it
// began, from which next leads to all later kicks. There is no way back, so a kick can be
// collected when the last stream that began before it has its slot or was abandoned.
type Era struct {
	kick command // the kick that ended the era; may be read once next is set
	next atomic.Pointer[Era]
}

// Indexable reports whether KickUser can find streams by that user: it must be comparable,
// and equal to itself.
func Indexable(user any) bool {
	if user == nil || !reflect.ValueOf(user).Comparable() {
		return false
	}
	same := user
	return same == user // a NaN is not
}

// meets reports whether one of the kicks since that era is for the stream in slot i.
func (s *shard) meets(began *Era, i int32) bool {
	for e := began; e != nil; {
		next := e.next.Load()
		if next != nil && s.matches(&e.kick, i) {
			return true
		}
		e = next
	}
	return false
}

// matches reports whether a kick is for the stream in slot i.
func (s *shard) matches(c *command, i int32) bool {
	switch c.kind {
	case kickUser:
		d := s.hooks[i]
		return d != nil && d.Indexed && d.User == c.user
	case kickTopic:
		for _, t := range s.machine.Feeds[s.slots.at(i).Feed].Topics {
			if t.Name == c.topic {
				return true
			}
		}
		return false
	}
	return s.picked(c.pick, i)
}

// picked calls an application's predicate for the stream in slot i.
func (s *shard) picked(pick func(Subscriber) bool, i int32) (yes bool) {
	defer RecoverHook(s.host.Logger, "Kick's predicate")
	st := s.slots.at(i)
	sub := Subscriber{Topics: s.names(st.Feed)}
	if d := s.hooks[i]; d != nil {
		sub.User, sub.Address.known = d.User, d.RemoteAddr
	}
	if sub.Address.known == "" {
		if s.peerAddress == nil {
			s.peerAddress = new(peerAddress)
		}
		sub.Address.peer, sub.Address.turn = s.peerAddress, s.peerAddress.begin(st.Parked, s.handles[i])
		defer s.peerAddress.end()
	}
	return pick(sub)
}

// Subscriber is a stream, as Kick's predicate sees it.
type Subscriber struct {
	Topics  []string // sorted; streams share the slice: it must not be changed
	User    any
	Address Address
}

// Address is the address of a stream's peer, known or to be looked up. The zero value is
// an address that is not known.
type Address struct {
	known string       // if it is empty,
	peer  *peerAddress // looks it up; nil: it is not known
	turn  uint64       // the turn of peer that is for this stream
}

// KnownAddress returns an Address whose String returns addr.
func KnownAddress(addr string) Address { return Address{known: addr} }

// String returns the address. It is empty if it is not known, or was to be looked up and
// the predicate has returned.
func (a Address) String() string {
	if a.known == "" && a.peer != nil {
		return a.peer.address(a.turn)
	}
	return a.known
}

// peerAddress looks up the address of the stream that a predicate is called for, if the
// predicate asks. A shard has one, with a turn per stream.
type peerAddress struct {
	mu     sync.Mutex // guards all below: a Subscriber may be kept, and asked by any goroutine
	turn   uint64     // changes with each stream
	sock   socket.Parked
	handle *handle
}

// begin begins the turn of a stream.
func (p *peerAddress) begin(sock socket.Parked, h *handle) (turn uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	p.sock, p.handle = sock, h
	return p.turn
}

// end ends a turn: from then on the socket may belong to another stream.
func (p *peerAddress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	p.handle = nil
}

// address returns the address, or an empty string if that turn is over.
func (p *peerAddress) address(turn uint64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.turn != turn:
		return ""
	case p.handle != nil:
		return p.handle.remoteAddr()
	}
	return p.sock.RemoteAddr()
}
