package server_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

var (
	soakFor   = flag.Duration("soak", 0, "how long TestSoak runs; 0: 20s where CI is set, 10s elsewhere, 5s with -short")
	soakSeed  = flag.Uint64("soak.seed", 0, "what TestSoak draws its rounds from; 0: another each time")
	soakFirst = flag.Int("soak.round", 1, "the round that TestSoak begins with, to try a failure again")
)

// TestSoak is the proof of promise 3: nothing is lost silently. Publishers,
// clients of all manners, kicks, evictions, drains: and each client's stream is
// held against a ledger of what was published.
//
//	go test -run Soak ./server -soak 10m
//
// A failure prints the seed and the round; with both it draws the same round
// again, though not the same timing.
func TestSoak(t *testing.T) {
	t.Parallel()
	length := *soakFor
	switch {
	case length > 0:
	case testing.Short():
		length = 5 * time.Second
	default:
		length = 10 * time.Second
		if os.Getenv("CI") != "" {
			length = 20 * time.Second
		}
	}
	seed := *soakSeed
	for seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-soak.seed %d", seed)
	until := time.Now().Add(length)
	for n := *soakFirst; !t.Failed() && time.Now().Before(until); n++ {
		t.Run(fmt.Sprint("round ", n), func(t *testing.T) { runSoakRound(t, seed, n, time.Until(until)) })
	}
}

// soakRound is some seconds with a hub of their own.
type soakRound struct {
	t       *testing.T
	plan    plan
	config  server.Config
	harness *harness
	book    *soakLedger
	began   time.Time

	visits  atomic.Uint64
	hurry   chan struct{}  // closed when the round comes to its end: nobody rests any more
	stopped atomic.Bool    // publishers have to end
	closing atomic.Bool    // nobody has to come back
	arrived sync.WaitGroup // the clients, there for the end

	mu      sync.Mutex // guards all below
	seen    []*session
	endings map[uint64]server.Reason

	// Set by finish.
	drained    bool // a Drain has ended all streams
	drainBegan time.Duration
	drainSeq   uint64
}

func runSoakRound(t *testing.T, seed uint64, n int, left time.Duration) {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	r := newSoakRound(t, random)
	r.plan.length = min(r.plan.length, max(left, time.Second))
	for i := range soak.KeptTopics { // so that they are there before anything is forgotten
		r.publish([]server.Message{soakMessage(random, soak.KeptTopic(i), 10)})
	}
	var publishers, actors, clients sync.WaitGroup
	spawn := func(group *sync.WaitGroup, f func(*rand.Rand)) {
		random := rand.New(rand.NewPCG(random.Uint64(), 1))
		group.Go(func() { f(random) })
	}
	for i := range 2 + random.IntN(4) {
		spawn(&publishers, func(random *rand.Rand) { r.publisher(i, random) })
	}
	count := 10 + random.IntN(40)
	r.arrived.Add(count)
	for i := range count {
		spawn(&clients, func(random *rand.Rand) { r.client(i, random) })
	}
	spawn(&actors, r.kicker)
	spawn(&actors, r.latecomers)
	if r.plan.evicts {
		spawn(&actors, r.stormer)
	}
	if r.plan.Churn {
		spawn(&actors, func(*rand.Rand) { r.collector() })
	}
	r.rest(r.plan.length)
	close(r.hurry)
	testkit.Within(t, "the kicks and storms end", actors.Wait)
	r.finish(random, &publishers)
	testkit.Within(t, "the clients end", clients.Wait)
	r.report(seed, n)
}

func newSoakRound(t *testing.T, random *rand.Rand) *soakRound {
	r := &soakRound{t: t, began: time.Now(), hurry: make(chan struct{}), endings: map[uint64]server.Reason{}}
	r.plan, r.config = somePlan(random)
	var once atomic.Int64
	r.plan.Once = func() int { return int(once.Add(1)) }
	kind := twoKinds[random.IntN(len(twoKinds))]
	gap := server.GapEvent{Comment: random.IntN(3) == 0}
	r.harness = newHarness(t, kind, setup{config: r.config, subscribe: server.SubscribeOptions{
		Gap: gap,
		Authorize: func(ctx *fasthttp.RequestCtx, s *server.Subscription) error {
			n, err := ctx.QueryArgs().GetUint("n")
			s.User = uint64(n)
			return err
		},
		OnOpen: func(_ server.Subscriber, w *streamwriter.Writer) error { return w.SendString("hello", "hello") },
		OnClose: func(s server.Subscriber, why server.Reason) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.endings[s.User.(uint64)] = why
		},
	}})
	epoch, _, _ := strings.Cut(r.harness.hub.LastID(), "-")
	r.book = &soakLedger{epoch: epoch, ephemeral: func(topic string) bool {
		for _, w := range r.config.Retention {
			if w.Topics == "*" || soak.Matches(w.Topics, topic) {
				return w.Ephemeral
			}
		}
		return false
	}}
	t.Logf("%s, %s, ends with %s after %v; %+v, %+v", kind.name, r.plan.name, r.plan.end, r.plan.length, r.config, gap)
	return r
}

