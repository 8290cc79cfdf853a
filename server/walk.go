package server

import "slices"

// order is a command to all streams of a shard.
type order struct {
	kind  orderKind
	until uint64                // drainAll
	why   Reason                // cutAll
	pick  func(Subscriber) bool // kickSome
	user  any                   // kickUser
	topic string                // kickTopic
}

type orderKind uint8

const (
	drainAll orderKind = iota
	cutAll
	kickSome
	kickUser
	kickTopic
)

// walk is an order on its way through the seats of a shard, some at a time
// between deliveries. It is for the streams that were seated when it began:
// later ones are asked when they are seated.
type walk struct {
	order
	began uint64  // tells walks apart: later ones have higher numbers
	next  int     // what comes next: the index of a seat or, if listed, in seats
	end   int     // where it is done
	seats []int32 // the seats to visit
	some  bool    // only they
}

// slotsPerPass bounds the seats that walks look at before everything else has
// its turn; one whose stream they end counts for two.
const slotsPerPass = 512

// startWalk begins to carry out an order.
func (s *shard) startWalk(o order) {
	s.walked++
	w := walk{order: o, began: s.walked, end: s.seats.size()}
	switch o.kind {
	case kickUser:
		w.some = true
		for p := s.byUser[o.user]; p != nil; p = p.next {
			w.seats = append(w.seats, p.seat)
		}
	case kickTopic:
		w.some = true
		if t := s.hub.registry.find(o.topic); t != nil { // it is there while it has streams
			for _, ref := range s.byTopic[t] {
				w.seats = append(w.seats, s.readers[ref.feed].seats...)
			}
		}
	}
	if w.some {
		w.end = len(w.seats)
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
			i = w.seats[w.next]
		}
		w.next++
		if (s.seated == nil || s.seated[i] < w.began) && s.visit(&w.order, i) {
			budget--
		}
	}
	if len(s.walks) == 0 {
		s.walks, s.seated = nil, nil
	}
}

// visit carries out an order for one seat, and reports whether its stream was to
// end.
func (s *shard) visit(o *order, i int32) bool {
	st := s.seats.at(i)
	if !st.taken || st.lingering {
		return false
	}
	switch o.kind {
	case drainAll:
		s.endSeat(i, draining, ReasonDrain)
	case kickSome:
		if st.phase >= leaving || !s.picked(o.pick, i) {
			return false
		}
		s.endSeat(i, leaving, ReasonKicked)
	default:
		s.endSeat(i, leaving, ReasonKicked)
	}
	s.deliver(i)
	return true
}
