package soak_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

// act is something that happens in a round.
type act struct {
	name string
	do   func(*rand.Rand)
}

// acts returns what may happen to the hubs, and what to the broker and the network; of that,
// what happens first.
func (r *round) acts() (hubs, brokers, first []act) {
	hubs = []act{{"replace", r.replace}, {"replace", r.replace}, {"kill", r.killHub}, {"kick", r.kick}}
	if r.plan.children {
		hubs = append(hubs, act{"stall hub", r.stallHub})
	}
	if r.broker.Broker != "embedded" {
		brokers = append(brokers, act{"network", r.disturb}, act{"network", r.disturb})
	}
	if r.broker.process != nil {
		brokers = append(brokers, act{"kill broker", r.killBroker}, act{"kill broker", r.killBroker}, act{"stall broker", r.stallBroker})
	}
	if r.broker.memory != nil {
		brokers = append(brokers, act{"faults", r.faults})
	}
	if r.plan.purges {
		brokers = append(brokers, act{"purge", r.purge}, act{"purge unseen", r.unseen(r.purge)})
	}
	if r.plan.lossy() {
		first = append(first, act{"overtake", r.overtake})
	}
	if r.plan.remakes {
		brokers = append(brokers, act{"remake", r.remake}, act{"remake unseen", r.unseen(r.remake)})
		first = append(first, act{"outgrow, held", r.outgrow(weather{held: true})}, act{"outgrow, cut", r.outgrow(weather{cut: true})})
	}
	return r.steadily(hubs), append(brokers, first...), first
}

// steadily returns acts that are not done while the hubs have to stay.
func (r *round) steadily(acts []act) []act {
	for i, a := range acts {
		acts[i].do = func(random *rand.Rand) {
			r.steady.Lock()
			defer r.steady.Unlock()
			a.do(random)
		}
	}
	return acts
}

// perform does one act after the other until the round's end: at first some, in their order,
// and then any.
func (r *round) perform(random *rand.Rand, acts, first []act) {
	for len(acts) > 0 {
		r.rest(time.Duration(100+random.IntN(1000)) * time.Millisecond)
		if r.ending() {
			return
		}
		a := acts[random.IntN(len(acts))]
		if len(first) > 0 {
			a, first = first[0], first[1:]
		}
		began := r.clock()
		a.do(random)
		r.note(a, began, r.clock())
	}
}

// kick ends some streams.
func (r *round) kick(random *rand.Rand) {
	if n := r.node(random); n != nil {
		_, _ = n.get("/kick")
	}
}

