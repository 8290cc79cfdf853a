package server

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// shard owns some of the streams. One goroutine, its loop, does everything to
// them; others only put work into its inbox. The loop runs while there are
// streams, and not otherwise.
type shard struct {
	hub   *Hub
	index int
	every int64 // milliseconds between two looks at a seat

	// inbox: what others hand to the loop.
	mu       sync.Mutex // guards the lists, running and waiter
	intake   []*admission
	done     []*handle
	topics   []*eventlog.Topic // with news
	commands []command
	running  bool
	waiter   waiter       // wakes the loop; nil while it does not run
	rest     atomic.Int32 // of the loop: awake, dozing or asleep; who brings work must wake it

	tally tally // counters of the loop, for Stats

	loop // owned by the loop
}

// loop is what the shard's goroutine owns.
type loop struct {
	machine      machine
	slots        slots
	live         int                           // seats taken
	byKey        map[uint64]int32              // the first feed of each hash of topics and framing
	byTopic      map[*eventlog.Topic][]feedRef // the feeds that a topic's news concern
	readers      []readers                     // of each feed
	handles      map[int32]*handle             // streamed subscribers, by seat
	waiting      queue[*admission]             // to be seated
	byUser       map[any]*hookData             // the first of each user's
	walks        []walk                        // orders under way
	walked       uint64                        // how many there were
	assigned     map[int32]uint64              // seats taken since there are walks, and how many there were then
	peerAddress  *peerAddress                  // tells Kick's predicate an address
	hooks        map[int32]*hookData           // what a subscriber's handler wants known of it, by seat
	spare        []int32                       // unused indexes of feeds
	made         uint32                        // feeds made so far
	jobs         queue[job]                    // rounds that are not finished
	ready        []slotRef                     // streams with more to take than one turn gave
	linger       map[int32]int64               // ended, waiting for the peer's FIN until then
	opened       int64                         // when streams were seated last
	swept        int                           // where the sweep is
	sweepAt      int64
	prefetchSink uint64 // of no meaning
	now          int64
	io           shardIO
}

// readers are the streams of one feed.
type readers struct {
	key    uint64
	next   int32  // the next feed with the same key; noFeed: there is none
	made   uint32 // tells feeds with the same index apart
	slots  []int32
	names  []string // of its topics, once somebody has asked
	places []int32  // for each of its topics, where the feed is in byTopic
	queued bool     // there is a job for the feed
	again  bool     // and news came while it was under way
}

// feedRef is a feed in the list of one of its topics.
type feedRef struct {
	feed  int32
	which int32 // of the feed's topics it is this one
}

// job is a round of deliveries to a feed's readers, from the last down to the
// first: who leaves meanwhile is replaced by one who was served.
type job struct {
	feed int32
	made uint32
	left int
}

// newcomer is a stream on its way to its shard.
type admission struct {
	stream   stream
	topics   []*eventlog.Topic
	framing  framing
	gap      string    // why it gets a gap first; empty: it does not
	toldLost uint64    // what the gap tells of; 0: nothing
	rest     []byte    // of its head, not yet written
	hooks    *hookData // nil: there is nothing to know
	sock     parkedSocket
	sink     bool    // sock is no socket: there is nothing to hear of it (benchmarks)
	handle   *handle // streamed: the goroutine that does the I/O
	began    *era    // where the kicks begin that it has to meet; nil: none
	settled  bool    // somebody else sees to its end: its shard, or turnAway
}

// patient reports whether the newcomer may wait for the loop to look by itself:
// it has all that it is owed up to the head.
func (n *admission) canWait(head uint64) bool {
	return n.handle == nil && n.rest == nil && n.stream.next > head
}

// How soundly a loop rests.
const (
	awake  int32 = iota
	dozing       // for a few milliseconds
	asleep
)

const (
	// writesPerRound bounds the deliveries between two looks at everything
	// else: a flood on one topic must not delay a goal on another.
	writesPerRound = 256
	// seatedPerPass bounds the newcomers likewise: each may take turnsPerVisit
	// writes of what it has missed.
	assignedPerPass = 64
	// touchedAhead is how many seats are loaded ahead of their turn.
	prefetchAhead = 16
	// turnsPerVisit bounds what one reader gets before the next one's turn.
	turnsPerVisit = 4
	// lingerFor is how long an ended connection waits for its peer's FIN.
	lingerFor = 5 * time.Second
	// sweepsPerBeat is how often a heartbeat interval each stream is looked at.
	sweepsPerBeat = 4
	// sweepsPerAge is how often in Config.MaxAge it is at least.
	sweepsPerAge = 20
	// vanishedAfter is how long a peer may acknowledge nothing: with a heartbeat
	// interval before it, a dead one is found within a minute.
	vanishedAfter = 30 * time.Second
	// A loop that has seated streams dozes for so long at a time, and so long
	// after the last: a stream that leaves at once is noticed within it.
	doze    = 4 * time.Millisecond
	dozesOn = 100 * time.Millisecond
	// fullIntake is how many newcomers are not kept waiting.
	fullIntake = 256
	// longestSweep is the interval when there is no heartbeat.
	longestSweep = 15_000 / sweepsPerBeat
)

func newShard(h *Hub, index int) *shard {
	s := &shard{hub: h, index: index}
	s.machine = h.newMachine(&workspace{committed: h.history.Newest, shared: true})
	// A sweep passes every quarter of the interval: beat a quarter early.
	beat := h.cfg.Heartbeat.Milliseconds()
	s.machine.every = beat - beat/sweepsPerBeat
	s.machine.patience = h.cfg.WriteTimeout.Milliseconds()
	s.every = longestSweep
	if beat > 0 {
		s.every = max(beat/sweepsPerBeat, 1)
	}
	if age := h.cfg.MaxAge.Milliseconds(); age > 0 {
		s.every = min(s.every, max(age/sweepsPerAge, 1))
	}
	return s
}

