package delivery

import (
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/socket"
)

// slot is a stream's place in its shard: 64 bytes, without pointers.
type slot struct {
	cursor.Stream
	socket.Parked
	gen       uint32    // changes when the slot is given to another
	peer      peerWatch // of a parked stream
	pos       int32     // index in its feed's readers.slots
	taken     bool
	lagging   bool // the socket is full; the kernel reports when it is writable
	lingering bool // ended; waiting for the peer to close
	ready     bool // in loop.ready: it had a full turn and has more to take
}

// slotRef refers to the stream in a slot, and to no later stream there: what the kernel
// reports late, for a stream that has ended, is ignored.
type slotRef struct {
	slot int32
	gen  uint32
}

// token packs the reference into the poller's 64 bits.
func (r slotRef) token() uint64 { return uint64(uint32(r.slot)) | uint64(r.gen)<<32 }

// refOf unpacks a token.
func refOf(token uint64) slotRef {
	return slotRef{slot: int32(uint32(token)), gen: uint32(token >> 32)}
}

// slots is a slab: pages that never move, and a list of free slots.
type slots struct {
	pages []*[pageSlots]slot
	free  []int32
}

const pageSlots = 128

func (s *slots) size() int { return len(s.pages) * pageSlots }

func (s *slots) at(i int32) *slot { return &s.pages[i/pageSlots][i%pageSlots] }

// take returns a free slot, all zero but for its generation.
func (s *slots) take() int32 {
	if len(s.free) == 0 {
		first := int32(s.size())
		s.pages = append(s.pages, new([pageSlots]slot))
		for i := first + pageSlots - 1; i >= first; i-- {
			s.free = append(s.free, i)
		}
	}
	i := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	st := s.at(i)
	// The poller's own token has all bits set; a generation never has.
	*st = slot{taken: true, gen: (st.gen + 1) & 0x7fffffff}
	return i
}

// give gives a slot back.
func (s *slots) give(i int32) {
	s.at(i).taken = false
	s.free = append(s.free, i)
}

// get returns the slot of ref; ok is false if its stream has ended.
func (s *slots) get(ref slotRef) (st *slot, ok bool) {
	if ref.slot < 0 || int(ref.slot) >= s.size() {
		return nil, false
	}
	st = s.at(ref.slot)
	return st, st.taken && st.gen == ref.gen
}

// each calls f for every slot that is taken. f may free slots.
func (s *slots) each(f func(i int32, st *slot)) {
	for p, page := range s.pages {
		for j := range page {
			if page[j].taken {
				f(int32(p*pageSlots+j), &page[j])
			}
		}
	}
}