// count adds up a hub's figures.
func (r *round) count(n *node) {
	var s server.Stats
	text, err := n.get("/stats")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil || s.Backplane == nil {
		r.t.Errorf("the figures of hub %d: %v, %q", n.number, err, text)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.figures.ReadBacks += s.Backplane.ReadBacks
	r.figures.Losses += s.Backplane.Losses
}

// get asks a hub for something.
func (n *node) get(path string) ([]byte, error) {
	c := http.Client{Timeout: answerWithin, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get("http://" + n.address + path)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// replace is a deploy: a new hub for an old one, which is drained.
func (r *round) replace(random *rand.Rand) {
	n := r.pick(random)
	if n == nil {
		return
	}
	if r.broker.Broker != "embedded" && random.IntN(2) == 0 {
		r.add()
	}
	r.count(n)
	if err := n.drain(); err != nil {
		r.t.Errorf("hub %d is drained: %v\n%s", n.number, err, n.says())
	}
	r.fill()
}

// killHub ends a hub abruptly, and starts another.
func (r *round) killHub(random *rand.Rand) {
	n := r.pick(random)
	if n == nil {
		return
	}
	if err := n.kill(); err != nil {
		r.t.Errorf("hub %d is closed: %v\n%s", n.number, err, n.says())
	}
	r.rest(time.Duration(random.IntN(300)) * time.Millisecond)
	r.fill()
}

// pick takes a hub out of those that clients and publishers use.
func (r *round) pick(random *rand.Rand) *node {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.nodes) == 0 {
		return nil
	}
	i := random.IntN(len(r.nodes))
	n := r.nodes[i]
	r.nodes = append(r.nodes[:i:i], r.nodes[i+1:]...)
	r.gone = append(r.gone, n)
	return n
}

// fill starts hubs until there are as many as the plan says.
func (r *round) fill() {
	for {
		r.mu.Lock()
		enough := len(r.nodes) >= r.plan.hubs
		r.mu.Unlock()
		if enough || !r.add() {
			return
		}
	}
}

// add starts one more hub. It tries again while the broker is away.
func (r *round) add() bool {
	var err error
	for until := time.Now().Add(startsFor); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		var n *node
		if n, err = r.startNode(); err == nil {
			r.mu.Lock()
			r.nodes = append(r.nodes, n)
			r.mu.Unlock()
			return true
		}
	}
	r.t.Errorf("HANGS: no hub starts within %v: %v", startsFor, err)
	return false
}

const startsFor = time.Minute

// someTime is for how long something is wrong: mostly short, and at times longer than all
// time limits of the brokers' packages.
func (r *round) someTime(random *rand.Rand) time.Duration {
	if random.IntN(12) == 0 {
		return time.Duration(8000+random.IntN(4000)) * time.Millisecond
	}
	return time.Duration(50+random.IntN(2000)) * time.Millisecond
}

func (r *round) stallHub(random *rand.Rand) {
	n := r.node(random)
	if n == nil {
		return
	}
	n.process.stall()
	r.rest(time.Duration(50+random.IntN(2000)) * time.Millisecond)
	n.process.wake()
}

func (r *round) killBroker(random *rand.Rand) {
	r.broker.kills.Add(1)
	r.broker.process.kill()
	r.rest(r.someTime(random) / 2)
	r.broker.start()
}

func (r *round) stallBroker(random *rand.Rand) {
	r.broker.process.stall()
	r.rest(r.someTime(random))
	r.broker.process.wake()
}

// disturb spoils the network between one hub and the broker.
func (r *round) disturb(random *rand.Rand) {
	n := r.node(random)
	if n == nil {
		return
	}
	n.suffer([]weather{{held: true}, {cut: true}, {delay: time.Duration(random.IntN(100)) * time.Millisecond}}[random.IntN(3)])
	r.rest(r.someTime(random))
	n.suffer(weather{})
}

// suffer changes the network between the hub and the broker.
func (n *node) suffer(how weather) {
	if n.handle != nil {
		n.handle.Set(backplanetest.Faults{Stalled: how.held, Unreachable: how.cut, Delay: how.delay})
		return
	}
	n.network.set(how)
}

// unseen does something to the broker while one hub does not hear of what others publish
// before and after.
func (r *round) unseen(do func(*rand.Rand)) func(*rand.Rand) {
	return func(random *rand.Rand) {
		n := r.node(random)
		if n == nil {
			return
		}
		n.suffer([]weather{{held: true}, {cut: true}}[random.IntN(2)])
		r.rest(time.Duration(random.IntN(1500)) * time.Millisecond)
		do(random)
		r.rest(time.Duration(random.IntN(500)) * time.Millisecond)
		n.suffer(weather{})
	}
}

// faults are those that only a broker in memory has.
func (r *round) faults(random *rand.Rand) {
	list := []backplanetest.Faults{{Refuse: true}, {LoseAcks: true}, {Unreachable: true}, {Stalled: true}, {Holes: uint64(1 + random.IntN(5))}}
	r.broker.memory.Set(list[random.IntN(len(list))])
	r.rest(r.someTime(random))
	r.broker.memory.Set(backplanetest.Faults{})
}

func (r *round) purge(*rand.Rand) {
	if err := r.broker.purge(); err != nil {
		r.t.Errorf("purge the stream: %v", err)
	}
}

func (r *round) remake(*rand.Rand) {
	feed, done := r.broker.look()
	if feed == nil {
		return
	}
	defer done()
	was := stateOf(feed)
	if err := r.broker.remake(); err != nil {
		r.t.Errorf("delete the stream: %v", err)
		return
	}
	r.book.end(was.Epoch, r.clock())
}
