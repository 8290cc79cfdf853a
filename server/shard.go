package server

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// shard owns some of the streams. One goroutine, its loop, does everything to
// them; others only put work into its inbox. The loop runs while there are
// streams, and not otherwise.
type shard struct {
	hub   *Hub
	index int
	every int64 // milliseconds between two looks at a seat

	// inbox: what others hand to the loop.
	mu      sync.Mutex // guards the lists, running and waiter
	intake  []*newcomer
	leaves  []*driver
	topics  []*topic // with news
	orders  []order
	running bool
	waiter  waiter       // wakes the loop; nil while it does not run
	rest    atomic.Int32 // of the loop: awake, dozing or asleep; who brings work must wake it

	tally tally // counters of the loop, for Stats

	loop // owned by the loop
}

// loop is what the shard's goroutine owns.
type loop struct {
	machine machine
	seats   seats
	live    int                // seats taken
	byKey   map[string]int32   // feeds by their topics and framing
	byTopic map[*topic][]int32 // the feeds that a topic's news concern
	readers []readers          // of each feed
	drivers map[int32]*driver  // streamed subscribers, by seat
	parties map[int32]*party   // what a subscriber's handler wants known of it, by seat
	spare   []int32            // unused indexes of feeds
	made    uint32             // feeds made so far
	jobs    queue[job]         // rounds that are not finished
	hungry  []seatRef          // streams with more to take than one turn gave
	linger  map[int32]int64    // ended, waiting for the peer's FIN until then
	opened  int64              // when streams were seated last
	swept   int                // where the sweep is
	sweepAt int64
	touched uint64 // of no meaning
	now     int64
	io      shardIO
}

// readers are the streams of one feed.
type readers struct {
	key    string
	made   uint32 // tells feeds with the same index apart
	seats  []int32
	queued bool // there is a job for the feed
	again  bool // and news came while it was under way
}

// job is a round of deliveries to a feed's readers, from the last down to the
// first: who leaves meanwhile is replaced by one who was served.
type job struct {
	feed int32
	made uint32
	left int
}

// newcomer is a stream on its way to its shard.
type newcomer struct {
	stream  stream
	topics  []*topic
	framing framing
	gap     string // why it gets a gap first; empty: it does not
	excused uint64 // what the gap tells of; 0: nothing
	rest    []byte // of its head, not yet written
	party   *party // nil: there is nothing to know
	sock    parkedSocket
	sink    bool    // sock is no socket: there is nothing to hear of it (benchmarks)
	driver  *driver // streamed: the goroutine that does the I/O
}

// patient reports whether the newcomer may wait for the loop to look by itself:
// it has all that it is owed up to the head.
func (n *newcomer) patient(head uint64) bool {
	return n.driver == nil && n.rest == nil && n.stream.next > head
}

// How soundly a loop rests.
const (
	awake  int32 = iota
	dozing       // for a few milliseconds
	asleep
)

// order is a command to all streams of a shard.
type order struct {
	kind  orderKind
	until uint64                // drainAll
	why   Reason                // cutAll
	pick  func(Subscriber) bool // kickSome
}

type orderKind uint8

const (
	drainAll orderKind = iota
	cutAll
	kickSome
)

const (
	// writesPerRound bounds the deliveries between two looks at everything
	// else: a flood on one topic must not delay a goal on another.
	writesPerRound = 256
	// touchedAhead is how many seats are loaded ahead of their turn.
	touchedAhead = 16
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
	s.machine = machine{epoch: h.epoch, gapType: h.cfg.GapType, slow: h.cfg.SlowReaders, retry: h.cfg.Retry}
	// A sweep passes every quarter of the interval: beat a quarter early.
	beat := h.cfg.Heartbeat.Milliseconds()
	s.machine.every = beat - beat/sweepsPerBeat
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
func (s *shard) admit(n *newcomer) error {
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
		s.hub.loops.Add(1)
		go s.run()
	}
	s.intake = append(s.intake, n)
	for _, t := range n.topics {
		// Its news must wake the loop. The loop may take the bit back when
		// another reader leaves, but not without looking into the inbox.
		t.shards.Or(s.bit())
	}
	if n.patient(s.hub.committed.Load()) && len(s.intake) < fullIntake {
		s.wakeFrom(asleep)
	} else {
		s.wakeLocked()
	}
	return nil
}

