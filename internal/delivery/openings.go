package delivery

import (
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/socket"
)

// Admission is a stream that is to be held. The caller of Hold or Follow owns it until
// then; delivery owns it afterwards, unless the stream was not held.
type Admission struct {
	Stream   cursor.Stream
	Topics   []*eventlog.Topic // acquired, in the order of their names; counted in Topic.Readers
	Framing  cursor.Framing
	Gap      *cursor.Gap // how it is told of a gap; nil: as Limits.Gap says
	ToldLost uint64      // the highest loss that the opening reports; 0: none
	Rest     []byte      // of the response head and the opening, what is not yet written
	Hooks    *HookData   // nil: there are neither hooks nor a user
	Began    *Era        // the era in which the stream began to open; nil: no kick is for it
	Settled  bool        // a shard has it, or it was abandoned: its end is seen to

	sock   socket.Parked
	handle *handle // of its pump; nil: the stream is parked
}

// canWait reports whether there is nothing to write for the stream yet, so that the loop
// need not be woken for it. newest is the newest sequence.
func (a *Admission) canWait(newest uint64) bool {
	return a.handle == nil && a.Rest == nil && a.Stream.Next > newest
}

// toldBySlot is a.Gap if the shard writes the stream, and nil if its pump does.
func (a *Admission) toldBySlot() *cursor.Gap {
	if a.handle != nil {
		return nil
	}
	return a.Gap
}

// assign gives a stream its slot, and its first turn.
func (s *shard) assign(a *Admission) {
	i := s.slots.take()
	st := s.slots.at(i)
	st.Stream = a.Stream
	st.Feed = s.feed(a.Topics, a.Framing, a.toldBySlot())
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
	began := a.Began
	a.Began = nil // drops the kicks: a pump's admission lives as long as the stream
	kicked := false
	// Deferred, because Kick's predicate may end the goroutine.
	defer func() { s.firstTurn(i, st, a.handle, kicked) }()
	kicked = s.meets(began, i)
}

// firstTurn delivers to a stream that has just got its slot, or ends it if that was
// commanded while it was opening.
func (s *shard) firstTurn(i int32, st *slot, h *handle, kicked bool) {
	if h == nil {
		st.EndByAge(s.now, s.every) // the first sweep may be too late
	}
	switch state := s.host.State(); {
	case state == Closed:
		s.cut(i, st, cursor.HubClosed)
	case state == Cutting:
		s.cut(i, st, cursor.Drained)
	case kicked:
		s.end(i, cursor.Ending, cursor.Kicked)
		s.deliver(i)
	case state == Draining:
		s.machine.Drain.Until = max(s.machine.Drain.Until, s.host.History.Newest())
		s.end(i, cursor.Draining, cursor.Drained)
		s.deliver(i)
	default:
		s.deliver(i)
	}
	if h != nil && h.done {
		s.release(i, h.reason)
	}
}

// register keeps the HookData of the stream in slot i, and indexes it by its user.
func (s *shard) register(i int32, d *HookData) {
	setLazy(&s.hooks, i, d)
	if !d.Indexed {
		return
	}
	d.slot = i
	if d.next = s.byUser[d.User]; d.next != nil {
		d.next.prev = d
	}
	setLazy(&s.byUser, d.User, d)
}

// unregister undoes register.
func (s *shard) unregister(i int32) {
	d := s.hooks[i]
	if d == nil {
		return
	}
	delete(s.hooks, i)
	if !d.Indexed {
		return
	}
	if d.next != nil {
		d.next.prev = d.prev
	}
	switch {
	case d.prev != nil:
		d.prev.next = d.next
	case d.next != nil:
		s.byUser[d.User] = d.next
	default:
		delete(s.byUser, d.User)
	}
	d.prev, d.next = nil, nil
}
