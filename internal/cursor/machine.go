package cursor

import (
	"bytes"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/backoff"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// Settings are the settings of all streams of a machine.
type Settings struct {
	Gap       *Gap          // for streams whose feed has none
	Skip      bool          // send a slow reader a gap event and go on; else end its stream
	Retry     time.Duration // the reconnection time; 0: none is sent
	Heartbeat int64         // milliseconds of silence after which a heartbeat is sent; 0: none
	Patience  int64         // milliseconds that a reader may stall inside an evicted event; 0: no limit
	LingerFor int64         // milliseconds that the reader of a stream which is to end may stall
}

// Drain says how draining streams end.
type Drain struct {
	Until uint64         // the last sequence that they are sent
	Back  backoff.Window // when their clients are to come back, by the machine's clock
}

// Counts are what a machine has counted.
type Counts struct {
	Delivered int64 // events that streams have taken
	Replayed  int64 // those of them that were published before their stream opened
	Gaps      int64 // gap events that were offered
	Aborted   int64 // streams that were cut inside an event
}

// Machine decides what each stream is sent next: those of a shard, or a single one. The
// caller chooses a key for each stream.
type Machine struct {
	Settings
	Counts
	Feeds []*Feed // by Stream.Feed
	Drain Drain   // for draining streams

	// Back is when the client of the stream that has ended last is to come back. Embedded
	// streams have a Writer to tell it.
	Back time.Duration

	history   *eventlog.History
	workspace *Workspace
	unsent    map[int32]unsent // of streams with Pending set
	toldLost  map[int32]uint64 // of few streams: the highest loss that the client was told of
}

// unsent is the rest of an offer of which a part was taken.
type unsent struct {
	bytes []byte
	event bool // the bytes are the rest of an event
}

// NewMachine makes a machine without streams and feeds. The feeds must use workspace w.
func NewMachine(h *eventlog.History, w *Workspace, c Settings) Machine {
	return Machine{Settings: c, history: h, workspace: w}
}

// Reset returns a machine with the same settings, workspace and counts, and no streams.
func (m *Machine) Reset() Machine {
	n := NewMachine(m.history, m.workspace, m.Settings)
	n.Counts = m.Counts
	return n
}

// Workspace returns the workspace that the machine's feeds share.
func (m *Machine) Workspace() *Workspace { return m.workspace }

// Next sets o to what the stream should be sent now, and reports whether there is
// anything. It may also change s: skip events that are not for the stream, note a gap,
// move to the next phase. now is in milliseconds.
func (m *Machine) Next(o *Offer, key int32, s *Stream, now int64) bool {
	o.release()
	f := m.Feeds[s.Feed]
	// Fast path: nothing but events. (Next ≥ Live: no replay.)
	if s.Phase == Open && !s.Pending && s.Next >= s.Live {
		r := f.next(s.Next, false)
		// After the lookup: the loss of what it no longer found is on record by now.
		if f.lostSince(s.Next, s.Live) == 0 {
			if r != nil {
				return o.take(f)
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
		if lost := f.lostSince(s.Next, s.Live); rest.event && m.endsFor(lost) && lost > m.toldLost[key] {
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
	if lost := f.lostSince(from, s.Live); lost > m.toldLost[key] { // after the lookup, as in Next
		if m.endsFor(lost) {
			s.Phase, s.Reason = Ending, Slow
			return m.farewell(o, s, f, now)
		}
		return m.gap(o, key, s, f, lost)
	}
	if s.Phase == Draining && s.Next > m.Drain.Until {
		return m.farewell(o, s, f, now)
	}
	if r != nil {
		return o.take(f)
	}
	if s.Phase == Draining {
		return m.farewell(o, s, f, now)
	}
	return m.silence(o, key, s, f, now)
}

// endsFor reports whether a stream ends that has lost events up to a sequence, so that its
// client comes back; otherwise it is told of a gap, and goes on.
func (m *Machine) endsFor(lost uint64) bool {
	forgotten, _ := m.history.Forgotten()
	return !m.Skip && lost > forgotten
}

// upcoming returns the next span that has bytes, and moves the stream past ephemeral
// events from before it opened.
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

// silence offers a heartbeat if one is due. Where the Writer sends heartbeats (Embedded),
// it offers only positions.
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

// tellPosition offers the id of the newest event to a stream that has everything, so that
// its client, when it comes back, is not told of a loss that it did not have.
func (m *Machine) tellPosition(o *Offer, key int32, s *Stream, f *Feed) bool {
	present := m.workspace.newest()
	// Each event up to there is found now, or is on record as lost, or the stream has it.
	if r := m.upcoming(s, f); r != nil {
		return o.take(f)
	}
	if f.lostSince(s.Next, s.Live) > m.toldLost[key] {
		return false // the next turn deals with it
	}
	o.told = present
	return o.sayBlock(position, f.Framing, s.Client.AppendDataless(nil, fastsse.AppendID(nil, m.history.ID(present))))
}

// sayBlock sets the offer to a block that is in no log.
func (o *Offer) sayBlock(k offerKind, fr Framing, block []byte) bool {
	o.scratch = fr.AppendControl(o.scratch[:0], block)
	return o.say(k, o.scratch)
}

// Took notes that n bytes of the offer were written, and moves the stream forward. The
// offer must not be used again before the next call of Next.
func (m *Machine) Took(o *Offer, key int32, s *Stream, n int, now int64) {
	if n > 0 {
		s.Wrote = now
	}
	switch o.kind {
	case fromLog:
		next, events := o.to, o.events
		if n < len(o.Bytes) {
			var rest []byte
			next, events, rest = o.split(n)
			m.keepUnsent(key, s, unsent{rest, true})
		}
		if s.Next < s.Live {
			m.Replayed += int64(o.before(s.Live, events))
		}
		s.Next = next
		m.Delivered += int64(events)
	case fromUnsent:
		m.keepUnsent(key, s, unsent{o.Bytes[n:], m.unsent[key].event})
	case control:
		m.keepUnsent(key, s, unsent{bytes: bytes.Clone(o.Bytes[n:])}) // the next offer overwrites the buffer
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

// keepUnsent keeps the rest of an offer, or notes that there is none.
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

// Begin adds a stream: rest is what has not been written of its opening, and is kept;
// toldLost is the highest loss that the opening reports, 0 if it reports none.
func (m *Machine) Begin(key int32, s *Stream, rest []byte, toldLost uint64) {
	m.keepUnsent(key, s, unsent{bytes: rest})
	if toldLost > 0 {
		m.noteTold(key, toldLost)
	}
}

// noteTold notes that the stream's client is told of losses up to seq.
func (m *Machine) noteTold(key int32, seq uint64) {
	if m.toldLost == nil {
		m.toldLost = make(map[int32]uint64)
	}
	m.toldLost[key] = seq
}

// Drop removes what is kept for a stream that has ended.
func (m *Machine) Drop(key int32) {
	delete(m.unsent, key)
	delete(m.toldLost, key)
}

// farewell offers the last bytes of a stream, and moves it to Closing.
func (m *Machine) farewell(o *Offer, s *Stream, f *Feed, now int64) bool {
	s.Phase, s.Wrote = Closing, now
	retry := backoff.Retry(m.Retry)
	if s.Reason == Drained {
		retry = m.Drain.Back.Retry(m.Retry, now)
	}
	m.Back = retry
	o.scratch = f.Framing.appendFarewell(o.scratch[:0], retry, s.Client)
	if len(o.scratch) == 0 {
		s.Phase = Closed
		return false
	}
	return o.say(control, o.scratch)
}

// gap offers the event which says that a slow reader has missed events, or that the log of
// record has others than those that were sent.
func (m *Machine) gap(o *Offer, key int32, s *Stream, f *Feed, lost uint64) bool {
	m.Gaps++
	m.noteTold(key, lost)
	g := f.Gap
	if g == nil {
		g = m.Settings.Gap
	}
	if forgotten, goOn := m.history.Forgotten(); lost <= forgotten {
		s.Next = max(s.Next, lost+1)
		return o.sayBlock(control, f.Framing, g.Append(nil, s.Client, m.history.ID(goOn), GapEvicted, ""))
	}
	return o.sayBlock(control, f.Framing, g.Append(nil, s.Client, m.history.ID(s.Next-1), GapSlow, ""))
}

// Due returns when the stream needs a turn even if nothing is published, in milliseconds;
// 0: never.
func (m *Machine) Due(s *Stream) int64 {
	at := s.Dies
	if m.Heartbeat > 0 && (at == 0 || s.Wrote+m.Heartbeat < at) {
		at = s.Wrote + m.Heartbeat
	}
	return at
}
