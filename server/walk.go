package server

import "slices"

// order is a command to all streams of a shard.
type command struct {
	kind  commandKind
	until uint64                // drainAll
	why   Reason                // cutAll
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

// walk is an order on its way through the seats of a shard, some at a time
// between deliveries. It is for the streams that were seated when it began:
// later ones are asked when they are seated.
type walk struct {
	command
	began uint64  // tells walks apart: later ones have higher numbers
	next  int     // what comes next: the index of a seat or, if listed, in seats
	end   int     // where it is done
	slots []int32 // the seats to visit
	some  bool    // only they
}

// slotsPerPass bounds the seats that walks look at before everything else has
// its turn; one whose stream they end counts for two.
const slotsPerPass = 512

// startWalk begins to carry out an order.
func (s *shard) startWalk(o command) {
	s.walked++
	w := walk{command: o, began: s.walked, end: s.slots.size()}
	switch o.kind {
	case kickUser:
		w.some = true
		for p := s.byUser[o.user]; p != nil; p = p.next {
			w.slots = append(w.slots, p.slot)
		}
	case kickTopic:
		w.some = true
		if t := s.hub.history.Lookup(o.topic); t != nil { // it is there while it has streams
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

// walk goes on with the orders, the oldest first.
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

// visit carries out an order for one seat, and reports whether its stream was to
// end.
func (s *shard) visit(o *command, i int32) bool {
	st := s.slots.at(i)
	if !st.taken || st.lingering {
		return false
	}
	switch o.kind {
	case drainAll:
		s.endSlot(i, draining, ReasonDrain)
	case kickSome:
		if st.phase >= ending || !s.picked(o.pick, i) {
			return false
		}
		s.endSlot(i, ending, ReasonKicked)
	default:
		s.endSlot(i, ending, ReasonKicked)
	}
	s.deliver(i)
	return true
}
