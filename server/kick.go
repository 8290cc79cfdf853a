package server

import (
	"reflect"
	"sync"
	"sync/atomic"
)

// Kick ends the streams that pick says yes to, each between two events, with a
// fresh reconnection time, and returns at once: Authorize decides whether they
// may come back.
//
// It reaches every stream whose Authorize was called before Kick was (of Follow:
// every call), also one that is still on its way to open: called in a stream's own
// Authorize or OnOpen, it may end that stream too, whose client then comes back for
// the same again. It reaches none whose Authorize is called after Kick has returned.
//
// pick is asked on the shards' goroutines, several at a time, once about each
// stream, or twice about one that is just opening. It must be quick: a few
// hundred streams are asked about in one go, between deliveries. A panic in it
// is logged and counts as no. KickUser and KickTopic need not ask about all.
func (h *Hub) Kick(pick func(Subscriber) bool) {
	h.kick(command{kind: kickSome, pick: pick})
}

// KickUser is Kick for the streams whose Subscription.User equals user, and does
// no more work than there are such streams. Users have to be comparable, as the
// keys of a map are; others can only be found by Kick, and to ask for one here is
// logged, and ends nothing. So is nil, which is no user. A pointer equals itself
// alone. Streams of Follow have no user. For one stream per user give each stream a
// User of its own, such as struct{ Name string; Stream int }, and kick the one before.
func (h *Hub) KickUser(user any) {
	if !indexable(user) {
		h.logger().Printf("server: kick user: a %T has no equal; use a comparable User such as a string, or Kick", user)
		return
	}
	h.kick(command{kind: kickUser, user: user})
}

// KickTopic is Kick for the streams that subscribe to exactly this topic or
// subtree, possibly among others, and does no more work than there are such
// streams.
func (h *Hub) KickTopic(topic string) {
	h.kick(command{kind: kickTopic, topic: topic})
}

// kick ends the present era. The steps make every stream meet the kick that was
// noted before it, and none that was noted after.
func (h *Hub) kick(o command) {
	h.kicks.mu.Lock()
	defer h.kicks.mu.Unlock()
	ending, next := h.kicks.era.Load(), new(era)
	ending.kick = o
	ending.next.Store(next) // who is seated from here on is asked then,
	h.broadcast(o)          // who is seated already is found there,
	h.kicks.era.Store(next) // and who is noted from here on is neither.
}

// kicks numbers the kicks, so that a stream which is about to open meets those
// that came in between.
type kicks struct {
	mu  sync.Mutex // held for a kick: one at a time
	era atomic.Pointer[era]
}

// era is the time between two kicks. Each stream on its way notes the one that it
// began in, which leads to the later ones. None leads back: a kick is forgotten
// when the last stream that began before it has been seated or turned away.
type era struct {
	kick command // that ended it; only to be read once next is set
	next atomic.Pointer[era]
}

// indexable reports whether streams can be found by that user.
func indexable(user any) bool {
	if user == nil || !reflect.ValueOf(user).Comparable() {
		return false
	}
	same := user
	return same == user // a NaN is not
}

// meets reports whether one of the kicks since the stream in seat i began to
// open is for it.
func (s *shard) meets(began *era, i int32) bool {
	for e := began; e != nil; {
		next := e.next.Load()
		if next != nil && s.matches(&e.kick, i) {
			return true
		}
		e = next
	}
	return false
}

// matches reports whether a kick is for the stream in seat i.
func (s *shard) matches(o *command, i int32) bool {
	switch o.kind {
	case kickUser:
		p := s.hooks[i]
		return p != nil && p.indexed && p.user == o.user
	case kickTopic:
		for _, t := range s.machine.feeds[s.slots.at(i).feed].topics {
			if t.Name == o.topic {
				return true
			}
		}
		return false
	}
	return s.picked(o.pick, i)
}

// picked asks an application's predicate about a stream.
func (s *shard) picked(pick func(Subscriber) bool, i int32) (yes bool) {
	defer recoverHook(s.hub.logger(), "Kick's predicate")
	st := s.slots.at(i)
	sub := Subscriber{Topics: s.names(st.feed)}
	if p := s.hooks[i]; p != nil {
		sub.User, sub.addr = p.user, p.remoteAddr
	}
	if sub.addr == "" {
		if s.peerAddress == nil {
			s.peerAddress = new(peerAddress)
		}
		sub.peer, sub.turn = s.peerAddress, s.peerAddress.begin(st.parkedSocket, s.handles[i])
		defer s.peerAddress.end()
	}
	return pick(sub)
}

// peer finds out the address of the stream that a predicate is asked about, if
// it wants to know.
type peerAddress struct {
	mu     sync.Mutex // guards all below: an application may keep a Subscriber
	turn   uint64     // changes with each stream
	sock   parkedSocket
	driver *handle
}

func (p *peerAddress) begin(sock parkedSocket, d *handle) (turn uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	p.sock, p.driver = sock, d
	return p.turn
}

// end is the end of a turn: from here on the socket may be another stream's.
func (p *peerAddress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	p.driver = nil
}

// addr is the address, empty if the turn is over.
func (p *peerAddress) addr(turn uint64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.turn != turn:
		return ""
	case p.driver != nil:
		return p.driver.remoteAddr()
	}
	return p.sock.remoteAddr()
}