// clock is the round's.
func (r *soakRound) clock() time.Duration { return time.Since(r.began) }

// now is the hub's position.
func (r *soakRound) now() uint64 {
	seq, _ := r.book.native(r.harness.hub.LastID())
	return seq
}

// earlier is a position from a while ago.
func (r *soakRound) earlier(random *rand.Rand) string {
	now := r.now()
	return r.book.id(now - random.Uint64N(min(now, 3000)+1))
}

// generation changes several times a second.
func (r *soakRound) generation() int { return int(r.clock() / (200 * time.Millisecond)) }

// ending says whether the round comes to its end.
func (r *soakRound) ending() bool {
	select {
	case <-r.hurry:
		return true
	default:
		return false
	}
}

// rest waits for d or the round's end.
func (r *soakRound) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.hurry:
	}
}

// nap waits for d, also at the round's end.
func (r *soakRound) nap(d time.Duration) { time.Sleep(d) }

func (r *soakRound) keep(v *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, v)
}

// finish ends the hub as the plan says, and the publishers before or after.
func (r *soakRound) finish(random *rand.Rand, publishers *sync.WaitGroup) {
	stop := func() {
		r.stopped.Store(true)
		testkit.Within(r.t, "the publishers end", publishers.Wait)
	}
	switch r.plan.end {
	case "drain":
		if random.IntN(2) == 0 {
			stop()
		}
		testkit.Within(r.t, "the clients come back for the end", r.arrived.Wait)
		r.closing.Store(true)
		var burst []server.Message // which nobody has got yet when the drain begins
		for range 1 + random.IntN(200) {
			burst = append(burst, r.message(random))
		}
		r.publish(burst)
		r.drainSeq, r.drainBegan = r.now(), r.clock()
		if err := r.harness.hub.Drain(timeout(r.t, patience)); err != nil {
			r.t.Errorf("though everybody reads: %v", err)
		} else {
			r.drained = true
		}
	case "hasty drain":
		r.closing.Store(true)
		if err := r.harness.hub.Drain(timeout(r.t, time.Duration(random.IntN(30))*time.Millisecond)); err != nil {
			r.t.Log(err)
		}
	}
	r.closing.Store(true)
	if r.plan.end == "close" {
		testkit.Within(r.t, "the hub closes", func() { r.harness.hub.Close(context.Background()) })
	}
	stop()
	testkit.Within(r.t, "the hub closes", func() { r.harness.hub.Close(context.Background()) })
}

// report judges all visits.
func (r *soakRound) report(seed uint64, n int) {
	r.book.settle()
	if err := r.book.whole(); err != nil {
		r.t.Errorf("the ledger is not whole: %v", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	blocks, gaps, findings := 0, 0, 0
	for _, v := range r.seen {
		blocks += len(v.got)
		for _, got := range v.got {
			if got.Kind == soak.Gap {
				gaps++
			}
		}
		err := r.judge(v)
		if err == nil {
			continue
		}
		if findings++; findings <= 3 {
			r.t.Errorf("try again with -soak.seed %d -soak.round %d:\n%v\n%v", seed, n, err, r.story(v))
		}
	}
	r.t.Logf("%d events, %d streams, %d blocks, %d gaps, %d findings", len(r.book.postings), len(r.seen), blocks, gaps, findings)
}

// story is what is to be known of a visit, with its last lines.
func (r *soakRound) story(v *session) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  stream %d of client %d, %s %s, topics %v, Last-Event-ID %q, asked at %v, ended at %v (%s, %v, %v)\n",
		v.number, v.client, v.path, v.proto, v.topics, v.lastID, v.asked, v.ended, v.end, v.endErr, r.endings[v.number])
	fmt.Fprintf(&b, "  drain at %v, position %d; %d blocks, the last:\n", r.drainBegan, r.drainSeq, len(v.got))
	for _, got := range v.got[max(len(v.got)-8, 0):] {
		fmt.Fprintf(&b, "    %v\n", got)
	}
	return b.String()
}
