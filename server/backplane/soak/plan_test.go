package soak_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/server"
)

// plan is what a round is about.
type plan struct {
	soak.Topics

	feed     feed
	hubs     int
	children bool // hubs run in processes of their own
	config   server.Config
	length   time.Duration
	pace     int // of publishers: microseconds between two batches

	purges  bool // the broker's stream is purged now and then
	remakes bool // it is deleted and made again
}

// lossy says whether the broker may drop what somebody has not got.
func (p *plan) lossy() bool { return p.purges || p.feed.Entries > 0 }

// forgetsKeys says whether the broker forgets, when it is killed, the keys of entries that it has
// dropped.
func (p *plan) forgetsKeys() bool { return p.feed.Broker == "nats" && p.lossy() }

func (p *plan) ephemeral(topic string) bool { return strings.HasPrefix(topic, "eph/") }

// kind is a broker, and how events are lost: "" (in no way), "purges", "remakes", or "limits",
// by which the broker drops the oldest.
type kind struct{ broker, losses string }

// kinds are those that there are here, in the order of a seed. Rounds are of one after the
// other, so that each has its turn within two minutes.
func kinds(seed uint64) (list []kind) {
	ways := map[string][]string{"memory": {"", "purges", "remakes"}, "nats": {"", "purges", "remakes", "limits"}, "embedded": {""}}
	if _, err := exec.LookPath("redis-server"); err == nil {
		ways["redis"] = ways["nats"]
	}
	for _, broker := range slices.Sorted(maps.Keys(ways)) {
		for _, losses := range ways[broker] {
			if (*soakBroker == "" || *soakBroker == broker) && (*soakLosses == "" || *soakLosses == losses) {
				list = append(list, kind{broker, losses})
			}
		}
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// somePlan draws a round of a kind.
func somePlan(random *rand.Rand, k kind) plan {
	p := plan{
		feed: feed{Broker: k.broker}, hubs: 2 + random.IntN(2),
		children: random.IntN(2) == 0,
		length:   time.Duration(3000+random.IntN(4000)) * time.Millisecond,
		pace:     1000 << random.IntN(5),
		purges:   k.losses == "purges",
		remakes:  k.losses == "remakes",
	}
	p.Churn = random.IntN(6) == 0
	switch p.feed.Broker {
	case "memory":
		p.children = false
	case "embedded":
		p.hubs = 1
	}
	if k.losses == "limits" || k.losses != "" && k.broker != "memory" && random.IntN(2) == 0 {
		p.feed.Entries = 50 << random.IntN(4)
		p.pace = min(p.pace, 4000)
	}
	p.config = someConfig(random)
	return p
}

func someConfig(random *rand.Rand) server.Config {
	c := server.Config{
		Heartbeat:       time.Duration(50+random.IntN(100)) * time.Millisecond,
		Retry:           time.Millisecond,
		WriteTimeout:    2 * time.Second,
		PublishTimeout:  time.Duration(500+random.IntN(3000)) * time.Millisecond,
		SendBuffer:      4 << 10 << random.IntN(4),
		Shards:          1 + random.IntN(3),
		SlowSubscribers: []server.SlowSubscriberPolicy{server.Disconnect, server.Disconnect, server.Skip}[random.IntN(3)],
		Delivery:        []server.Delivery{server.DeliverAuto, server.DeliverAuto, server.DeliverByGoroutine}[random.IntN(3)],
		MaxHistoryBytes: 64 << 10 << random.IntN(7),
	}
	if random.IntN(2) == 0 {
		c.Heartbeat = time.Minute // nothing else makes a stream look at its topics
	}
	if random.IntN(3) == 0 {
		c.MaxAge = time.Duration(300+random.IntN(2000)) * time.Millisecond
	}
	c.Retention = []server.Retention{{Topics: "eph/*", Ephemeral: true, Events: 1 + random.IntN(50), Age: time.Hour}}
	for range random.IntN(30) {
		topic := fmt.Sprintf("d%d/%d", random.IntN(40), random.IntN(5))
		switch random.IntN(6) {
		case 0:
			topic = fmt.Sprintf("d%d/*", random.IntN(40))
		case 1:
			topic = fmt.Sprintf("f%d", random.IntN(30))
		}
		c.Retention = append(c.Retention, someWindow(random, topic))
	}
	c.Retention = append(c.Retention, someWindow(random, "*"))
	return c
}

// someWindow bounds what is in memory. Age would bound what is read back, too.
func someWindow(random *rand.Rand, topics string) server.Retention {
	w := server.Retention{Topics: topics, Events: 1 << random.IntN(7), Age: time.Hour}
	if random.IntN(4) == 0 {
		w.Events, w.Bytes = 0, 1000<<random.IntN(8)
	}
	return w
}
