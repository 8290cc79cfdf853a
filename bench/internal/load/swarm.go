package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// SwarmConfig is what the streams of a swarm have in common.
type SwarmConfig struct {
	Request Request
	Readers int      // goroutines that read, where one reads many streams; zero means one
	Lanes   int      // publishers whose events are counted; zero means one
	Foreign *Foreign // finds the time in events that others publish; nil: only this process publishes

	// Unordered is set if events may come to the server in another order than that of their
	// numbers: of a late stream only those count then that were due after its first one came.
	Unordered bool
}

// Swarm is many streams of one request. On Linux a few goroutines, each with an epoll
// set, read plain HTTP/1.1: a goroutine per stream would take CPU from the server.
// Everything else goes through net/http.
//
// Expect, Now, Err, Delivered, Take, Total and Spread may be called at any time;
// the other methods are for one goroutine at a time.
type Swarm struct {
	request  Request
	forms    []*form // of its URLs, which streams use in turn
	raw      bool    // it reads without net/http
	dialer   *dialer
	logins   *logins  // nil: nobody logs in
	loggedIn []*login // by stream, for those that have been or are to be opened
	traffic  traffic
	foreign  *Foreign
	carrier  carrier
	meters   []*meter
	spreads  []*spread // by lane
	streams  []*stream
	left     []int     // indexes of closed streams, to be used again
	total    *Interval // sum of what Take returned; guarded by totalled
	totalled sync.Mutex

	unordered bool // as SwarmConfig says
}

// carrier connects streams and moves their bytes.
type carrier interface {
	// add makes a stream that the meter's goroutine reads.
	add(m *meter) *stream
	// connect begins to connect a stream that is idle, after a time.
	connect(st *stream, after time.Duration)
	// leave closes a stream, by a reset or cleanly; its client does not come back.
	leave(st *stream, reset bool)
	// busy is how long each reader has had something to do so far; nil: that is not known.
	busy() []time.Duration
	close()
}

// NewSwarm prepares streams; none is opened.
func NewSwarm(ctx context.Context, c SwarmConfig) (*Swarm, error) {
	s := &Swarm{request: c.Request, foreign: c.Foreign, unordered: c.Unordered, total: newInterval()}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	for range max(c.Lanes, 1) {
		s.spreads = append(s.spreads, newSpread(s.request.Data.topics()))
	}
	for range max(c.Readers, 1) {
		s.meters = append(s.meters, newMeter(s))
	}
	var err error
	s.carrier, err = newCarrier(s)
	return s, err
}

// Expect is called before a lane's first event. The streams that are open now, and read as
// they should, are to get all events of the lane, even if they end and come back: it returns
// how many these are, and how many are open. What comes to others is late, and counted apart.
func (s *Swarm) Expect(lane int) (readers, all int) {
	for _, m := range s.meters {
		m.mu.Lock()
		m.expects = true
		m.mu.Unlock()
	}
	byTopic := s.spreads[lane].readers
	for i := range byTopic {
		byTopic[i].Store(0)
	}
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if st.phase == open {
			all++
			if !st.client.ill() {
				st.tally(lane).from = 1
				byTopic[s.topic(st)].Add(1)
				readers++
			}
		}
		st.meter.mu.Unlock()
	}
	return readers, all
}

// Open opens n streams, at most rate per second (0: no limit). It returns when all are
// connecting, or ctx is done.
func (s *Swarm) Open(ctx context.Context, n int, rate float64, c Client) {
	s.logIn(ctx, n)
	begin := Now()
	for i := range n {
		if rate > 0 && !sleepUntil(ctx, begin+at(i, rate)) || ctx.Err() != nil {
			return
		}
		s.openOne(c)
	}
}

// openOne opens a stream, and returns its index.
func (s *Swarm) openOne(c Client) int {
	if n := len(s.left); n > 0 { // reuse a closed one
		index := s.left[n-1]
		s.left = s.left[:n-1]
		st := s.streams[index]
		st.becomes(c)
		s.carrier.connect(st, 0)
		return index
	}
	m := s.meters[len(s.streams)%len(s.meters)]
	st := s.carrier.add(m)
	st.index, st.client, st.meter = len(s.streams), c, m
	if s.logins != nil {
		s.logIn(context.Background(), 1)
		st.login = s.loggedIn[st.index]
	}
	s.streams = append(s.streams, st)
	s.carrier.connect(st, 0)
	return st.index
}

func (s *Swarm) leaveOne(index int, reset bool) {
	s.carrier.leave(s.streams[index], reset)
	s.left = append(s.left, index)
}

// ResetAll ends every stream by a reset, as a crash of all clients would.
func (s *Swarm) ResetAll() {
	for _, st := range s.streams {
		s.carrier.leave(st, true)
	}
}

