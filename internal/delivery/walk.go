package delivery

import (
	"slices"

	"github.com/fastsse/fastsse/internal/cursor"
)

// command is a command to all streams of a shard, or to some.
type command struct {
	kind  commandKind
	drain cursor.Drain          // drainAll
	why   cursor.Reason         // cutAll
	pick  func(Subscriber) bool // kickSome
	user  any                   // kickUser
	topic string                // kickTopic
}

type commandKind uint8

const (
	drainAll commandKind = iota
	cutAll
	kickSome
	kickUser
	kickTopic
)

// apply carries out a command, or begins a walk that does.
func (s *shard) apply(c command) {
	switch c.kind {
	case cutAll:
		s.walks, s.assigned = nil, nil // all their streams end now
		s.slots.each(func(i int32, st *slot) { s.cut(i, st, c.why) })
		return
	case drainAll:
		s.machine.Drain = c.drain
	}
	s.startWalk(c)
}

// walk is a command on its way through the slots of a shard: some at a time, between
// deliveries. It is for the streams that had slots when it began; later ones find the
// command when they get theirs (firstTurn).
type walk struct {
	command
	began uint64  // the number of the walk
	next  int     // where it goes on: a slot or, if some is set, an index in slots
	end   int     // it is done when next is end
	slots []int32 // the slots to visit
	some  bool    // visit only these
}

// slotsPerPass bounds the slots that walks visit in one pass of the loop. A slot whose
// stream they end counts as two.
const slotsPerPass = 512

// startWalk begins to carry out a command.
func (s *shard) startWalk(c command) {
	s.walked++
	w := walk{command: c, began: s.walked, end: s.slots.size()}
	switch c.kind {
	case kickUser:
		w.some = true
		for p := s.byUser[c.user]; p != nil; p = p.next {
			w.slots = append(w.slots, p.slot)
		}
	case kickTopic:
		w.some = true
		if t := s.host.History.Lookup(c.topic); t != nil { // it is not dropped while it has streams
			for _, ref := range s.byTopic[t] {
				w.slots = append(w.slots, s.readers[ref.feed].slots...)
			}
		}
	}
	if w.some {
		w.end = len(w.slots)
	}
	s.walks = append(s.walks, w)
}

// walk goes on with the commands under way, the oldest first.
func (s *shard) walk() {
	for budget := slotsPerPass; budget > 0 && len(s.walks) > 0; budget-- {
		w := &s.walks[0]
		if w.next == w.end {
			s.walks = slices.Delete(s.walks, 0, 1)
			continue
		}
		i := int32(w.next)
		if w.some {
			i = w.slots[w.next]
		}
		w.next++
		if (s.assigned == nil || s.assigned[i] < w.began) && s.visit(&w.command, i) {
			budget--
		}
	}
	if len(s.walks) == 0 {
		s.walks, s.assigned = nil, nil
	}
}

// visit carries out a command for one slot, and reports whether its stream is to end.
func (s *shard) visit(c *command, i int32) bool {
	st := s.slots.at(i)
	if !st.taken || st.lingering {
		return false
	}
	switch c.kind {
	case drainAll:
		s.end(i, cursor.Draining, cursor.Drained)
	case kickSome:
		if st.Phase >= cursor.Ending || !s.picked(c.pick, i) {
			return false
		}
		s.end(i, cursor.Ending, cursor.Kicked)
	default:
		s.end(i, cursor.Ending, cursor.Kicked)
	}
	s.deliver(i)
	return true
}
