package delivery

import (
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/socket"
)

// Kick ends the streams that pick says yes to.
func (d *Delivery) Kick(pick func(Subscriber) bool) { d.kick(command{kind: kickSome, pick: pick}) }

// KickUser ends the streams of a user, which is Indexable.
func (d *Delivery) KickUser(user any) { d.kick(command{kind: kickUser, user: user}) }

// KickTopic ends the streams that subscribe to exactly this topic or subtree.
func (d *Delivery) KickTopic(topic string) { d.kick(command{kind: kickTopic, topic: topic}) }

// kick ends the present era. The steps make every stream meet the kick that noted its
// era before, and none that notes it after.
func (d *Delivery) kick(c command) {
	d.eras.mu.Lock()
	defer d.eras.mu.Unlock()
	ending, next := d.eras.now.Load(), new(Era)
	ending.kick = c
	ending.next.Store(next) // streams that get their slots from here on are asked then,
	d.broadcast(c)          // streams that have theirs are found there,
	d.eras.now.Store(next)  // and streams that note their era from here on are neither.
}

// Era is what a stream notes before anybody decides on it (Admission.Began).
func (d *Delivery) Era() *Era { return d.eras.now.Load() }

// eras numbers the kicks, so that a stream which is about to open meets those that
// came in between.
type eras struct {
	mu  sync.Mutex // held for a kick: one at a time
	now atomic.Pointer[Era]
}

// Era is the time between two kicks. Each stream on its way notes the one that it
// began in, which leads to the later ones. None leads back: a kick is dropped when the
// last stream that began before it has got its slot or was abandoned.
type Era struct {
	kick command // that ended it; only to be read once next is set
	next atomic.Pointer[Era]
}

// Indexable reports whether streams can be found by that user.
func Indexable(user any) bool {
	if user == nil || !reflect.ValueOf(user).Comparable() {
		return false
	}
	same := user
	return same == user // a NaN is not
}

// meets reports whether one of the kicks since the stream in slot i began to open is
// for it.
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
		p := s.hooks[i]
		return p != nil && p.Indexed && p.User == c.user
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

// picked asks an application's predicate about a stream.
func (s *shard) picked(pick func(Subscriber) bool, i int32) (yes bool) {
	defer RecoverHook(s.host.Logger, "Kick's predicate")
	st := s.slots.at(i)
	sub := Subscriber{Topics: s.names(st.Feed)}
	if p := s.hooks[i]; p != nil {
		sub.User, sub.Address.known = p.User, p.RemoteAddr
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

// Subscriber is a stream, as Kick's predicate is shown it.
type Subscriber struct {
	Topics  []string // sorted; must not be changed
	User    any
	Address Address
}

// Address is the address of a stream's peer, or a way to find it out.
type Address struct {
	known string       // or, if it is empty,
	peer  *peerAddress // the one that knows,
	turn  uint64       // during that turn of its
}

// KnownAddress is an address that is known.
func KnownAddress(addr string) Address { return Address{known: addr} }

// String returns the address, empty if it is not known or not known any more.
func (a Address) String() string {
	if a.known == "" && a.peer != nil {
		return a.peer.address(a.turn)
	}
	return a.known
}

// peerAddress finds out the address of the stream that a predicate is asked about, if
// it wants to know.
type peerAddress struct {
	mu     sync.Mutex // guards all below: an application may keep a Subscriber
	turn   uint64     // changes with each stream
	sock   socket.Parked
	handle *handle
}

func (p *peerAddress) begin(sock socket.Parked, h *handle) (turn uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	p.sock, p.handle = sock, h
	return p.turn
}

// end is the end of a turn: from here on the socket may be another stream's.
func (p *peerAddress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	p.handle = nil
}

// address is the address, empty if the turn is over.
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
