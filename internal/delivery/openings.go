package delivery

import (
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/socket"
)

// Admission is a stream on its way to its slot. It belongs to its opener until it is
// held, and to delivery from then on.
type Admission struct {
	Stream   cursor.Stream
	Topics   []*eventlog.Topic // acquired
	Framing  cursor.Framing
	ToldLost uint64    // losses that its opening tells of; 0: none
	Rest     []byte    // of its head and opening, not yet written
	Hooks    *HookData // nil: there is nothing to know
	Began    *Era      // where the kicks begin that are for it; nil: none
	Settled  bool      // somebody else sees to its end

	sock   socket.Parked
	handle *handle // of its pump; nil: it is parked
}

// canWait reports whether a has nothing to receive up to the newest event, so that the
// loop need not be woken for it.
func (a *Admission) canWait(newest uint64) bool {
	return a.handle == nil && a.Rest == nil && a.Stream.Next > newest
}

// assign gives a stream its slot.
func (s *shard) assign(a *Admission) {
	i := s.slots.take()
	st := s.slots.at(i)
	st.Stream = a.Stream
	st.Feed = s.feed(a.Topics, a.Framing)
	st.Parked = a.sock
	s.live++
	if len(s.walks) > 0 {
		setLazy(&s.assigned, i, s.walked)
	}
	if a.Hooks != nil {
		s.register(i, a.Hooks)
	}
	if h := a.handle; h != nil {
		h.slot, h.assigned = i, true
		st.FD = socket.NoDescriptor
		setLazy(&s.handles, i, h)
	}
	r := &s.readers[st.Feed]
	st.pos = int32(len(r.slots))
	r.slots = append(r.slots, i)
	s.machine.Begin(i, &st.Stream, a.Rest, a.ToldLost)
	if a.handle == nil {
		if err := s.io.Watch(int(st.FD), slotRef{i, st.gen}.token()); err != nil {
			s.host.Logger.Printf("server: stream cut: watch its connection: %v%s", err, socket.WatchRemedy(err))
			s.release(i, cursor.Failed)
			return
		}
	}
	s.firstTurn(i, st, a)
	if h := a.handle; h != nil && h.done {
		s.release(i, h.reason)
	}
}

// firstTurn gives a stream that has just got its slot what there is for it: its end,
// if that was commanded while it was on its way.
func (s *shard) firstTurn(i int32, st *slot, a *Admission) {
	state, kicked := s.host.State(), s.meets(a.Began, i)
	a.Began = nil // the admission of a pump lives as long as the stream
	switch {
	case state == Closed:
		s.cut(i, st, cursor.HubClosed)
	case state == Cutting:
		s.cut(i, st, cursor.Drained)
	case kicked:
		s.end(i, cursor.Ending, cursor.Kicked)
		s.deliver(i)
	case state == Draining:
		s.machine.Until = max(s.machine.Until, s.host.History.Newest())
		s.end(i, cursor.Draining, cursor.Drained)
		s.deliver(i)
	default:
		s.deliver(i)
	}
}

// register notes what is to be known of the stream in a slot.
func (s *shard) register(i int32, p *HookData) {
	setLazy(&s.hooks, i, p)
	if !p.Indexed {
		return
	}
	p.slot = i
	if p.next = s.byUser[p.User]; p.next != nil {
		p.next.prev = p
	}
	setLazy(&s.byUser, p.User, p)
}

// unregister undoes register.
func (s *shard) unregister(i int32) {
	p := s.hooks[i]
	if p == nil {
		return
	}
	delete(s.hooks, i)
	if !p.Indexed {
		return
	}
	if p.next != nil {
		p.next.prev = p.prev
	}
	switch {
	case p.prev != nil:
		p.prev.next = p.next
	case p.next != nil:
		s.byUser[p.User] = p.next
	default:
		delete(s.byUser, p.User)
	}
	p.prev, p.next = nil, nil
}
