package server

// seat is a stream's place in its shard. It holds no pointer.
type seat struct {
	stream
	parkedSocket
	gen       uint32 // changes when the seat is given to another
	silent    int64  // since when the peer has acknowledged nothing; 0: it does
	pos       int32  // in its feed's readers
	taken     bool
	lagging   bool // the socket is full: the kernel will say when it is not
	lingering bool // ended; waiting for the peer to close
	hungry    bool // in the list of those who got a turn and want another
}

// seatRef names a stream for as long as it lives: events that the kernel still
// reports for it reach nobody after that.
type seatRef struct {
	seat int32
	gen  uint32
}

func (r seatRef) token() uint64 { return uint64(uint32(r.seat)) | uint64(r.gen)<<32 }

func refOf(token uint64) seatRef {
	return seatRef{seat: int32(uint32(token)), gen: uint32(token >> 32)}
}

// seats is a slab: pages that never move, and a list of what is free.
type seats struct {
	pages []*[pageSeats]seat
	free  []int32
}

const pageSeats = 128

func (s *seats) size() int { return len(s.pages) * pageSeats }

func (s *seats) at(i int32) *seat { return &s.pages[i/pageSeats][i%pageSeats] }

// take returns a free seat, all zero but for its generation.
func (s *seats) take() int32 {
	if len(s.free) == 0 {
		first := int32(s.size())
		s.pages = append(s.pages, new([pageSeats]seat))
		for i := first + pageSeats - 1; i >= first; i-- {
			s.free = append(s.free, i)
		}
	}
	i := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	st := s.at(i)
	// The poller's own token has all bits set: a generation never has.
	*st = seat{taken: true, gen: (st.gen + 1) & 0x7fffffff}
	return i
}

// give frees a seat.
func (s *seats) give(i int32) {
	s.at(i).taken = false
	s.free = append(s.free, i)
}

// get returns the seat if the stream that ref names still has it.
func (s *seats) get(ref seatRef) (*seat, bool) {
	if ref.seat < 0 || int(ref.seat) >= s.size() {
		return nil, false
	}
	st := s.at(ref.seat)
	return st, st.taken && st.gen == ref.gen
}

// each calls f for every seat that is taken. f may free seats.
func (s *seats) each(f func(i int32, st *seat)) {
	for p, page := range s.pages {
		for j := range page {
			if page[j].taken {
				f(int32(p*pageSeats+j), &page[j])
			}
		}
	}
}
