package delivery

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/queue"
)

// shard owns a share of the streams. Only its loop, one goroutine, touches them; others
// put work into its inbox. The loop runs only while there are streams.
type shard struct {
	// Static after construction.
	delivery *Delivery
	host     *Host
	index    int
	every    int64 // a slot is swept once in so many milliseconds

	// The inbox.
	mu       sync.Mutex        // guards all down to waker
	intake   []*Admission      // streams to get a slot
	done     []*handle         // pumps that have ended
	topics   []*eventlog.Topic // with new events
	commands []command
	running  bool
	waker    waker        // wakes the loop; nil while it does not run
	rest     atomic.Int32 // awake, dozing or asleep; whoever adds work wakes the loop

	// For others to read.
	tally tally // the loop's counts
	lag   lag

	loop // owned by the loop
}

// loop is the state that only the loop's goroutine uses.
type loop struct {
	machine cursor.Machine
	offer   cursor.Offer
	io      poller // nil while the loop does not run
	slots   slots
	live    int   // slots taken
	now     int64 // milliseconds of the hub's clock, read once per pass

	// Feeds: see feeds.go.
	byKey   map[uint64]int32              // the first feed of each feedKey
	byTopic map[*eventlog.Topic][]feedRef // the feeds of each topic
	readers []readers                     // by feed
	spare   []int32                       // unused indexes of feeds
	made    uint32                        // how many feeds were ever made

	// What only few streams have, by slot.
	handles  map[int32]*handle // of pumped streams
	hooks    map[int32]*HookData
	byUser   map[any]*HookData // the first of each user's
	linger   map[int32]int64   // ended streams: until when they wait for the peer to close
	assigned map[int32]uint64  // slots taken while commands are walking: loop.walked at the time

	// Work.
	waiting queue.Queue[*Admission] // streams to get a slot
	walks   []walk                  // commands under way, the oldest first
	walked  uint64                  // how many walks ever began
	jobs    queue.Queue[job]        // deliveries that are not done
	ready   []slotRef               // streams that had a full turn and have more to take
	sweptTo int                     // the slot where the sweep is
	sweepAt int64                   // when it goes on
	lagging lagSum                  // of the slots that it has inspected in this round
	opened  int64                   // when streams were last admitted

	events       []pollEvent
	peerAddress  *peerAddress // for Kick's predicate; nil until it is needed
	prefetchSink uint64       // keeps the compiler from removing prefetch
}

func newShard(d *Delivery, index int) *shard {
	s := &shard{delivery: d, host: &d.host, index: index}
	limits := &d.host.Limits
	// A slot is swept every quarter of the interval. A heartbeat is sent by the first sweep
	// after three quarters of silence: the one after that might be too late.
	heartbeat := limits.Heartbeat.Milliseconds()
	s.machine = s.host.machine(cursor.NewWorkspace(s.host.History, true), heartbeat-heartbeat/sweepsPerHeartbeat, limits.WriteTimeout)
	s.every = longestSweep
	if heartbeat > 0 {
		s.every = min(max(heartbeat/sweepsPerHeartbeat, 1), longestSweep)
	}
	if age := limits.MaxAge.Milliseconds(); age > 0 {
		s.every = min(s.every, max(age/sweepsPerAge, 1))
	}
	return s
}

// bit is the shard's bit in Topic.Shards and Topic.Notified.
func (s *shard) bit() uint64 { return 1 << s.index }

// shardOf returns the index of the shard with that bit.
func shardOf(bit uint64) int { return bits.TrailingZeros64(bit) }

// The inbox. Each method may be called by any goroutine.

// fullIntake is how many streams in the intake wake the loop, even if all can wait.
const fullIntake = 256

// admit hands a stream to the loop, and starts the loop if it is not running. It fails if
// it cannot be started, or if the hub is closed.
func (s *shard) admit(a *Admission) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host.State() == Closed { // Close may have returned: no loop may start
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
		// An event must wake the loop. The loop may clear the bit when another reader
		// leaves, but then it looks into the inbox before it sleeps.
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

// pumpDone tells the loop that a pump has ended.
func (s *shard) pumpDone(h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, h)
	s.wakeLocked()
}

// send gives the loop a command for all streams, including those in the intake.
func (s *shard) send(c command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.commands = append(s.commands, c)
		s.wakeLocked()
	}
}

// wakeLocked wakes the loop if it is dozing or asleep. The caller holds s.mu.
func (s *shard) wakeLocked() {
	s.wakeFrom(dozing)
	s.wakeFrom(asleep)
}

// wakeFrom wakes the loop if it is resting in that way. The caller holds s.mu.
func (s *shard) wakeFrom(rest int32) {
	if s.rest.CompareAndSwap(rest, awake) {
		s.waker.Wake()
	}
}
