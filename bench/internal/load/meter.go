package load

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse"
)

// Client is how the client of a stream behaves.
type Client struct {
	Returns bool // comes back as a browser does, with its Last-Event-ID
	Stops   bool // reads the head of the answer, and nothing after it
	Rate    int  // bytes per second that it reads; zero: no limit
}

// ill reports whether the client does not read as it should. Such a client is only
// there to disturb the server: what it gets, and how late, is not counted.
func (c *Client) ill() bool { return c.Stops || c.Rate > 0 }

// window is how many bytes may wait to be read by a client that reads badly: few, so
// that the server notices.
func (c *Client) window() int { return max(4096, c.Rate/10) }

const (
	// defaultRetry is how long a browser waits before it reconnects if the server
	// has sent no retry: Chromium's three seconds.
	defaultRetry = 3 * time.Second
	// soonest is the shortest wait: Chromium makes about forty connections per
	// second when the server says "retry: 0".
	soonest = 25 * time.Millisecond
)

// phase is where a stream is in its life.
type phase uint8

const (
	idle       phase = iota // not connected, and not trying
	connecting              // until the head of an answer has come
	open
	waiting // to come back
	gone    // refused, or broken and not to come back
)

var (
	errEnded = errors.New("the server ended the stream")
	errCut   = errors.New("the server cut the stream")
	errLeft  = errors.New("the streams were closed")
)

// stream is a client's state of its stream. Its meter's mutex guards it. What each read needs
// comes first: with many streams the time of a read is that of fetching these lines from memory.
type stream struct {
	meter  *meter
	client Client
	phase  phase

	// Where the decoder is. What is compared with frames passes it by.
	begun   bool     // something was finished: no byte order mark may come any more
	held    int      // bytes of what is not finished
	frame   int      // the slot of the last event
	id      *string  // the last event id that frames have set since; nil: none
	journal *journal // nil: not watched
	tallies []tally  // by lane
	first   [1]tally // memory of tallies, as long as there is one lane

	index int
	began time.Duration   // of connecting
	again bool            // it was open before
	login *login          // nil: it has none
	route *route          // nil: it was not redirected
	dec   fastsse.Decoder // fed
}

// becomes gives the stream, which has been closed, to another client.
func (st *stream) becomes(c Client) {
	st.meter.mu.Lock()
	defer st.meter.mu.Unlock()
	st.client, st.tallies, st.dec, st.again, st.journal, st.route = c, nil, fastsse.Decoder{}, false, nil, nil
	st.id = nil
}

// meter counts what the streams of one reading goroutine see.
type meter struct {
	swarm *Swarm

	mu         sync.Mutex // guards all below, and the streams; held for a batch of reads
	now        *Interval  // since the last Take
	frames     *frames    // nil: all is decoded
	open       int
	connecting int
	expects    bool   // it is fixed which streams are to get all events
	delivered  uint64 // to these
	wire       uint64 // bytes read, without net/http
	lastEvent  time.Duration
	firstErr   error
}

func newMeter(s *Swarm) *meter {
	m := &meter{swarm: s, now: newInterval()}
	if s.foreign == nil {
		m.frames = new(frames)
	}
	return m
}

// Interval is what has happened to the streams of a swarm between two looks.
type Interval struct {
	Opened      int // first answers
	Refused     int // answers that are no stream
	Failed      int // connections that failed, or got no answer
	Ended       int // open streams that ended, unless they were ended here
	Reconnected int
	Opening     *hdrhistogram.Histogram // from connecting to the head of the answer, in µs
	Waiting     *hdrhistogram.Histogram // of one read in a hundred, from when the kernel had its last bytes, in µs; empty: not known
	Other       uint64                  // events that were not published here
	Stray       uint64                  // events of other topics than the stream's
	Ahead       time.Duration           // how long before the time that others say they published at an event came, at most
	Lanes       []LaneInterval
}

// LaneInterval is what the streams got of one lane.
type LaneInterval struct {
	Delivered  uint64 // each event once per stream, to streams that are not late
	Duplicated uint64 // this and the next two: to all streams
	OutOfOrder uint64
	Missing    int64                   // holes that opened, less those that closed
	Latency    *hdrhistogram.Histogram // in µs
	counts     *counts                 // it, while it is counted; nil: empty
}

func newInterval() *Interval { return &Interval{Opening: newHistogram(), Waiting: newHistogram()} }

// lane returns lane i's figures, and creates them if there are none.
func (v *Interval) lane(i int) *LaneInterval {
	for i >= len(v.Lanes) {
		v.Lanes = append(v.Lanes, LaneInterval{})
	}
	return &v.Lanes[i]
}

func (v *Interval) add(o *Interval) {
	v.Opened += o.Opened
	v.Refused += o.Refused
	v.Failed += o.Failed
	v.Ended += o.Ended
	v.Reconnected += o.Reconnected
	v.Other += o.Other
	v.Stray += o.Stray
	v.Ahead = max(v.Ahead, o.Ahead)
	v.Opening.Merge(o.Opening)
	v.Waiting.Merge(o.Waiting)
	for i := range o.Lanes {
		v.lane(i).add(&o.Lanes[i])
	}
}

func (l *LaneInterval) add(o *LaneInterval) {
	l.Delivered += o.Delivered
	l.Duplicated += o.Duplicated
	l.OutOfOrder += o.OutOfOrder
	l.Missing += o.Missing
	if l.Latency == nil {
		l.Latency = newHistogram()
	}
	if o.Latency != nil {
		l.Latency.Merge(o.Latency)
	}
	o.counts.addTo(l.Latency)
}

