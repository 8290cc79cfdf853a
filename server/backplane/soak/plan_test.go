package soak_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
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

func (p *plan) ephemeral(topic string) bool { return strings.HasPrefix(topic, "eph/") }

// brokers are those that there are here.
func brokers() []string {
	list := []string{"memory", "nats", "nats", "embedded"}
	if _, err := exec.LookPath("redis-server"); err == nil {
		list = append(list, "redis", "redis")
	}
	return list
}

// somePlan draws a round.
func somePlan(random *rand.Rand) plan {
	list := brokers()
	p := plan{
		feed: feed{Broker: list[random.IntN(len(list))]}, hubs: 2 + random.IntN(2),
		children: random.IntN(2) == 0,
		length:   time.Duration(3000+random.IntN(6000)) * time.Millisecond,
		pace:     1000 << random.IntN(5),
	}
	if *soakBroker != "" {
		p.feed.Broker = *soakBroker
	}
	p.Churn = random.IntN(6) == 0
	switch p.feed.Broker {
	case "memory":
		p.children = false
	case "embedded":
		p.hubs = 1
	}
	if random.IntN(5) < 3 || *soakLosses != "" {
		p.losses(random)
	}
	p.config = someConfig(random)
	return p
}

// losses draws how events are lost.
func (p *plan) losses(random *rand.Rand) {
	if p.feed.Broker == "embedded" {
		return
	}
	n := random.IntN(5)
	p.purges = n < 2 || *soakLosses == "purges"
	p.remakes = !p.purges && n < 4 || *soakLosses == "remakes"
	if random.IntN(2) == 0 && p.feed.Broker != "memory" {
		p.feed.Entries = 50 << random.IntN(4)
		p.pace = min(p.pace, 4000)
	}
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
	if random.IntN(3) == 0 {
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
