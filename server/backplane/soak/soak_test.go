// Package soak_test holds hubs on a backplane to their promises: see TestSoak.
package soak_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane"
)

var (
	soakFor    = flag.Duration("soak", 0, "how long TestSoak runs; 0: 20s where CI is set, 10s elsewhere, 5s with -short")
	soakSeed   = flag.Uint64("soak.seed", 0, "what TestSoak draws its rounds from; 0: another each time")
	soakFirst  = flag.Int("soak.round", 1, "the round that TestSoak begins with, to try a failure again")
	soakBroker = flag.String("soak.broker", "", "the broker of all rounds: memory, nats, embedded or redis; empty: drawn")
	soakLosses = flag.String("soak.losses", "", "how events are lost in all rounds: purges, remakes or limits; empty: drawn")
	soakGoOn   = flag.Bool("soak.goon", false, "go on after a finding")
)

// TestSoak is the proof that nothing is lost silently by hubs of several processes on one
// broker, whatever is killed: hubs, the broker, the network between them. Each client's
// stream is held against a ledger of what was published, and of what publishers were told.
//
//	go test -run Soak ./server/backplane/soak -soak 10m
//
// A failure prints the seed and the round; with both it draws the same round again, though
// not the same timing.
func TestSoak(t *testing.T) {
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
	list := kinds(seed)
	if len(list) == 0 {
		t.Fatalf("there are no rounds with -soak.broker %q and -soak.losses %q here", *soakBroker, *soakLosses)
	}
	until := time.Now().Add(length)
	for n := *soakFirst; (*soakGoOn || !t.Failed()) && time.Now().Before(until); n++ {
		t.Run(fmt.Sprint("round ", n), func(t *testing.T) { runRound(t, list[n%len(list)], seed, n, time.Until(until)) })
	}
}

// round is some seconds with a broker and hubs of their own.
type round struct {
	t      *testing.T
	plan   plan
	broker *broker
	book   *ledger
	http   *http.Client
	began  time.Time

	hurry   chan struct{} // closed when the round comes to its end: nobody rests any more
	last    chan struct{} // closed when the last event is published
	stopped atomic.Bool   // publishers have to end

	refused, unknown atomic.Int64 // attempts to publish
	lastPlace        place        // of the last event; set before last is closed

	steady sync.Mutex // held while hubs are replaced, or have to stay; before mu

	mu        sync.Mutex // guards all below
	nodes     []*node
	gone      []*node
	nodesEver int
	seen      []*session
	open      map[*session]bool
	done      []string // the acts
	samples   []sample
	troubles  []trouble
	figures   server.BackplaneStats // of hubs that were drained

	served     map[int][]service // by hub; the report's
	gaps, vain map[string]int    // by reason, and by why nothing was missing; judge's
}

func runRound(t *testing.T, k kind, seed uint64, n int, left time.Duration) {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	p := somePlan(random, k)
	p.length = min(p.length, max(left, time.Second))
	before := goroutines()
	r := newRound(t, p)
	r.run(random)
	r.noneLeft(before)
	r.report(seed, n)
}

func newRound(t *testing.T, p plan) *round {
	r := &round{
		t: t, plan: p, book: newLedger(), began: time.Now(), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}},
		hurry: make(chan struct{}), last: make(chan struct{}), gaps: map[string]int{}, vain: map[string]int{}, open: map[*session]bool{},
	}
	var once atomic.Int64
	r.plan.Once = func() int { return int(once.Add(1)) }
	where := "here"
	if p.children {
		where = "in processes of their own"
	}
	t.Logf("%s, %d entries, %d hubs %s, purges %v, remakes %v, %v, %v", p.feed.Broker, p.feed.Entries, p.hubs, where, p.purges, p.remakes, p.length, p.config.SlowSubscribers)
	r.book.waits = min(time.Second, p.config.PublishTimeout) * 3 / 4
	r.broker = newBroker(t, p.feed)
	r.broker.Entries = p.feed.Entries
	return r
}