// The transitions of a stream. All are called with mu held.

func (m *meter) begins(st *stream, now time.Duration) {
	st.phase, st.began = connecting, now
	if st.route != nil {
		st.route.hops = 0
	}
	m.connecting++
	st.journal.connects()
}

func (m *meter) opens(st *stream, now time.Duration) {
	st.phase = open
	m.connecting--
	m.open++
	if st.again {
		m.now.Reconnected++
	} else {
		m.now.Opened++
	}
	st.again = true
	st.journal.opens(now)
	record(m.now.Opening, now-st.began)
}

// breaks is called when st's connection failed or ended. It returns when the client
// reconnects, if it does.
func (m *meter) breaks(st *stream, err error, now time.Duration) (back time.Duration, comes bool) {
	refused := isRefusal(err)
	expected := st.phase == open && st.journal != nil
	switch {
	case st.phase == open:
		m.open--
		m.now.Ended++
		st.journal.ends(st, err, now)
	case refused:
		m.connecting--
		m.now.Refused++
	default:
		m.connecting--
		m.now.Failed++
	}
	if m.firstErr == nil && !expected {
		m.firstErr = fmt.Errorf("stream %d: %s: %w", m.swarm.request.Data.First+st.index+1, m.swarm.where(st), err)
	}
	if !st.client.Returns || refused {
		st.phase = gone
		return 0, false
	}
	st.phase = waiting
	return now + st.comesAfter(), true
}

func (st *stream) comesAfter() time.Duration {
	if wait, set := st.dec.Retry(); set {
		return max(wait, soonest)
	}
	return defaultRetry
}

// leaves is called when st is closed here.
func (m *meter) leaves(st *stream) {
	switch st.phase {
	case open:
		m.open--
	case connecting:
		m.connecting--
	}
	st.phase = idle
}

// reads counts the events in bytes of the body that came at now.
func (m *meter) reads(st *stream, b []byte, now time.Duration) error {
	if !m.compares(st) {
		return m.decodes(st, b, now)
	}
	for b = m.compare(st, b, now); len(b) > 0; b = m.compare(st, b, now) {
		n := blockEnd(b)
		if err := m.decodes(st, b[:n], now); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// compares reports whether a stream is compared with frames: if there are others.
func (m *meter) compares(st *stream) bool {
	return m.frames != nil && m.open > 1 && !st.client.ill()
}

// decodes counts the events in bytes of the body that nothing is known of.
func (m *meter) decodes(st *stream, b []byte, now time.Duration) error {
	if len(b) == 0 {
		return nil
	}
	st.catchUp()
	st.held += len(b)
	err := decode(&st.dec, b, func(raw []byte, b *fastsse.Received) {
		st.held -= len(raw)
		if !st.client.ill() {
			m.block(st, raw, b, now)
		}
		st.begun = true
	})
	if st.held == 1 && b[len(b)-1] == '\n' {
		st.passLF()
	}
	return err
}

func (m *meter) block(st *stream, raw []byte, b *fastsse.Received, now time.Duration) {
	st.journal.reads(b)
	if !b.HasData {
		return
	}
	if m.swarm.foreign != nil {
		m.foreignEvent(b.Data, now)
		return
	}
	s, ok := readStamp(b.Data)
	if !ok || s.lane >= len(m.swarm.spreads) {
		m.now.Other++
		return
	}
	m.counts(st, s, now)
	if m.compares(st) {
		m.frames.remember(st, raw, b, s)
	}
}

func (m *meter) counts(st *stream, s stamp, now time.Duration) {
	number, ok := m.swarm.number(st, s.seq)
	if !ok {
		m.now.Stray++
		return
	}
	t, l := st.tally(s.lane), m.now.lane(s.lane)
	if s.lane == 0 {
		st.journal.gets(st, t, number, now)
	}
	if m.expects && (t.from == 0 || t.late) {
		if m.swarm.unordered && t.early(s.due, now) {
			return
		}
		if t.from == 0 {
			t.joins(number)
		}
	}
	a, missing := t.see(number, now)
	l.Missing += missing
	switch a {
	case twice:
		l.Duplicated++
		return
	case late:
		l.OutOfOrder++
	}
	if t.late {
		return
	}
	m.delivers(l, now, now-s.due)
	m.swarm.spreads[s.lane].arrived(s.seq, now-s.due)
}

// tally returns the stream's tally of a lane, and creates it if there is none.
func (st *stream) tally(lane int) *tally {
	if st.tallies == nil {
		st.tallies = st.first[:0]
	}
	for lane >= len(st.tallies) {
		st.tallies = append(st.tallies, tally{})
	}
	return &st.tallies[lane]
}

// foreignEvent counts an event that somebody else has published. Whether any are
// missing cannot be known.
func (m *meter) foreignEvent(data []byte, now time.Duration) {
	due, ok := m.swarm.foreign.find(data)
	if !ok {
		m.now.Other++
		return
	}
	m.now.Ahead = max(m.now.Ahead, due-now)
	m.delivers(m.now.lane(0), now, now-due)
}

func (m *meter) delivers(l *LaneInterval, now, latency time.Duration) {
	l.Delivered++
	m.delivered++
	m.lastEvent = now
	if l.counts == nil {
		l.counts = new(counts)
	}
	l.counts.record(latency)
}
