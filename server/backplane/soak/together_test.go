package soak_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// Acts for what takes several things at the same time.

// two returns two hubs of those that run. ok is false if there are not so many.
func (r *round) two(random *rand.Rand) (one, other *node, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.nodes) < 2 {
		return nil, nil, false
	}
	i := random.IntN(len(r.nodes))
	j := (i + 1 + random.IntN(len(r.nodes)-1)) % len(r.nodes)
	return r.nodes[i], r.nodes[j], true
}

// outgrow makes the stream again while one hub does not hear of the broker, and fills it,
// through another hub, beyond where the first one was in the old stream. By its sequences alone
// that hub cannot tell the two.
func (r *round) outgrow(hidden weather) func(*rand.Rand) {
	return func(random *rand.Rand) { r.doOutgrow(hidden, random) }
}

func (r *round) doOutgrow(hidden weather, random *rand.Rand) {
	r.steady.Lock()
	defer r.steady.Unlock()
	one, other, ok := r.two(random)
	feed, done := r.broker.look()
	if !ok || feed == nil {
		return
	}
	defer done()
	if stateOf(feed).Last > soonFilled {
		r.remake(random)
	}
	if !r.follows(one, feed, random) {
		return
	}
	one.suffer(hidden)
	defer one.suffer(weather{})
	was := stateOf(feed)
	r.remake(random)
	r.fillUntil(feed, other, random, func(st backplane.State) bool { return st.Epoch != was.Epoch && st.Last > was.Last+10 })
}

// soonFilled is how many entries are stored again in a second or so.
const soonFilled = 100

// overtake makes the broker drop, while one hub is cut off from it, what that hub has not read.
func (r *round) overtake(random *rand.Rand) {
	r.steady.Lock()
	defer r.steady.Unlock()
	one, other, ok := r.two(random)
	feed, done := r.broker.look()
	if !ok || feed == nil {
		return
	}
	defer done()
	one.suffer([]weather{{held: true}, {cut: true}}[random.IntN(2)])
	defer one.suffer(weather{})
	was := stateOf(feed)
	more := 10 + random.Uint64N(20)
	r.fillUntil(feed, other, random, func(st backplane.State) bool {
		return st.Epoch != was.Epoch || st.Last > was.Last+more && (r.plan.purges || st.First > was.Last+more)
	})
	if r.plan.purges {
		r.purge(random)
	}
	if random.IntN(2) == 0 {
		was := stateOf(feed)
		r.fillUntil(feed, other, random, func(st backplane.State) bool { return st.Last > was.Last+1 })
	}
}

// follows publishes at a hub until it is at the stream that the broker has now. It returns false
// if that takes long.
func (r *round) follows(n *node, feed backplane.Backplane, random *rand.Rand) bool {
	for until := time.Now().Add(filledWithin); time.Now().Before(until) && !r.ending(); {
		a := r.say(n, r.wantedTopic(random), random)
		if len(a.ids) == 0 {
			continue
		}
		if at, _ := native(a.ids[0]); at.epoch == stateOf(feed).Epoch {
			return true
		}
	}
	return false
}

func stateOf(feed backplane.Backplane) backplane.State {
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	st, _ := feed.State(ctx)
	return st
}

// fillUntil publishes through one hub, much of it for streams that are open, until the broker's
// stream is as enough says. It returns false if that is not so for long.
func (r *round) fillUntil(feed backplane.Backplane, n *node, random *rand.Rand, enough func(backplane.State) bool) bool {
	var all sync.WaitGroup
	defer all.Wait()
	full := make(chan struct{})
	defer close(full)
	for range 3 {
		random := rand.New(rand.NewPCG(random.Uint64(), 1))
		all.Go(func() {
			for {
				select {
				case <-full:
					return
				default:
					r.say(n, r.wantedTopic(random), random)
				}
			}
		})
	}
	for until := time.Now().Add(filledWithin); time.Now().Before(until) && !r.ending(); time.Sleep(5 * time.Millisecond) {
		if enough(stateOf(feed)) {
			return true
		}
	}
	return false
}

// filledWithin is more than a hub takes to notice that the stream is another one.
const filledWithin = 4 * time.Second

// wantedTopic is a topic of an open stream, mostly.
func (r *round) wantedTopic(random *rand.Rand) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if random.IntN(4) == 0 {
		return r.plan.Topic(random, r.generation())
	}
	for v := range r.open { // in no order
		topic := v.topics[random.IntN(len(v.topics))]
		if prefix, subtree := strings.CutSuffix(topic, "*"); subtree {
			return prefix + "wanted"
		}
		return topic
	}
	return r.plan.Topic(random, r.generation())
}
