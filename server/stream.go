package server

import (
	"bytes"
	"time"

	"github.com/fastsse/fastsse/streamwriter"
)

// stream is one subscriber's position, and how it is doing. It holds no
// pointer: a million of them are nothing to a garbage collector.
//
// Its machine drives it: the machine does no I/O and knows no clock.
type stream struct {
	next   uint64 // sequence of the next event it is owed
	live   uint64 // ephemeral events from here on are for it, those before are not
	wrote  int64  // when it last took something, in the hub's milliseconds
	dies   int64  // when it has reached its maximum age; 0: never
	feed   int32  // what it reads: an index of the machine's feeds
	phase  phase
	owes   bool // the machine's rest table has bytes to be sent before all else
	reason Reason
}

type phase uint8

const (
	following phase = iota // from event to event, for ever
	draining               // to the last event before the drain, then parting
	leaving                // parting as soon as it is between two events
	parting                // the last bytes are being sent
	over                   // everything is sent: the connection can be closed
	broken                 // ended inside an event: the connection must not look complete
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
	unsure *watermark

	// Owned by the driver.
	desk    *desk
	feeds   []*feed
	rest    map[int32]owing  // what a stream with owes set is owed first
	excused map[int32]uint64 // losses that a stream's client has been told of
	until   uint64           // draining: the last sequence that is still owed

	// The turn: what was offered, and of which kind.
	kind    kind
	run     *run   // of kind logged
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
		unsure: m.unsure, desk: m.desk,
		events: m.events, gaps: m.gaps, aborted: m.aborted,
	}
}

// owing is the rest of what a turn began.
type owing struct {
	bytes []byte
	event bool // they are an event's
}

// kind is what the bytes of a turn are.
type kind uint8

const (
	logged   kind = iota // from a log: the position says what was not taken
	owed                 // the rest of what an earlier turn began
	word                 // said by the machine itself: what was not taken is owed
	beat                 // a word that is dropped if none of it went out
	position             // a beat that tells the client how far it is
)

// next returns what the stream should be sent now, or nil. In between it moves
// the stream on: past events that are not for it, into a gap, to its end.
func (m *machine) next(key int32, s *stream, now int64) []byte {
	f := m.feeds[s.feed]
	// Fast path: nothing but events. (next ≥ live: no replay.)
	if s.phase == following && !s.owes && s.next >= s.live {
		r := f.look(s.next, false)
		// Not before the look: what it did not find any more is counted by now.
		if f.lost(s.next, s.live) == 0 {
			if r != nil {
				return m.offer(r)
			}
			return m.silence(key, s, f, now)
		}
	}
	return m.slowNext(key, s, f, now)
}

func (m *machine) offer(r *run) []byte {
	m.kind, m.run, m.offered = logged, r, r.bytes
	return r.bytes
}

// behind reports whether what was offered is more than one event: its stream,
// and most likely its driver, does not keep up.
func (m *machine) behind() bool { return m.kind == logged && m.run.events > 1 }

func (m *machine) say(k kind, b []byte) []byte {
	m.kind, m.run, m.offered = k, nil, b
	return b
}

// slowNext is the slow path of next.
func (m *machine) slowNext(key int32, s *stream, f *feed, now int64) []byte {
	if s.owes {
		rest := m.rest[key]
		if rest.event && m.slow == Disconnect && f.lost(s.next, s.live) > m.excused[key] {
			return m.breakOff(key, s, ReasonSlow)
		}
		return m.say(owed, rest.bytes)
	}
	switch s.phase {
	case parting, over, broken:
		return nil
	case leaving:
		return m.part(s, f, now)
	}
	from := s.next
	r := m.find(s, f)
	if lost := f.lost(from, s.live); lost > m.excused[key] { // not before the look, as in next
		if m.slow == Disconnect {
			s.phase, s.reason = leaving, ReasonSlow
			return m.part(s, f, now)
		}
		return m.gap(key, s, f, lost)
	}
	if s.phase == draining && s.next > m.until {
		return m.part(s, f, now)
	}
	if r != nil {
		return m.offer(r)
	}
	if s.phase == draining {
		return m.part(s, f, now)
	}
	return m.silence(key, s, f, now)
}

