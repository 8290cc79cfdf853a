package cursor

import (
	"bytes"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/backoff"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// Settings are what all streams of a machine have in common.
type Settings struct {
	GapType   string        // the type of events that tell of a gap
	Skip      bool          // tell a slow reader of a gap and go on; else end its stream
	Retry     time.Duration // the reconnection time; 0: none is told
	Heartbeat int64         // milliseconds of silence that a heartbeat ends; 0: none
	Patience  int64         // milliseconds that nothing may be taken of an evicted event; 0: no limit
	LingerFor int64         // milliseconds that a stream which is to end may take nothing
}

// Counts are what a machine has counted.
type Counts struct {
	Delivered int64 // events that streams have taken
	Gaps      int64 // gap events
	Aborted   int64 // streams that were ended inside an event
}

// Machine takes streams from event to event: those of a shard, or a single one. Its
// key for each is its caller's choice.
type Machine struct {
	Settings
	Counts
	Feeds []*Feed // a Stream names one by its index
	Until uint64  // for streams that drain: the last sequence that is for them

	history   *eventlog.History
	workspace *Workspace
	unsent    map[int32]unsent // of streams with Pending set
	toldLost  map[int32]uint64 // losses that a stream's client has been told of
}

// unsent is the rest of what a turn began.
type unsent struct {
	bytes []byte
	event bool // they are an event's
}

// NewMachine makes a machine without streams. The workspace is that of its feeds.
func NewMachine(h *eventlog.History, w *Workspace, c Settings) Machine {
	return Machine{Settings: c, history: h, workspace: w}
}

// Reset returns a machine with the same settings and counts, and no streams.
func (m *Machine) Reset() Machine {
	n := NewMachine(m.history, m.workspace, m.Settings)
	n.Counts = m.Counts
	return n
}

// Workspace is what the machine's feeds share.
func (m *Machine) Workspace() *Workspace { return m.workspace }

// Next makes o what the stream should be sent now, and reports whether there is
// anything. It moves the stream on as well: past events that are not for it, into a
// gap, to its end.
func (m *Machine) Next(o *Offer, key int32, s *Stream, now int64) bool {
	o.release()
	f := m.Feeds[s.Feed]
	// Fast path: nothing but events. (Next ≥ Live: no replay.)
	if s.Phase == Open && !s.Pending && s.Next >= s.Live {
		r := f.next(s.Next, false)
		// Not before the lookup: what it did not find any more is counted by now.
		if f.lostSince(s.Next, s.Live) == 0 {
			if r != nil {
				return o.take(r)
			}
			return m.silence(o, key, s, f, now)
		}
	}
	return m.slowNext(o, key, s, f, now)
}

// slowNext is the slow path of Next.
func (m *Machine) slowNext(o *Offer, key int32, s *Stream, f *Feed, now int64) bool {
	if s.Pending {
		rest := m.unsent[key]
		if rest.event && !m.Skip && f.lostSince(s.Next, s.Live) > m.toldLost[key] {
			m.Abort(key, s, Slow)
			return false
		}
		return o.say(fromUnsent, rest.bytes)
	}
	switch s.Phase {
	case Closing, Closed, Aborted:
		return false
	case Ending:
		return m.farewell(o, s, f, now)
	}
	from := s.Next
	r := m.upcoming(s, f)
	if lost := f.lostSince(from, s.Live); lost > m.toldLost[key] { // not before the lookup, as in Next
		if !m.Skip {
			s.Phase, s.Reason = Ending, Slow
			return m.farewell(o, s, f, now)
		}
		return m.gap(o, key, s, f, lost)
	}
	if s.Phase == Draining && s.Next > m.Until {
		return m.farewell(o, s, f, now)
	}
	if r != nil {
		return o.take(r)
	}
	if s.Phase == Draining {
		return m.farewell(o, s, f, now)
	}
	return m.silence(o, key, s, f, now)
}

// upcoming returns the next span that has bytes, past ephemeral events from before the
// stream came.
func (m *Machine) upcoming(s *Stream, f *Feed) *span {
	for {
		replay := s.Next < s.Live
		r := f.next(s.Next, replay)
		if r == nil || len(r.bytes) > 0 {
			return r
		}
		s.Next = r.to
		if replay {
			s.Next = min(r.to, s.Live)
		}
	}
}

// silence offers a heartbeat if one is due. The heartbeats of an application's own
// stream are its Writer's: that gets positions alone.
func (m *Machine) silence(o *Offer, key int32, s *Stream, f *Feed, now int64) bool {
	if m.Heartbeat == 0 || now-s.Wrote < m.Heartbeat {
		return false
	}
	if s.Next <= m.history.MayBeFalse().Load() {
		return m.tellPosition(o, key, s, f)
	}
	if b := f.Framing.heartbeat(); b != nil {
		return o.say(heartbeat, b)
	}
	s.Wrote = now
	return false
}

// tellPosition offers the id of the present to a stream that has got everything: a
// client that comes back with it is not told of losses that it did not have. It is a
// block without data, which an EventSource takes for its last event id and nothing
// else.
func (m *Machine) tellPosition(o *Offer, key int32, s *Stream, f *Feed) bool {
	present := m.workspace.newest()
	// Everything up to then is either found now, or was lost, or the stream has it.
	if r := m.upcoming(s, f); r != nil {
		return o.take(r)
	}
	if f.lostSince(s.Next, s.Live) > m.toldLost[key] {
		return false // the next turn deals with it
	}
	o.told = present
	return o.sayBlock(position, f.Framing, fastsse.AppendID(nil, m.history.ID(present)))
}

// sayBlock makes the offer a block that comes from no log.
func (o *Offer) sayBlock(k offerKind, fr Framing, block []byte) bool {
	o.scratch = fr.AppendControl(o.scratch[:0], block)
	return o.say(k, o.scratch)
}

// Took moves the stream on by n bytes of its offer, which is used up.
func (m *Machine) Took(o *Offer, key int32, s *Stream, n int, now int64) {
	if n > 0 {
		s.Wrote = now
	}
	switch o.kind {
	case fromLog:
		if n == len(o.Bytes) {
			s.Next = o.to
			m.Delivered += int64(o.events)
			break
		}
		next, events, rest := o.split(n)
		s.Next = next
		m.Delivered += int64(events)
		m.keepUnsent(key, s, unsent{rest, true})
	case fromUnsent:
		m.keepUnsent(key, s, unsent{o.Bytes[n:], m.unsent[key].event})
	case control:
		m.keepUnsent(key, s, unsent{bytes: bytes.Clone(o.Bytes[n:])}) // the buffer is the next offer's
	case heartbeat:
		if n > 0 {
			m.keepUnsent(key, s, unsent{bytes: o.Bytes[n:]})
		}
	case position:
		if n > 0 {
			s.Next = max(s.Next, o.told+1)
			m.keepUnsent(key, s, unsent{bytes: bytes.Clone(o.Bytes[n:])}) // as above
		}
	}
	o.release()
	if s.Phase == Closing && !s.Pending {
		s.Phase = Closed
	}
}

// keepUnsent keeps the rest of what was begun, or notes that there is none.
func (m *Machine) keepUnsent(key int32, s *Stream, rest unsent) {
	s.Pending = len(rest.bytes) > 0
	if !s.Pending {
		delete(m.unsent, key)
		return
	}
	if m.unsent == nil {
		m.unsent = make(map[int32]unsent)
	}
	m.unsent[key] = rest
}

// Begin notes what a new stream begins with: the rest of its opening that has not gone
// out, and the losses that its opening tells of; 0: none.
func (m *Machine) Begin(key int32, s *Stream, rest []byte, toldLost uint64) {
	m.keepUnsent(key, s, unsent{bytes: rest})
	if toldLost > 0 {
		m.noteTold(key, toldLost)
	}
}

// noteTold notes that the client has been told of losses up to seq.
func (m *Machine) noteTold(key int32, seq uint64) {
	if m.toldLost == nil {
		m.toldLost = make(map[int32]uint64)
	}
	m.toldLost[key] = seq
}

// Drop gives up what is kept for a stream that has ended.
func (m *Machine) Drop(key int32) {
	delete(m.unsent, key)
	delete(m.toldLost, key)
}

// farewell offers the last bytes of a stream.
func (m *Machine) farewell(o *Offer, s *Stream, f *Feed, now int64) bool {
	s.Phase, s.Wrote = Closing, now
	o.scratch = AppendFarewell(o.scratch[:0], f.Framing, m.Retry)
	if len(o.scratch) == 0 {
		s.Phase = Closed
		return false
	}
	return o.say(control, o.scratch)
}

// AppendFarewell appends the end of a stream that this side ends: a reconnection time
// drawn at random from retry on, and the end of the body.
func AppendFarewell(dst []byte, fr Framing, retry time.Duration) []byte {
	return fr.AppendEnd(fr.AppendControl(dst, fastsse.AppendRetry(nil, backoff.Retry(retry))))
}

// gap offers the event that says that a slow reader has missed some.
func (m *Machine) gap(o *Offer, key int32, s *Stream, f *Feed, lost uint64) bool {
	m.Gaps++
	m.noteTold(key, lost)
	return o.sayBlock(control, f.Framing, AppendGap(nil, m.GapType, m.history.ID(s.Next-1), GapSlow, ""))
}

// Due returns when the stream needs a turn although nothing was published; 0: never.
func (m *Machine) Due(s *Stream) int64 {
	at := s.Dies
	if m.Heartbeat > 0 && (at == 0 || s.Wrote+m.Heartbeat < at) {
		at = s.Wrote + m.Heartbeat
	}
	return at
}
