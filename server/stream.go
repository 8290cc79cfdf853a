package server

import (
	"bytes"
	"time"

	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/streamwriter"
)

// stream is one subscriber's position, and how it is doing. It holds no
// pointer: a million of them are nothing to a garbage collector.
//
// Its machine drives it: the machine does no I/O and knows no clock.
type stream struct {
	next    uint64 // sequence of the next event it is owed
	live    uint64 // ephemeral events from here on are for it, those before are not
	wrote   int64  // when it last took something, in the hub's milliseconds
	dies    int64  // when it has reached its maximum age; 0: never
	feed    int32  // what it reads: an index of the machine's feeds
	phase   phase
	pending bool // the machine's rest table has bytes to be sent before all else
	reason  Reason
}

type phase uint8

const (
	open     phase = iota // from event to event, for ever
	draining              // to the last event before the drain, then parting
	ending                // parting as soon as it is between two events
	closing               // the last bytes are being sent
	closed                // everything is sent: the connection can be closed
	aborted               // ended inside an event: the connection must not look complete
)

// machine drives the streams of one driver, a shard or a goroutine. A turn is
//
//	b := m.next(key, s, now)   // what to write now; nil: nothing
//	m.took(key, s, n, now)     // how much of it went out
//
// and a stream's turn ends when next returns nil or not all was taken. key tells
// the driver's streams apart. What next returns is valid until the
// next turn of any stream.
type machine struct {
	// Static after construction.
	epoch    string
	gapType  string
	slow     SlowReaderPolicy
	retry    time.Duration
	every    int64 // milliseconds of silence that a heartbeat ends; 0: none
	patience int64 // milliseconds that nothing may be taken of a forgotten event; 0: no limit
	// The highest sequence that may stand for a topic's loss although it is not that
	// topic's own. A position above it raises no false alarm.
	mayBeFalse *eventlog.Watermark

	// Owned by the driver.
	workspace *workspace
	feeds     []*feed
	unsent    map[int32]unsent // what a stream with owes set is owed first
	toldLost  map[int32]uint64 // losses that a stream's client has been told of
	until     uint64           // draining: the last sequence that is still owed

	// The turn: what was offered, and of which kind.
	kind    offerKind
	span    *span  // of kind logged
	told    uint64 // of kind position: the sequence
	offered []byte
	scratch []byte

	events  int64 // delivered, for the driver's counters
	gaps    int64
	aborted int64 // ended inside an event
}

// fresh returns a machine with the same settings and counters, and no streams.
func (m *machine) fresh() machine {
	return machine{
		epoch: m.epoch, gapType: m.gapType, slow: m.slow, retry: m.retry, every: m.every, patience: m.patience,
		mayBeFalse: m.mayBeFalse, workspace: m.workspace,
		events: m.events, gaps: m.gaps, aborted: m.aborted,
	}
}

// owing is the rest of what a turn began.
type unsent struct {
	bytes []byte
	event bool // they are an event's
}

// kind is what the bytes of a turn are.
type offerKind uint8

const (
	fromLog      offerKind = iota // from a log: the position says what was not taken
	fromUnsent                    // the rest of what an earlier turn began
	control                       // said by the machine itself: what was not taken is owed
	heartbeat                     // a word that is dropped if none of it went out
	positionBeat                  // a beat that tells the client how far it is
)

// next returns what the stream should be sent now, or nil. In between it moves
// the stream on: past events that are not for it, into a gap, to its end.
func (m *machine) next(key int32, s *stream, now int64) []byte {
	f := m.feeds[s.feed]
	// Fast path: nothing but events. (next ≥ live: no replay.)
	if s.phase == open && !s.pending && s.next >= s.live {
		r := f.next(s.next, false)
		// Not before the look: what it did not find any more is counted by now.
		if f.lostSince(s.next, s.live) == 0 {
			if r != nil {
				return m.offer(r)
			}
			return m.silence(key, s, f, now)
		}
	}
	return m.slowNext(key, s, f, now)
}