// news says that t has new events. Its rung bit is set.
func (s *shard) news(t *topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running { // its readers have just left: whoever comes next must be rung for again
		t.rung.And(^s.bit())
		return
	}
	s.topics = append(s.topics, t)
	s.wakeLocked()
}

// dismiss says that a streamed subscriber's goroutine is done with it.
func (s *shard) dismiss(d *driver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaves = append(s.leaves, d)
	s.wakeLocked()
}

// command gives an order to all streams, also to those still in the intake.
func (s *shard) command(o order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.orders = append(s.orders, o)
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
	defer s.hub.loops.Done()
	for {
		s.now = s.hub.now()
		s.empty()
		s.round()
		s.sweep()
		s.report()
		if s.idle() {
			if s.stop() {
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
func (s *shard) idle() bool { return s.jobs.len() == 0 && len(s.hungry) == 0 }

func (s *shard) hasMail() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.intake)+len(s.leaves)+len(s.topics)+len(s.orders) > 0
}

// stop ends the loop if there is no stream left and none coming.
func (s *shard) stop() bool {
	if s.live > 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.intake)+len(s.leaves)+len(s.orders) > 0 {
		return false
	}
	for _, t := range s.topics {
		t.rung.And(^s.bit())
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

// empty takes everything out of the inbox.
func (s *shard) empty() {
	s.mu.Lock()
	intake, leaves, topics, orders := s.intake, s.leaves, s.topics, s.orders
	s.intake, s.leaves, s.topics, s.orders = nil, nil, nil, nil
	s.mu.Unlock()

	if len(intake) > 0 {
		s.opened = s.now
	}
	for _, n := range intake {
		s.seat(n)
	}
	for _, d := range leaves {
		s.vacate(d.seat)
	}
	for _, t := range topics {
		// First the bit, then the look: what comes in between rings again.
		t.rung.And(^s.bit())
		for _, f := range s.byTopic[t] {
			s.enqueue(f)
		}
	}
	for _, o := range orders {
		s.obey(o)
	}
}

// seat gives a newcomer its place.
func (s *shard) seat(n *newcomer) {
	i := s.seats.take()
	st := s.seats.at(i)
	st.stream = n.stream
	st.feed = s.feed(n.topics, n.framing)
	st.parkedSocket = n.sock
	s.live++
	if n.party != nil {
		put(&s.parties, i, n.party)
	}
	if d := n.driver; d != nil {
		d.seat = i
		st.fd = noDescriptor
		put(&s.drivers, i, d)
	}
	r := &s.readers[st.feed]
	st.pos = int32(len(r.seats))
	r.seats = append(r.seats, i)
	s.machine.owe(i, &st.stream, owing{bytes: n.rest})
	if n.excused > 0 {
		s.machine.excuse(i, n.excused)
	}
	if n.driver == nil && !n.sink && !s.io.watch(st.fd, seatRef{i, st.gen}) {
		s.hangUp(i, ReasonError)
		return
	}
	switch s.hub.state.Load() { // it may have come while the orders went out
	case hubOpen:
		s.deliver(i)
	case hubDraining:
		s.machine.until = max(s.machine.until, s.hub.committed.Load())
		s.endSeat(i, draining, ReasonDrain)
		s.deliver(i)
	default:
		s.cut(i, st, ReasonClosed)
	}
}

// feed finds or makes the feed for topics with that framing.
func (s *shard) feed(topics []*topic, fr framing) int32 {
	key := feedKey(topics, fr)
	if f, ok := s.byKey[key]; ok {
		s.hub.releaseAll(topics) // the feed has its own references
		return f
	}
	f := s.freeFeed()
	s.machine.feeds[f] = &feed{topics: topics, framing: fr, committed: s.hub.committed.Load}
	s.made++
	s.readers[f] = readers{key: key, made: s.made}
	put(&s.byKey, key, f)
	for _, t := range topics {
		put(&s.byTopic, t, append(s.byTopic[t], f))
		t.shards.Or(s.bit())
	}
	return f
}

// freeFeed returns an unused index for a feed.
func (s *shard) freeFeed() int32 {
	if n := len(s.spare); n > 0 {
		f := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return f
	}
	s.machine.feeds = append(s.machine.feeds, nil)
	s.readers = append(s.readers, readers{})
	return int32(len(s.readers) - 1)
}

// feedKey tells feeds apart: by their topics, in the order of their names, and
// their framing.
func feedKey(topics []*topic, fr framing) string {
	key := []byte{byte(fr)}
	for _, t := range topics {
		key = binary.AppendUvarint(key, uint64(len(t.name)))
		key = append(key, t.name...)
	}
	return string(key)
}

// dropFeed forgets a feed without readers.
func (s *shard) dropFeed(i int32) {
	f := s.machine.feeds[i]
	delete(s.byKey, s.readers[i].key)
	s.machine.feeds[i] = nil
	s.readers[i] = readers{}
	s.spare = append(s.spare, i)
	for _, t := range f.topics {
		feeds := s.byTopic[t]
		feeds = slices.DeleteFunc(feeds, func(g int32) bool { return g == i })
		if len(feeds) > 0 {
			s.byTopic[t] = feeds
			continue
		}
		delete(s.byTopic, t)
		t.shards.And(^s.bit())
	}
	s.hub.releaseAll(f.topics)
}

// enqueue starts a round for the readers of a feed, or has the one under way
// done again.
func (s *shard) enqueue(f int32) {
	r := &s.readers[f]
	if r.queued {
		r.again = true
		return
	}
	r.queued = true
	s.jobs.push(job{feed: f, made: r.made, left: len(r.seats)})
}

// round delivers to a limited number of readers, and lets the next job come
// first the next time.
func (s *shard) round() {
	for budget := writesPerRound; budget > 0 && s.jobs.len() > 0; {
		j := s.jobs.pop()
		r := &s.readers[j.feed]
		for r.made == j.made && budget > 0 {
			j.left = min(j.left, len(r.seats))
			if j.left == 0 {
				break
			}
			if j.left%touchedAhead == 0 || budget == writesPerRound {
				s.touch(r.seats[max(j.left-touchedAhead, 0):j.left])
			}
			j.left--
			budget--
			s.deliver(r.seats[j.left])
		}
		if r.made == j.made { // else its last reader has left
			s.requeue(j, r)
		}
	}
	s.feedHungry()
}

// touch loads seats into the processor's caches all at once, before each is
// needed: with a million of them every one is a miss, and misses that overlap
// cost a tenth of misses that wait for each other (BenchmarkPublish).
func (s *shard) touch(seats []int32) {
	var sum uint64
	for _, i := range seats {
		sum += s.seats.at(i).next
	}
	s.touched = sum // or the compiler would leave it out
}

// requeue puts a job that is not done behind the others.
func (s *shard) requeue(j job, r *readers) {
	if j.left == 0 {
		if !r.again {
			r.queued = false
			return
		}
		r.again = false
		j.left = len(r.seats)
	}
	s.jobs.push(j)
}

// feedHungry gives another turn to those that did not get all in one.
func (s *shard) feedHungry() {
	n := min(len(s.hungry), writesPerRound/turnsPerVisit)
	for _, ref := range s.hungry[:n] {
		if st, ok := s.seats.get(ref); ok {
			st.hungry = false
			s.deliver(ref.seat)
		}
	}
	s.hungry = append(s.hungry[:0], s.hungry[n:]...)
	if len(s.hungry) == 0 {
		s.hungry = nil
	}
}

// deliver gives a reader what there is for it, a few writes at most.
func (s *shard) deliver(i int32) {
	st := s.seats.at(i)
	if st.fd == noDescriptor {
		if d := s.drivers[i]; d != nil {
			d.ring()
		}
		return
	}
	if st.lagging || st.lingering {
		return
	}
	m := &s.machine
	for range turnsPerVisit {
		b := m.next(i, &st.stream, s.now)
		if b == nil {
			s.endIfOver(i, st)
			return
		}
		n, err := st.write(b)
		if err != nil {
			s.hangUp(i, ReasonClient)
			return
		}
		m.took(i, &st.stream, n, s.now)
		if n < len(b) {
			st.lagging = true
			return
		}
		if st.phase >= over {
			s.endIfOver(i, st)
			return
		}
	}
	if !st.hungry {
		st.hungry = true
		s.hungry = append(s.hungry, seatRef{i, st.gen})
	}
}

// endIfOver closes the connection of a stream that has ended.
func (s *shard) endIfOver(i int32, st *seat) {
	switch st.phase {
	case over:
		s.startLinger(i, st)
	case broken:
		s.hangUp(i, st.reason)
	}
}

// startLinger has told the peer all: it waits for the peer to close, because
// closing with unread input would reset the connection and destroy what is on
// the way.
func (s *shard) startLinger(i int32, st *seat) {
	st.shutdownWrite()
	s.bid(i, st, st.reason)
	st.lingering = true
	put(&s.linger, i, s.now+lingerFor.Milliseconds())
}

// hangUp closes a connection at once.
func (s *shard) hangUp(i int32, why Reason) {
	st := s.seats.at(i)
	if !st.lingering {
		s.bid(i, st, why)
	}
	s.io.remove(st.fd)
	st.close()
	delete(s.linger, i)
	s.free(i, st)
}

// bid takes leave of a subscriber.
func (s *shard) bid(i int32, st *seat, why Reason) {
	if p := s.parties[i]; p != nil {
		s.hub.closings.add(p, s.subscriber(i), why)
		delete(s.parties, i)
	}
	s.leaveFeed(st)
	if st.fd != noDescriptor {
		s.hub.counters.parked.Add(-1)
	}
	s.hub.left(why)
}

// vacate frees the seat of a streamed subscriber whose goroutine has ended.
func (s *shard) vacate(i int32) {
	st := s.seats.at(i)
	s.bid(i, st, s.drivers[i].reason)
	delete(s.drivers, i)
	s.free(i, st)
}

func (s *shard) free(i int32, st *seat) {
	s.machine.forget(i)
	s.seats.give(i)
	s.live--
}

// leaveFeed takes a stream off its feed's readers.
func (s *shard) leaveFeed(st *seat) {
	f := st.feed
	r := &s.readers[f]
	for _, t := range s.machine.feeds[f].topics {
		t.readers.Add(-1)
	}
	last := r.seats[len(r.seats)-1]
	r.seats[st.pos] = last
	s.seats.at(last).pos = st.pos
	r.seats = r.seats[:len(r.seats)-1]
	if len(r.seats) == 0 {
		s.dropFeed(f)
	}
}

// obey carries out an order.
func (s *shard) obey(o order) {
	if o.kind == drainAll {
		s.machine.until = o.until
	}
	s.seats.each(func(i int32, st *seat) {
		switch o.kind {
		case drainAll:
			s.endSeat(i, draining, ReasonDrain)
			s.deliver(i)
		case kickSome:
			if !st.lingering && s.picked(o.pick, i) {
				s.endSeat(i, leaving, ReasonKicked)
				s.deliver(i)
			}
		case cutAll:
			s.cut(i, st, o.why)
		}
	})
}

// picked asks an application's predicate about a stream.
func (s *shard) picked(pick func(Subscriber) bool, i int32) (yes bool) {
	defer survive(s.hub.logger(), "Kick's predicate")
	return pick(s.subscriber(i))
}

// endSeat makes a stream part soon.
func (s *shard) endSeat(i int32, how phase, why Reason) {
	if d := s.drivers[i]; d != nil {
		d.end(how, why, s.machine.until)
		return
	}
	s.seats.at(i).end(how, why)
}

// cut ends a stream now: with its last words if it can take them, without if
// not.
func (s *shard) cut(i int32, st *seat, why Reason) {
	if d := s.drivers[i]; d != nil {
		d.end(leaving, why, 0)
		d.abort()
		return
	}
	st.end(leaving, why)
	s.deliver(i)
	if st.taken {
		s.hangUp(i, why)
	}
}

// subscriber describes the stream in a seat.
func (s *shard) subscriber(i int32) Subscriber {
	st := s.seats.at(i)
	var sub Subscriber
	for _, t := range s.machine.feeds[st.feed].topics {
		sub.Topics = append(sub.Topics, t.name)
	}
	if p := s.parties[i]; p != nil {
		sub.User, sub.RemoteAddr = p.user, p.remoteAddr
	}
	switch d := s.drivers[i]; {
	case sub.RemoteAddr != "":
	case d != nil:
		sub.RemoteAddr = d.remoteAddr()
	default:
		sub.RemoteAddr = st.remoteAddr()
	}
	return sub
}

// sweep looks at a part of the seats: heartbeats, age, slow readers, peers that
// vanished. Each seat's turn comes several times a heartbeat interval.
func (s *shard) sweep() {
	if s.now < s.sweepAt {
		return
	}
	steps := min(int64(s.live), 64, s.every)
	if steps == 0 {
		s.sweepAt = s.now + s.every
		return
	}
	s.sweepAt = s.now + max(s.every/steps, 1)
	part := (s.seats.size() + int(steps) - 1) / int(steps)
	for range part {
		s.swept = (s.swept + 1) % s.seats.size()
		if i := int32(s.swept); s.seats.at(i).taken {
			s.inspect(i)
		}
	}
	for i, until := range s.linger {
		if s.now >= until {
			s.hangUp(i, 0) // its reason is known already
		}
	}
}

// inspect is one seat's part of the sweep.
func (s *shard) inspect(i int32) {
	st := s.seats.at(i)
	switch {
	case st.fd == noDescriptor || st.lingering: // its goroutine looks after it; or soon gone
		return
	case s.vanished(st):
		s.hangUp(i, ReasonVanished)
		return
	case st.phase == parting && s.now-st.wrote >= lingerFor.Milliseconds():
		s.hangUp(i, st.reason) // it does not take its last words
		return
	}
	// Who is too old before the next look is old enough.
	s.machine.age(&st.stream, s.now+s.every)
	if st.lagging { // it may have fallen off the log, which nothing else would tell
		st.lagging = false
	}
	s.deliver(i)
}

// vanished reports whether the peer of a stream has gone without a word: it has
// not acknowledged what was sent for vanishedAfter.
func (s *shard) vanished(st *seat) bool {
	if st.silent == 0 {
		if st.parkedSocket.silent(0) {
			st.silent = s.now
		}
		return false
	}
	quiet := s.now - st.silent
	if !st.parkedSocket.silent(quiet) {
		st.silent = 0
		return false
	}
	return quiet >= vanishedAfter.Milliseconds()
}

// report copies the loop's counters to where Stats reads them.
func (s *shard) report() {
	s.tally.delivered.Store(s.machine.events)
	s.tally.gaps.Store(s.machine.gaps)
	s.tally.aborted.Store(s.machine.aborted)
}

// put sets a key of a map that may be nil.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}