// run does all that is done, until nothing runs any more.
func (r *round) run(random *rand.Rand) {
	var publishers, actors, clients sync.WaitGroup
	spawn := func(group *sync.WaitGroup, f func(*rand.Rand)) {
		random := rand.New(rand.NewPCG(random.Uint64(), 1))
		group.Go(func() { f(random) })
	}
	r.fill()
	for i := range 2 + random.IntN(3) {
		spawn(&publishers, func(random *rand.Rand) { r.publisher(i, random) })
	}
	for i := range 10 + random.IntN(25) {
		spawn(&clients, func(random *rand.Rand) { r.client(i, random) })
	}
	for i := range watchers {
		spawn(&clients, func(random *rand.Rand) { r.watcher(i, random) })
	}
	for i := range returners {
		spawn(&clients, func(random *rand.Rand) { r.returner(i, random) })
	}
	var observer sync.WaitGroup
	observer.Go(r.observe)
	hubs, brokers, first := r.acts()
	spawn(&actors, func(random *rand.Rand) { r.perform(random, hubs, nil) })
	spawn(&actors, func(random *rand.Rand) { r.perform(random, brokers, first) })
	r.rest(r.plan.length)
	close(r.hurry)
	r.within("the acts end", 2*startsFor, actors.Wait)
	r.stopped.Store(true)
	r.within("the publishers end", retriesFor+2*answerWithin, publishers.Wait)
	r.publishLast(random)
	r.within("the clients end", 2*finaleWithin, clients.Wait)
	r.within("the observer ends", finaleWithin, observer.Wait)
	r.compareBroker()
	for n := r.pick(random); n != nil; n = r.pick(random) {
		r.count(n)
		if err := n.drain(); err != nil {
			r.t.Errorf("hub %d is drained at the end: %v\n%s", n.number, err, n.says())
		}
	}
	r.http.CloseIdleConnections()
}

// within waits, and fails the test with the stacks of all goroutines if that takes long.
func (r *round) within(what string, limit time.Duration, f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(limit):
		var b strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
		r.t.Fatalf("HANGS: not within %v: %s\n%s", limit, what, &b)
	}
}

// publishLast publishes the event that ends all streams.
func (r *round) publishLast(random *rand.Rand) {
	b := r.book.enter(r.clock())
	b.last, b.key = true, fmt.Sprintf("the last one %x", random.Uint64())
	r.post(b, lastTopic, random)
	b.postings[0].ephemeral = false
	r.publish(b, random)
	if !b.stored {
		r.t.Errorf("HANGS: the last event is not published within %v", retriesFor)
	}
	for epoch, entry := range b.entries {
		r.lastPlace = place{epoch, entry * perEntry}
	}
	close(r.last)
}

// compareBroker notes what the broker holds at the end.
func (r *round) compareBroker() {
	if r.broker.Broker == "embedded" {
		return
	}
	b, done := r.broker.look()
	defer done()
	if b == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	st, err := b.State(ctx)
	if err != nil {
		r.t.Errorf("state of the feed at the end: %v", err)
		return
	}
	held := map[uint64]bool{}
	for after := (backplane.Position{Epoch: st.Epoch}); ; {
		page, err := b.Read(ctx, after, 256)
		if err != nil {
			r.t.Errorf("read the feed at the end: %v", err)
			return
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			after.Seq, held[e.Seq] = e.Seq, true
			r.recognise(place{st.Epoch, e.Seq * perEntry}, e.Data)
		}
	}
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	for seq, b := range r.book.entries[st.Epoch] {
		if seq >= st.First && !held[seq] {
			r.book.blameLocked("LOST: the broker, which holds %d to %d, does not hold entry %d, which is batch %d", st.First, st.Last, seq, b.n)
		}
	}
}

// recognise notes which batch an entry is.
func (r *round) recognise(at place, data []byte) {
	for i := range data {
		if p := r.book.find(data[i:min(len(data), i+24)]); data[i] == '@' && p != nil {
			r.book.locate(p, at, "the broker holds it")
			return
		}
	}
	r.book.blame("nobody has published the entry %v", at)
}

// clock is the round's.
func (r *round) clock() time.Duration { return time.Since(r.began) }

// generation changes several times a second.
func (r *round) generation() int { return int(r.clock() / (200 * time.Millisecond)) }

