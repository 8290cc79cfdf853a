package server_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/server"
)

// plan is what a round is about.
type plan struct {
	soak.Topics // with Churn, clients hardly stay

	name   string
	whole  bool // nothing is forgotten
	keeps  bool // nothing is forgotten below k/
	evicts bool // the bound for all logs is what forgets
	end    string
	length time.Duration
}

// somePlan draws a round.
func somePlan(random *rand.Rand) (plan, server.Config) {
	p := plan{
		length: time.Duration(1500+random.IntN(3000)) * time.Millisecond,
		end:    []string{"drain", "drain", "drain", "hasty drain", "close"}[random.IntN(5)],
	}
	c := server.Config{
		Heartbeat:       time.Duration(50+random.IntN(100)) * time.Millisecond,
		Retry:           time.Millisecond,
		WriteTimeout:    2 * time.Second,
		SendBuffer:      4 << 10 << random.IntN(4),
		Shards:          1 + random.IntN(4),
		SlowSubscribers: []server.SlowSubscriberPolicy{server.Disconnect, server.Skip}[random.IntN(2)],
	}
	if random.IntN(3) == 0 {
		c.MaxAge = time.Duration(300+random.IntN(2000)) * time.Millisecond
	}
	all := server.Retention{Topics: "*", Events: 1 << 20, Bytes: 1 << 30, Age: time.Hour}
	c.MaxHistoryBytes = 1 << 30
	switch random.IntN(8) {
	case 0:
		p.name, p.whole = "whole", true
		c.MaxAge = 0
		c.Retention = []server.Retention{all}
		return p, c
	case 1, 2:
		p.name, p.keeps = "windows", true
	case 3, 4, 5:
		p.name, p.evicts = "evictions", true
	case 6:
		p.name, p.evicts, p.Churn = "crumbs", true, true
	default:
		p.name, p.evicts = "evictions, windows by default", true
		c.Retention = []server.Retention{{Topics: "eph/*", Ephemeral: true}}
	}
	if p.evicts {
		c.MaxHistoryBytes = 64 << 10 << random.IntN(9)
	}
	if c.Retention == nil {
		all.Topics = "k/*"
		c.Retention = append(someRetention(random), someWindow(random, "*"))
		if p.keeps {
			c.Retention = slices.Insert(c.Retention, 0, all)
		}
	}
	return p, c
}

// someRetention gives some names windows of their own.
func someRetention(random *rand.Rand) []server.Retention {
	list := []server.Retention{{Topics: "eph/*", Ephemeral: true, Events: 1 + random.IntN(50)}}
	for range 1 + random.IntN(60) {
		topic := fmt.Sprintf("d%d/%d", random.IntN(40), random.IntN(5))
		switch random.IntN(6) {
		case 0:
			topic = fmt.Sprintf("d%d/*", random.IntN(40))
		case 1:
			topic = fmt.Sprintf("f%d", random.IntN(30))
		}
		list = append(list, someWindow(random, topic))
	}
	return list
}

func someWindow(random *rand.Rand, topics string) server.Retention {
	w := server.Retention{Topics: topics, Events: 1 + random.IntN(50)}
	switch random.IntN(6) {
	case 0:
		w.Events, w.Bytes = 0, 1000<<random.IntN(8)
	case 1:
		w.Age = time.Second
	case 2:
		w.Events, w.Age = 0, time.Second
	}
	return w
}

// publisher publishes at its own pace until the round stops.
func (r *soakRound) publisher(n int, random *rand.Rand) {
	own := 0
	for !r.stopped.Load() {
		r.nap(time.Duration(random.IntN(4000)) * time.Microsecond)
		messages := []server.Message{r.message(random)}
		switch random.IntN(12) {
		case 0:
			for range random.IntN(20) {
				messages = append(messages, r.message(random))
			}
		case 1, 2:
			own++
			messages = append(messages, r.owned(random, fmt.Sprintf("own-%d-%d.", n, own))...)
		}
		r.publish(messages)
	}
}

// owned is an event with that id, and sometimes a second that bears it too, in
// another topic or in the same. Their data tells them apart.
func (r *soakRound) owned(random *rand.Rand, id string) []server.Message {
	first := r.message(random)
	second := r.message(random)
	if random.IntN(2) == 0 && !r.plan.whole {
		second.Topic = first.Topic
	}
	for i, m := range []*server.Message{&first, &second} {
		m.Event.ID = id
		m.Event.Data = append(fmt.Appendf(nil, "%s%d", id, i), m.Event.Data...)
	}
	if random.IntN(3) > 0 {
		return []server.Message{first}
	}
	return []server.Message{first, second}
}

