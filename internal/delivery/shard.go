package delivery

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/queue"
)

// shard owns some of the streams. One goroutine, its loop, does everything to them;
// others only put work into its inbox. The loop runs while there are streams, and not
// otherwise.
type shard struct {
	// Static after construction.
	delivery *Delivery
	host     *Host
	index    int
	every    int64 // milliseconds between two looks at a slot

	// inbox: what others hand to the loop.
	mu       sync.Mutex // guards the lists, running and waker
	intake   []*Admission
	done     []*handle
	topics   []*eventlog.Topic // with news
	commands []command
	running  bool
	waker    waker        // wakes the loop; nil while it does not run
	rest     atomic.Int32 // of the loop: awake, dozing or asleep; who brings work must wake it

	tally tally // counts of the loop

	loop // owned by the loop
}

// loop is what the shard's goroutine owns.
type loop struct {
	machine cursor.Machine
	offer   cursor.Offer
	io      poller // nil while the loop does not run
	slots   slots
	live    int // slots taken
	now     int64

	// With whom streams read.
	byKey   map[uint64]int32              // the first feed of each hash of topics and framing
	byTopic map[*eventlog.Topic][]feedRef // the feeds that a topic's news concern
	readers []readers                     // of each feed
	spare   []int32                       // unused indexes of feeds
	made    uint32                        // feeds made so far

	// What few streams have, by slot.
	handles  map[int32]*handle   // of pumps
	hooks    map[int32]*HookData // what is to be known of a stream
	byUser   map[any]*HookData   // the first of each user's
	linger   map[int32]int64     // ended, waiting for the peer's end until then
	assigned map[int32]uint64    // slots taken since there are walks, and how many there were then

	// What is to be done.
	waiting queue.Queue[*Admission] // to get a slot
	walks   []walk                  // commands under way
	walked  uint64                  // how many there were
	jobs    queue.Queue[job]        // rounds that are not finished
	ready   []slotRef               // streams with more to take than one turn gave
	sweptTo int                     // where the sweep is
	sweepAt int64
	opened  int64 // when streams got slots last

	events       []pollEvent
	peerAddress  *peerAddress // tells Kick's predicate an address
	prefetchSink uint64       // keeps the compiler from leaving prefetch out
}

func newShard(d *Delivery, index int) *shard {
	s := &shard{delivery: d, host: &d.host, index: index}
	limits := &d.host.Limits
	// A sweep passes every quarter of the interval: heartbeats go out a quarter early.
	beat := limits.Heartbeat.Milliseconds()
	s.machine = s.host.machine(cursor.NewWorkspace(s.host.History, true), beat-beat/sweepsPerHeartbeat, limits.WriteTimeout)
	s.every = longestSweep
	if beat > 0 {
		s.every = max(beat/sweepsPerHeartbeat, 1)
	}
	if age := limits.MaxAge.Milliseconds(); age > 0 {
		s.every = min(s.every, max(age/sweepsPerAge, 1))
	}
	return s
}

func (s *shard) bit() uint64 { return 1 << s.index }

// shardOf is the index of the shard with that bit.
func shardOf(bit uint64) int { return bits.TrailingZeros64(bit) }

// The inbox. Each method may be called by any goroutine.

// fullIntake is how many new streams are not kept waiting.
const fullIntake = 256

// admit hands a stream over. It fails if the loop cannot be started, or must not be
// any more.
func (s *shard) admit(a *Admission) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host.State() == Closed { // whoever closes the hub may have seen the loops end
		return ErrClosed
	}
	if !s.running {
		p, err := newPoller()
		if err != nil {
			return err
		}
		s.running, s.io, s.waker = true, p, p
		s.host.Working(1)
		go s.run()
	}
	s.intake = append(s.intake, a)
	a.Settled = true
	for _, t := range a.Topics {
		// Its news must wake the loop. The loop may take the bit back when another
		// reader leaves, but not without looking into the inbox.
		t.Shards.Or(s.bit())
	}
	if a.canWait(s.host.History.Newest()) && len(s.intake) < fullIntake {
		s.wakeFrom(asleep)
	} else {
		s.wakeLocked()
	}
	return nil
}

// notify says that t has new events. The shard's bit of t.Notified is set.
func (s *shard) notify(t *eventlog.Topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running { // its readers have just left: the next one must be notified again
		t.Notified.And(^s.bit())
		return
	}
	s.topics = append(s.topics, t)
	s.wakeLocked()
}

// pumpDone says that a stream's pump has ended.
func (s *shard) pumpDone(h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, h)
	s.wakeLocked()
}

// send gives a command to all streams, also to those still in the intake.
func (s *shard) send(c command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.commands = append(s.commands, c)
		s.wakeLocked()
	}
}

func (s *shard) wakeLocked() {
	s.wakeFrom(dozing)
	s.wakeFrom(asleep)
}

func (s *shard) wakeFrom(rest int32) {
	if s.rest.CompareAndSwap(rest, awake) {
		s.waker.Wake()
	}
}