// find returns the next run that has bytes, past ephemeral events from before
// the stream came.
func (m *machine) find(s *stream, f *feed) *run {
	for {
		replay := s.next < s.live
		r := f.look(s.next, replay)
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
	if s.next <= m.unsure.load() {
		return m.tellPosition(key, s, f)
	}
	switch f.framing {
	case chunked:
		return m.say(beat, beatChunk)
	case identity:
		return m.say(beat, beatLine)
	}
	s.wrote = now
	return nil
}

var (
	beatLine  = []byte(":\n")
	beatChunk = []byte("2\r\n:\n\r\n")
)

// tellPosition returns the id of the present, for a stream that has got everything:
// a client that comes back with it is not told of losses that it did not have. It is
// a block without data, which an EventSource takes for its last event id and
// nothing else.
func (m *machine) tellPosition(key int32, s *stream, f *feed) []byte {
	present := m.desk.committed()
	// Everything up to then is either found now, or was lost, or the stream has it.
	if r := m.find(s, f); r != nil {
		return m.offer(r)
	}
	if f.lost(s.next, s.live) > m.excused[key] {
		return nil // the next turn deals with it
	}
	m.told = present
	id := append(make([]byte, 0, maxIDBytes), "id: "...)
	id = append(appendID(id, m.epoch, present), "\n\n"...)
	m.scratch = m.scratch[:0]
	if f.framing == chunked {
		m.scratch = appendChunk(m.scratch, id)
	} else {
		m.scratch = append(m.scratch, id...)
	}
	return m.say(position, m.scratch)
}

// took moves the stream on by n bytes of what next returned.
func (m *machine) took(key int32, s *stream, n int, now int64) {
	if n > 0 {
		s.wrote = now
	}
	all := n == len(m.offered)
	switch m.kind {
	case logged:
		if all {
			s.next = m.run.to
			m.events += int64(m.run.events)
			return
		}
		next, events, rest := m.feeds[s.feed].cut(n)
		s.next = next
		m.events += int64(events)
		m.owe(key, s, owing{rest, true})
	case owed:
		m.owe(key, s, owing{m.offered[n:], m.rest[key].event})
	case word:
		m.owe(key, s, owing{bytes: bytes.Clone(m.offered[n:])}) // the buffer is the next turn's
	case beat:
		if n > 0 {
			m.owe(key, s, owing{bytes: m.offered[n:]})
		}
	case position:
		if n > 0 {
			s.next = max(s.next, m.told+1)
			m.owe(key, s, owing{bytes: bytes.Clone(m.offered[n:])}) // as above
		}
	}
	if s.phase == parting && !s.owes {
		s.phase = over
	}
}

// owe keeps the rest of what was begun, or notes that there is none.
func (m *machine) owe(key int32, s *stream, rest owing) {
	s.owes = len(rest.bytes) > 0
	if s.owes {
		put(&m.rest, key, rest)
	} else {
		delete(m.rest, key)
	}
}

// excuse notes that the client has been told of losses up to seq.
func (m *machine) excuse(key int32, seq uint64) { put(&m.excused, key, seq) }

// forget drops what is kept for a stream that has ended.
func (m *machine) forget(key int32) {
	delete(m.rest, key)
	delete(m.excused, key)
}

// part returns the last bytes of a stream.
func (m *machine) part(s *stream, f *feed, now int64) []byte {
	s.phase, s.wrote = parting, now
	m.scratch = appendFarewell(m.scratch[:0], f.framing, m.retry)
	if len(m.scratch) == 0 {
		s.phase = over
		return nil
	}
	return m.say(word, m.scratch)
}

// appendFarewell appends the end of a stream that this side ends: a
// reconnection time drawn at random from retry on, and the end of the body.
func appendFarewell(dst []byte, fr framing, retry time.Duration) []byte {
	block := streamwriter.AppendRetry(nil, streamwriter.Spread(retry))
	if fr == chunked {
		return append(appendChunk(dst, block), lastChunk...)
	}
	return append(dst, block...)
}

// gap returns the event that says that a slow reader has missed some, and
// excuses the loss.
func (m *machine) gap(key int32, s *stream, f *feed, lost uint64) []byte {
	m.gaps++
	m.excuse(key, lost)
	block := appendGap(nil, m.gapType, m.epoch, s.next, gapSlow, "")
	b := m.scratch[:0]
	if f.framing == chunked {
		b = appendChunk(b, block)
	} else {
		b = append(b, block...)
	}
	m.scratch = b
	return m.say(word, b)
}

// age ends a stream that has reached its maximum age, or will have within so many
// milliseconds.
func (m *machine) age(s *stream, now, within int64) {
	if s.dies != 0 && now+within >= s.dies && s.phase == following {
		s.end(leaving, ReasonMaxAge, now)
	}
}

// end makes a stream part: at once, or when it has got what was published up
// to now.
func (s *stream) end(how phase, why Reason, now int64) {
	if s.phase == following || (s.phase == draining && how == leaving) {
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