// message is an event of any size, mostly small.
func (r *soakRound) message(random *rand.Rand) server.Message {
	most := 200
	switch n := random.IntN(40); {
	case n == 0:
		most = 60_000
	case n < 10:
		most = 4_000
	}
	m := soakMessage(random, r.plan.Topic(random, r.generation()), 1+random.IntN(most))
	m.Ephemeral = random.IntN(20) == 0
	return m
}

func (r *soakRound) publish(messages []server.Message) {
	err := r.book.publish(r.harness.hub, r.clock, messages)
	if err != nil && !errors.Is(err, server.ErrClosed) {
		r.t.Errorf("publish: %v", err)
	}
}

// kicker ends some streams now and then.
func (r *soakRound) kicker(random *rand.Rand) {
	for !r.ending() {
		r.rest(time.Duration(50+random.IntN(500)) * time.Millisecond)
		of, one := uint64(2+random.IntN(10)), random.Uint64()
		r.harness.hub.Kick(func(s server.Subscriber) bool {
			n, ok := s.User.(uint64)
			return n%of == one%of || !ok && uint64(len(s.Topics[0]))%of == one%of
		})
	}
}

// latecomers ask for a subtree that nobody has asked for before, when some of its
// topics were quiet and others have forgotten much.
func (r *soakRound) latecomers(random *rand.Rand) {
	for k := 0; !r.ending(); k++ {
		r.rest(time.Duration(random.IntN(150)) * time.Millisecond)
		var messages []server.Message
		for range 2 + random.IntN(100) {
			child := random.IntN(1 + random.IntN(4)) // the first ones are the busiest
			messages = append(messages, soakMessage(random, fmt.Sprintf("y%d/%d", k, child), 1+random.IntN(100)))
		}
		r.publish(messages)
		s := someone{client: -k, topics: []string{fmt.Sprintf("y%d/*", k)}}
		s.lastID = r.book.id(r.now() - min(r.now(), random.Uint64N(uint64(len(messages)+10))))
		r.visit(&s, soak.Manners{Stay: 30 * time.Millisecond, Exit: "fin"}, random, func() {})
		r.publish(messages[:1])
		r.visit(&s, soak.Manners{Stay: 10 * time.Millisecond, Exit: "fin"}, random, func() {})
	}
}

// collector has garbage collected all the time: that stops a publisher where it
// would not stop by itself, such as between two steps of an eviction.
func (r *soakRound) collector() {
	for !r.ending() {
		runtime.GC()
	}
}

// stormer lets a large batch push everything else out of the hub's bound, just
// as many clients resume on subtrees that nobody has asked for before.
func (r *soakRound) stormer(random *rand.Rand) {
	for k := 0; !r.ending(); k++ {
		r.rest(time.Duration(100+random.IntN(600)) * time.Millisecond)
		r.storm(k, random)
	}
}

func (r *soakRound) storm(k int, random *rand.Rand) {
	const resumes = 16
	from := r.harness.hub.LastID()
	small := func() (messages []server.Message) {
		for i := range resumes {
			messages = append(messages, soakMessage(random, fmt.Sprintf("s%d.%d/x", k, i), 1+random.IntN(100)))
		}
		return messages
	}
	r.publish(small())
	batch, topics := make([]server.Message, 600), []int{3, 60, 600}[random.IntN(3)]
	size := min(60_000, int(r.config.MaxHistoryBytes)/len(batch)*(2+random.IntN(3))+1000)
	for i := range batch {
		batch[i] = soakMessage(random, fmt.Sprintf("big/%d", i%topics), size)
	}
	spread := 1000 << random.IntN(7) // microseconds
	var all sync.WaitGroup
	all.Go(func() { r.publish(batch) })
	for i := range resumes {
		random := rand.New(rand.NewPCG(random.Uint64(), 3))
		all.Go(func() {
			s := someone{client: -k, topics: []string{fmt.Sprintf("s%d.%d/*", k, i)}, lastID: from}
			if i%4 == 0 {
				s.topics = append(s.topics, fmt.Sprintf("s%d.%d/x", k, i))
			}
			r.nap(time.Duration(random.IntN(spread)) * time.Microsecond)
			r.visit(&s, soak.Manners{Stay: 300 * time.Millisecond, Exit: "rst"}, random, func() {})
		})
	}
	r.nap(100 * time.Millisecond)
	r.publish(small())
	all.Wait()
}
