package soak

import (
	"fmt"
	"math/rand/v2"
)

// Topics draws what is published to and subscribed to. New topics come with each generation,
// so that there is always a subtree that nobody has asked for yet.
type Topics struct {
	Churn bool       // few topics, mostly
	Once  func() int // numbers topics that have one event
}

// Topic is one to publish to.
func (p *Topics) Topic(random *rand.Rand, generation int) string {
	if p.Churn && random.IntN(4) > 0 {
		return fmt.Sprintf("f%d", random.IntN(30))
	}
	switch n := random.IntN(20); {
	case n < 6:
		return fmt.Sprintf("d%d/%d", random.IntN(40), random.IntN(5))
	case n < 9:
		return fmt.Sprintf("d%d/x/%d", random.IntN(40), random.IntN(5))
	case n < 12:
		return fmt.Sprintf("f%d", random.IntN(30))
	case n < 15:
		return fmt.Sprintf("g%d/%d", max(generation-random.IntN(2), 0), random.IntN(6))
	case n < 16:
		return fmt.Sprintf("r/%d/%d/%d", random.IntN(4), random.IntN(4), random.IntN(4))
	case n < 17:
		return fmt.Sprintf("d%d/once%d", random.IntN(40), p.Once())
	case n < 18:
		return fmt.Sprintf("eph/%d", random.IntN(4))
	}
	return KeptTopic(random.IntN(KeptTopics))
}

// KeptTopics is how many topics are below k/.
const KeptTopics = 6

// KeptTopic is one of them.
func KeptTopic(i int) string { return fmt.Sprintf("k/%d", i) }

// pattern is one to subscribe to.
func (p *Topics) pattern(random *rand.Rand, generation int) string {
	switch random.IntN(16) {
	case 0, 1, 2:
		return fmt.Sprintf("d%d/*", random.IntN(40))
	case 3:
		return fmt.Sprintf("d%d/x/*", random.IntN(40))
	case 4, 5, 6:
		return fmt.Sprintf("g%d/*", max(generation-random.IntN(8), 0))
	case 7:
		return "r/*"
	case 8:
		return fmt.Sprintf("r/%d/*", random.IntN(4))
	case 9:
		return "k/*"
	case 10:
		return "eph/*"
	}
	return p.Topic(random, generation)
}

// Subscription is what a client asks for: up to five topics and subtrees.
func (p *Topics) Subscription(random *rand.Rand, generation int) []string {
	n := 1
	if random.IntN(3) == 0 {
		n += random.IntN(4)
	}
	var topics []string
	for range n {
		topics = append(topics, p.pattern(random, generation))
	}
	return topics
}