// ReopenAll opens them again, each with the last id that it has seen.
func (s *Swarm) ReopenAll() {
	for _, st := range s.streams {
		s.carrier.connect(st, 0)
	}
}

// Close ends all streams and their readers.
func (s *Swarm) Close() {
	s.carrier.close()
	if s.logins != nil {
		s.logins.client.CloseIdleConnections()
	}
}

// Now returns how many streams are open, and how many have no answer yet.
func (s *Swarm) Now() (open, connecting int) {
	for _, m := range s.meters {
		m.mu.Lock()
		open += m.open
		connecting += m.connecting
		m.mu.Unlock()
	}
	return open, connecting
}

// Err is the first thing that went wrong with a stream.
func (s *Swarm) Err() error {
	var first error
	for _, m := range s.meters {
		m.mu.Lock()
		if first == nil {
			first = m.firstErr
		}
		m.mu.Unlock()
	}
	return first
}

// Delivered is how many events have been read, each once per stream that is not late, and
// when the last was.
func (s *Swarm) Delivered() (n uint64, last time.Duration) {
	for _, m := range s.meters {
		m.mu.Lock()
		n += m.delivered
		last = max(last, m.lastEvent)
		m.mu.Unlock()
	}
	return n, last
}

// Take returns what has happened since it was last called.
func (s *Swarm) Take() Interval {
	v := newInterval()
	for _, m := range s.meters {
		next := newInterval()
		m.mu.Lock()
		next, m.now = m.now, next
		m.mu.Unlock()
		v.add(next)
	}
	s.totalled.Lock()
	s.total.add(v)
	s.totalled.Unlock()
	return *v
}

// Total returns the sum of all that Take has returned.
func (s *Swarm) Total() Interval {
	v := newInterval()
	s.totalled.Lock()
	v.add(s.total)
	s.totalled.Unlock()
	return *v
}

// Spread has a histogram each of when the first, the median, the 99th percentile and
// the last reader had an event, in µs.
type Spread struct{ First, Median, P99, Last *hdrhistogram.Histogram }

// Spread returns the fan-out spread of a lane's events: when the first, the median,
// the 99th percentile and the last reader had each.
func (s *Swarm) Spread(lane int) Spread {
	sp := s.spreads[lane]
	sp.mu.Lock()
	defer sp.mu.Unlock()
	return Spread{First: sp.first.Clone(), Median: sp.median.Clone(), P99: sp.p99.Clone(), Last: sp.last.Clone()}
}

// CaughtUp returns, for each stream that has all events of a lane up to seq, when it
// got the last of them.
func (s *Swarm) CaughtUp(lane int, seq uint64) []time.Duration {
	var caught []time.Duration
	for _, st := range s.streams {
		st.meter.mu.Lock()
		if lane < len(st.tallies) && st.tallies[lane].whole(s.numbers(st, seq)) {
			caught = append(caught, st.tallies[lane].at)
		}
		st.meter.mu.Unlock()
	}
	return caught
}

// AwaitOpen waits until no stream is connecting, or ctx is done. It fails if a stream
// could not be opened, or if no stream is answered for as long as patience.
func (s *Swarm) AwaitOpen(ctx context.Context, patience time.Duration) error {
	last, since := -1, Now()
	for {
		open, connecting := s.Now()
		if connecting == 0 {
			return s.openError()
		}
		if open != last {
			last, since = open, Now()
		}
		if Now()-since > patience {
			return fmt.Errorf("open streams: %d are open, and %d have had no answer for %v", open, connecting, patience)
		}
		if !sleepUntil(ctx, Now()+time.Millisecond) {
			return ctx.Err()
		}
	}
}

func (s *Swarm) openError() error {
	open, _ := s.Now()
	missing := s.Streams() - open
	if missing <= 0 {
		return nil
	}
	err := s.Err()
	if err == nil {
		err = errLeft
	}
	return fmt.Errorf("open streams: %d of %d failed: %w", missing, s.Streams(), err)
}

// PerAddress is how many ports the streams take at one local address, at most.
// Streams that reconnect do not take more.
func (s *Swarm) PerAddress() int {
	s.dialer.mu.Lock()
	defer s.dialer.mu.Unlock()
	return s.dialer.sources.most(len(s.streams))
}

// Streams is how many streams there are, open or not.
func (s *Swarm) Streams() int { return len(s.streams) - len(s.left) }

// ReturnAll makes every stream reconnect as a browser does: after the retry time that
// its server gave it, or 3 s. It returns the shortest of these times.
func (s *Swarm) ReturnAll() (first time.Duration) {
	first = -1
	for _, st := range s.streams {
		st.meter.mu.Lock()
		wait := st.comesAfter()
		st.meter.mu.Unlock()
		if first < 0 || wait < first {
			first = wait
		}
		s.carrier.connect(st, wait)
	}
	return max(first, 0)
}