// ending says whether the round comes to its end.
func (r *round) ending() bool {
	select {
	case <-r.hurry:
		return true
	default:
		return false
	}
}

// rest waits for d or the round's end.
func (r *round) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.hurry:
	}
}

// node is one of the hubs; nil if there is none now.
func (r *round) node(random *rand.Rand) *node {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.nodes) == 0 {
		return nil
	}
	return r.nodes[random.IntN(len(r.nodes))]
}

func (r *round) keep(v *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, v)
	delete(r.open, v)
}

// expect notes a stream that is open.
func (r *round) expect(v *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[v] = true
}

func (r *round) note(a act, from, to time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, fmt.Sprintf("%s, %v to %v", a.name, from, to))
	if a.name != "kick" && a.name != "replace" {
		r.troubles = append(r.troubles, trouble{from, to})
	}
}

// goroutines are the stacks of goroutines that work for hubs and feeds.
func goroutines() (stacks []string) {
	var profile strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		for _, part := range []string{"fastsse/server.", "internal/delivery.", "backplane/nats.", "backplane/redis.", "soak_test.(*network)"} {
			if strings.Contains(stack, part) {
				stacks = append(stacks, stack)
				break
			}
		}
	}
	return stacks
}

// noneLeft checks that all has ended.
func (r *round) noneLeft(before []string) {
	var left []string
	if !testkit.Soon(testkit.Patience, func() bool { left = goroutines(); return len(left) <= len(before) }) {
		r.t.Errorf("at the round's end goroutines go on:\n%s", strings.Join(left, "\n\n"))
	}
}

// report judges all streams.
func (r *round) report(seed uint64, n int) {
	for _, v := range r.seen {
		r.locateAll(v)
	}
	r.book.settle()
	r.served = r.services()
	again := fmt.Sprintf("try again with -soak.seed %d -soak.round %d:", seed, n)
	blocks, findings := 0, 0
	for _, v := range r.seen {
		blocks += len(v.got)
		if err := r.judge(v); err != nil {
			if findings++; findings <= 3 {
				r.t.Errorf("%s\n%v\n%v", again, err, r.story(v))
			}
		}
	}
	slices.Sort(r.book.wrong)
	for _, what := range r.book.wrong[:min(len(r.book.wrong), 5)] {
		r.t.Errorf("%s\n%s", again, what)
	}
	findings += len(r.book.wrong)
	if findings > 0 {
		r.t.Logf("acts:\n%s", strings.Join(r.done, "\n"))
		for _, n := range r.gone {
			r.t.Logf("hub %d said:\n%s", n.number, n.says())
		}
	}
	r.t.Logf("%v: %d batches (%d refused, %d unknown, %d repeated), %d epochs, %d acts, %d hubs, %d streams, %d blocks, %d read back, %d losses, gaps %v of which in vain %v, %d findings",
		r.clock().Round(time.Millisecond), len(r.book.batches), r.refused.Load(), r.unknown.Load(), r.book.keyed, len(r.book.epochs),
		len(r.done), r.nodesEver, len(r.seen), blocks, r.figures.ReadBacks, r.figures.Losses, r.gaps, r.vain, findings)
}

// locateAll notes where a client saw events.
func (r *round) locateAll(v *session) {
	for _, got := range v.got {
		if got.Kind != soak.Event {
			continue
		}
		p := r.book.find(got.Data)
		if at, ok := native(got.ID); ok && p != nil {
			r.book.locate(p, at, fmt.Sprintf("client %d got it from hub %d", v.client, v.node))
		}
	}
}

// story is what is to be known of a stream, with its first and last lines.
func (r *round) story(v *session) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  stream of client %d at hub %d, %s %s, topics %v, Last-Event-ID %q, asked at %v, ended at %v (%s, %v)\n",
		v.client, v.node, v.path, v.proto, v.topics, v.lastID, v.asked, v.ended, v.end, v.endErr)
	fmt.Fprintf(&b, "  %d blocks:\n", len(v.got))
	for i, got := range v.got {
		if i < 6 || i >= len(v.got)-6 {
			fmt.Fprintf(&b, "    %d %v %q\n", i+1, got, got.Data)
		}
	}
	return b.String()
}