func (m *machine) offer(r *span) []byte {
	m.kind, m.span, m.offered = fromLog, r, r.bytes
	return r.bytes
}

// behind reports whether what was offered is more than one event: its stream,
// and most likely its driver, does not keep up.
func (m *machine) behind() bool { return m.kind == fromLog && m.span.events > 1 }

func (m *machine) offerBytes(k offerKind, b []byte) []byte {
	m.kind, m.span, m.offered = k, nil, b
	return b
}

// slowNext is the slow path of next.
func (m *machine) slowNext(key int32, s *stream, f *feed, now int64) []byte {
	if s.pending {
		rest := m.unsent[key]
		if rest.event && m.slow == Disconnect && f.lostSince(s.next, s.live) > m.toldLost[key] {
			return m.abort(key, s, ReasonSlow)
		}
		return m.offerBytes(fromUnsent, rest.bytes)
	}
	switch s.phase {
	case closing, closed, aborted:
		return nil
	case ending:
		return m.farewell(s, f, now)
	}
	from := s.next
	r := m.upcoming(s, f)
	if lost := f.lostSince(from, s.live); lost > m.toldLost[key] { // not before the look, as in next
		if m.slow == Disconnect {
			s.phase, s.reason = ending, ReasonSlow
			return m.farewell(s, f, now)
		}
		return m.gap(key, s, f, lost)
	}
	if s.phase == draining && s.next > m.until {
		return m.farewell(s, f, now)
	}
	if r != nil {
		return m.offer(r)
	}
	if s.phase == draining {
		return m.farewell(s, f, now)
	}
	return m.silence(key, s, f, now)
}

// find returns the next run that has bytes, past ephemeral events from before
// the stream came.
func (m *machine) upcoming(s *stream, f *feed) *span {
	for {
		replay := s.next < s.live
		r := f.next(s.next, replay)
		if r == nil || len(r.bytes) > 0 {
			return r
		}
		s.next = r.to
		if replay {
			s.next = min(r.to, s.live)
		}
	}
}

// silence returns a heartbeat if one is due. The heartbeats of an application's own
// stream are its Writer's: that gets positions alone.
func (m *machine) silence(key int32, s *stream, f *feed, now int64) []byte {
	if m.every == 0 || now-s.wrote < m.every {
		return nil
	}
	if s.next <= m.mayBeFalse.Load() {
		return m.tellPosition(key, s, f)
	}
	switch f.framing {
	case chunked:
		return m.offerBytes(heartbeat, heartbeatChunk)
	case identity:
		return m.offerBytes(heartbeat, heartbeatLine)
	}
	s.wrote = now
	return nil
}

var (
	heartbeatLine  = []byte(":\n")
	heartbeatChunk = []byte("2\r\n:\n\r\n")
)

// tellPosition returns the id of the present, for a stream that has got everything:
// a client that comes back with it is not told of losses that it did not have. It is
// a block without data, which an EventSource takes for its last event id and
// nothing else.
func (m *machine) tellPosition(key int32, s *stream, f *feed) []byte {
	present := m.workspace.committed()
	// Everything up to then is either found now, or was lost, or the stream has it.
	if r := m.upcoming(s, f); r != nil {
		return m.offer(r)
	}
	if f.lostSince(s.next, s.live) > m.toldLost[key] {
		return nil // the next turn deals with it
	}
	m.told = present
	id := append(make([]byte, 0, eventlog.MaxIDBytes), "id: "...)
	id = append(eventlog.AppendID(id, m.epoch, present), "\n\n"...)
	m.scratch = m.scratch[:0]
	if f.framing == chunked {
		m.scratch = eventlog.AppendChunk(m.scratch, id)
	} else {
		m.scratch = append(m.scratch, id...)
	}
	return m.offerBytes(positionBeat, m.scratch)
}