func (s *shard) bit() uint64 { return 1 << s.index }

// shardOf is the index of the shard with that bit.
func shardOf(bit uint64) int { return bits.TrailingZeros64(bit) }

// The inbox. Each method may be called by any goroutine.

// admit hands a stream over. It fails if the loop cannot be started, or must not
// be any more.
func (s *shard) admit(n *admission) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hub.state.Load() == hubClosed { // Close may have seen the loops end
		return ErrClosed
	}
	if !s.running {
		w, err := s.io.open()
		if err != nil {
			return err
		}
		s.running, s.waiter = true, w
		s.hub.work.Add(1)
		go s.run()
	}
	s.intake = append(s.intake, n)
	n.settled = true
	for _, t := range n.topics {
		// Its news must wake the loop. The loop may take the bit back when
		// another reader leaves, but not without looking into the inbox.
		t.Shards.Or(s.bit())
	}
	if n.canWait(s.hub.history.Newest()) && len(s.intake) < fullIntake {
		s.wakeFrom(asleep)
	} else {
		s.wakeLocked()
	}
	return nil
}

// news says that t has new events. Its rung bit is set.
func (s *shard) notify(t *eventlog.Topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running { // its readers have just left: whoever comes next must be rung for again
		t.Notified.And(^s.bit())
		return
	}
	s.topics = append(s.topics, t)
	s.wakeLocked()
}

// dismiss says that a streamed subscriber's goroutine is done with it.
func (s *shard) pumpDone(d *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, d)
	s.wakeLocked()
}

// command gives an order to all streams, also to those still in the intake.
func (s *shard) send(o command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.commands = append(s.commands, o)
		s.wakeLocked()
	}
}

func (s *shard) wakeLocked() {
	s.wakeFrom(dozing)
	s.wakeFrom(asleep)
}

func (s *shard) wakeFrom(rest int32) {
	if s.rest.CompareAndSwap(rest, awake) {
		s.waiter.Wake()
	}
}

// The loop.

func (s *shard) run() {
	stopped := false
	defer func() {
		if !stopped { // Kick's predicate has ended the goroutine: runtime.Goexit
			go s.run()
			return
		}
		s.hub.work.done()
	}()
	for {
		s.now = s.hub.now()
		s.empty()
		s.walk()
		s.round()
		s.sweep()
		s.report()
		if s.idle() {
			if s.stop() {
				stopped = true
				return
			}
			rest, d := s.sleep()
			s.rest.Store(rest)
			if !s.hasMail() {
				s.wait(d)
			}
			s.rest.Store(awake)
		} else {
			s.wait(0)
		}
	}
}

// idle reports whether all that was brought has been done.
func (s *shard) idle() bool {
	return s.jobs.len() == 0 && len(s.ready) == 0 && len(s.walks) == 0 && s.waiting.len() == 0
}

func (s *shard) hasMail() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.intake)+len(s.done)+len(s.topics)+len(s.commands) > 0
}

// stop ends the loop if there is no stream left and none coming.
func (s *shard) stop() bool {
	if s.live > 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.intake)+len(s.done)+len(s.commands) > 0 {
		return false
	}
	for _, t := range s.topics {
		t.Notified.And(^s.bit())
	}
	s.topics = nil
	s.running, s.waiter = false, nil
	s.io.close()
	s.loop = loop{machine: s.machine.fresh()}
	return true
}

// sleep is how soundly and how long there is nothing to do unless somebody
// brings it. While streams are being opened the loop dozes: whoever has nothing
// to get yet waits for it to look by itself, which spares a wake-up each
// (docs/design.md).
func (s *shard) sleep() (rest int32, d time.Duration) {
	left := time.Duration(max(s.sweepAt-s.now, 1)) * time.Millisecond
	if s.now < s.opened+dozesOn.Milliseconds() && left > doze {
		return dozing, doze
	}
	return asleep, left
}

// empty takes everything out of the inbox. Newcomers who have to wait for their
// seat miss nothing by it: they look into their topics' logs, and at what was
// ordered, when they have it.
func (s *shard) empty() {
	s.mu.Lock()
	intake, leaves, topics, orders := s.intake, s.done, s.topics, s.commands
	s.intake, s.done, s.topics, s.commands = nil, nil, nil, nil
	s.mu.Unlock()

	if len(intake) > 0 {
		s.opened = s.now
	}
	for _, o := range orders { // first: who is seated later is asked then
		s.apply(o)
	}
	for _, n := range intake {
		s.waiting.push(n)
	}
	for _, d := range leaves {
		if d.done = true; d.assigned {
			s.releasePump(d.slot)
		}
	}
	for _, t := range topics {
		// First the bit, then the look: what comes in between rings again.
		t.Notified.And(^s.bit())
		for _, ref := range s.byTopic[t] {
			s.enqueue(ref.feed)
		}
	}
	// Last: an application's predicate may be asked about each, and end the goroutine.
	for range min(s.waiting.len(), assignedPerPass) {
		s.assign(s.waiting.pop())
	}
	if s.waiting.len() == 0 {
		s.waiting = queue[*admission]{} // it holds those who were in it
	}
}

// put sets a key of a map that may be nil.
func setLazy[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}
