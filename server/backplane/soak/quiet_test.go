package soak_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
)

// Clients of topics that have hardly an event.

const (
	watchers  = 12 // of watcher
	returners = 8  // of returner
)

// watcher comes with no id and stays for some seconds, on a topic of its own, to which it
// publishes at its own hub. So little happens in its stream that nothing makes up for a
// wake-up that is left out.
func (r *round) watcher(i int, random *rand.Rand) {
	topic := fmt.Sprintf("watched/%d", i)
	for !r.ending() {
		n := r.node(random)
		if n == nil {
			r.rest(20 * time.Millisecond)
			continue
		}
		gone := make(chan struct{})
		var whisperer sync.WaitGroup
		whispers := rand.New(rand.NewPCG(random.Uint64(), 1))
		whisperer.Go(func() { r.whisper(n, topic, whispers, gone) })
		s := someone{client: 1000 + i, topics: []string{topic}}
		stay := lateAfter + time.Duration(1000+random.IntN(2000))*time.Millisecond
		r.visitAt(n, &s, soak.Manners{Stay: stay, Exit: "fin"}, random, false, func(soak.Receipt) bool { return false })
		close(gone)
		whisperer.Wait()
	}
}

// whisper publishes an event now and then, until its client is gone.
func (r *round) whisper(n *node, topic string, random *rand.Rand, gone <-chan struct{}) {
	wait := time.Duration(random.IntN(300)) * time.Millisecond
	for {
		select {
		case <-gone:
			return
		case <-r.hurry:
			return
		case <-time.After(wait):
		}
		r.say(n, topic, random)
		wait = lateAfter + time.Duration(200+random.IntN(800))*time.Millisecond
	}
}

// returner was away for long: it comes for what was published just after some event of the
// round, whenever that was, and on the topics of that event's batch alone.
func (r *round) returner(i int, random *rand.Rand) {
	<-r.last
	s := someone{client: 2000 + i}
	r.book.mu.Lock()
	if b := r.book.batches[random.IntN(len(r.book.batches))]; b.entries[r.lastPlace.epoch] > 1 {
		s.lastID = place{r.lastPlace.epoch, b.entries[r.lastPlace.epoch]*perEntry - 1}.String()
		s.epoch = r.lastPlace.epoch
		for _, p := range b.postings[:min(len(b.postings), 3)] {
			s.topics = append(s.topics, p.topic)
		}
	}
	r.book.mu.Unlock()
	if s.lastID != "" {
		r.finale(&s, random)
	}
}