// took moves the stream on by n bytes of what next returned.
func (m *machine) took(key int32, s *stream, n int, now int64) {
	if n > 0 {
		s.wrote = now
	}
	all := n == len(m.offered)
	switch m.kind {
	case fromLog:
		if all {
			s.next = m.span.to
			m.events += int64(m.span.events)
			return
		}
		next, events, rest := m.feeds[s.feed].split(n)
		s.next = next
		m.events += int64(events)
		m.keepUnsent(key, s, unsent{rest, true})
	case fromUnsent:
		m.keepUnsent(key, s, unsent{m.offered[n:], m.unsent[key].event})
	case control:
		m.keepUnsent(key, s, unsent{bytes: bytes.Clone(m.offered[n:])}) // the buffer is the next turn's
	case heartbeat:
		if n > 0 {
			m.keepUnsent(key, s, unsent{bytes: m.offered[n:]})
		}
	case positionBeat:
		if n > 0 {
			s.next = max(s.next, m.told+1)
			m.keepUnsent(key, s, unsent{bytes: bytes.Clone(m.offered[n:])}) // as above
		}
	}
	if s.phase == closing && !s.pending {
		s.phase = closed
	}
}

// owe keeps the rest of what was begun, or notes that there is none.
func (m *machine) keepUnsent(key int32, s *stream, rest unsent) {
	s.pending = len(rest.bytes) > 0
	if s.pending {
		setLazy(&m.unsent, key, rest)
	} else {
		delete(m.unsent, key)
	}
}

// excuse notes that the client has been told of losses up to seq.
func (m *machine) noteTold(key int32, seq uint64) { setLazy(&m.toldLost, key, seq) }

// forget drops what is kept for a stream that has ended.
func (m *machine) drop(key int32) {
	delete(m.unsent, key)
	delete(m.toldLost, key)
}

// part returns the last bytes of a stream.
func (m *machine) farewell(s *stream, f *feed, now int64) []byte {
	s.phase, s.wrote = closing, now
	m.scratch = appendFarewell(m.scratch[:0], f.framing, m.retry)
	if len(m.scratch) == 0 {
		s.phase = closed
		return nil
	}
	return m.offerBytes(control, m.scratch)
}

// appendFarewell appends the end of a stream that this side ends: a
// reconnection time drawn at random from retry on, and the end of the body.
func appendFarewell(dst []byte, fr framing, retry time.Duration) []byte {
	block := streamwriter.AppendRetry(nil, streamwriter.Spread(retry))
	if fr == chunked {
		return append(eventlog.AppendChunk(dst, block), eventlog.LastChunk...)
	}
	return append(dst, block...)
}

// gap returns the event that says that a slow reader has missed some, and
// excuses the loss.
func (m *machine) gap(key int32, s *stream, f *feed, lost uint64) []byte {
	m.gaps++
	m.noteTold(key, lost)
	block := appendGap(nil, m.gapType, m.epoch, s.next, gapSlow, "")
	b := m.scratch[:0]
	if f.framing == chunked {
		b = eventlog.AppendChunk(b, block)
	} else {
		b = append(b, block...)
	}
	m.scratch = b
	return m.offerBytes(control, b)
}

// age ends a stream that has reached its maximum age, or will have within so many
// milliseconds.
func (m *machine) age(s *stream, now, within int64) {
	if s.dies != 0 && now+within >= s.dies && s.phase == open {
		s.end(ending, ReasonMaxAge, now)
	}
}

// end makes a stream part: at once, or when it has got what was published up
// to now.
func (s *stream) end(how phase, why Reason, now int64) {
	if s.phase == open || (s.phase == draining && how == ending) {
		s.phase, s.reason = how, why
		s.wrote = now // it has its time from here on: see stuck
	}
}

// due returns when the stream needs a turn although nothing was published; 0:
// never.
func (m *machine) due(s *stream) int64 {
	at := s.dies
	if m.every > 0 && (at == 0 || s.wrote+m.every < at) {
		at = s.wrote + m.every
	}
	return at
}
