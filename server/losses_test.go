package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// A watermark never goes down, whoever raises it.
func TestAWatermarkOnlyRises(t *testing.T) {
	var w watermark
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 20_000 {
				seq := r.Uint64N(1 << 20)
				w.raise(seq)
				if now := w.load(); now < seq {
					t.Errorf("the watermark is %d after it was raised to %d", now, seq)
					return
				}
			}
		})
	}
	all.Wait()
	before := w.load()
	w.raise(1)
	if w.load() != before {
		t.Errorf("raising to 1 took the watermark from %d to %d", before, w.load())
	}
}

// What a topic or a subtree says of its losses never becomes less, whatever is
// published, forgotten, indexed and dropped: not even across its being dropped and
// made anew.
func TestLossesAreNeverTakenBack(t *testing.T) {
	for seed := range uint64(30) {
		w := newWorld(t)
		w.history.max, w.history.maxIndexed = 20<<10, 1<<10
		w.history.tombstones.most = 4
		r := rand.New(rand.NewPCG(seed, 0))
		var names []string
		for i := range 12 {
			names = append(names, fmt.Sprintf("%c/%c/%d", 'a'+i%2, 'a'+i%3, i))
			w.keepEvents(names[i], 1+r.IntN(5))
			w.hub.releaseAll([]*topic{w.history.registry.find(names[i])})
		}
		subtrees := []string{"a/*", "b/*", "a/a/*", "b/b/*"}
		known := map[string]uint64{}
		for range 500 {
			name := names[r.IntN(len(names))]
			switch r.IntN(8) {
			case 0:
				w.now += uint32(r.IntN(200))
			case 1, 2:
				name = subtrees[r.IntN(len(subtrees))]
				fallthrough
			case 3:
				read := w.hub.acquireAll([]string{name})
				now := read[0].forgotten.load()
				if now < known[name] {
					t.Fatalf("seed %d: %s has lost up to %d, and said %d before", seed, name, now, known[name])
				}
				known[name] = now
				w.hub.releaseAll(read)
			default:
				w.publish(name, strings.Repeat("x", r.IntN(2000)))
			}
		}
	}
}

// Every event that was published and is not there any more is below the watermark
// of its topic, and of every subtree that it was in.
func TestWhatIsNotHeldCountsAsLost(t *testing.T) {
	for seed := range uint64(30) {
		w := newWorld(t)
		w.history.max, w.history.maxIndexed = 30<<10, 2<<10
		r := rand.New(rand.NewPCG(seed, 1))
		published := map[uint64]string{}
		for range 300 {
			name := fmt.Sprintf("%c/%c/%d", 'a'+r.IntN(2), 'a'+r.IntN(2), r.IntN(4))
			if r.IntN(4) == 0 {
				w.publishEphemeral(name, "x")
			} else {
				published[w.publish(name, strings.Repeat("x", r.IntN(1500)))] = name
			}
			if r.IntN(20) == 0 {
				w.now += uint32(r.IntN(200))
			}
			if r.IntN(50) == 0 { // and all topics go
				w.now += 1000
				for range 30 {
					w.publish("other", "x")
				}
			}
			if r.IntN(10) == 0 {
				w.hub.releaseAll(w.hub.acquireAll([]string{"a/*", "b/a/*"}))
			}
		}
		for _, pattern := range []string{"a/*", "b/*", "b/b/*", "a/a/1"} {
			read := w.hub.acquireAll([]string{pattern})[0]
			held := map[uint64]bool{}
			for p := read.seek(0); p.frm != nil; p.next() {
				held[p.frm.seq] = true
			}
			for seq, name := range published {
				below := name == pattern || strings.HasSuffix(pattern, "*") && strings.HasPrefix(name, strings.TrimSuffix(pattern, "*"))
				if below && !held[seq] && read.lostSince(seq, w.head()+1) < seq {
					t.Fatalf("seed %d: %s does not hold sequence %d of %s, and says that it has lost up to %d", seed, pattern, seq, name, read.forgotten.load())
				}
			}
		}
	}
}

// A position that was told after 20,000 topics were forgotten, or before, raises no
// false alarm on a topic that never had an event.
func TestForgottenTopicsRaiseNoFalseAlarm(t *testing.T) {
	for _, n := range []int{1_000, 5_000, 20_000, 60_000} {
		w := newWorld(t)
		seen := w.publish("first", "x")
		for i := range n {
			w.publish(fmt.Sprintf("user/%d", i), "x")
			w.now += 400
		}
		if held := w.history.registry.len(); held > 10 {
			t.Fatalf("%d topics are held, want them forgotten", held)
		}
		alarms := 0
		for i := range 1000 {
			if w.hub.resume(fmt.Sprintf("e-%d", seen), w.hub.acquireAll([]string{fmt.Sprintf("quiet/%d", i)})).gap != "" {
				alarms++
			}
		}
		if alarms > 10 {
			t.Errorf("%d forgotten topics: %d of 1000 resumes of topics that never had an event are told of a gap", n, alarms)
		}
		forgotten := w.hub.acquireAll([]string{fmt.Sprintf("user/%d", n/2)})
		if s := w.hub.resume(fmt.Sprintf("e-%d", seen), forgotten); s.gap != gapEvicted {
			t.Errorf("%d forgotten topics: who missed the event of one of them is told %q, want %q", n, s.gap, gapEvicted)
		}
	}
}

// When tombstones are given up, positions from before raise an alarm: silence is
// not possible.
func TestTombstonesThatAreGivenUpRaiseTheFloor(t *testing.T) {
	b := &tombstones{most: 10}
	for seq := range uint64(1000) {
		b.record(seq, seq+1)
	}
	for seq := range uint64(1000) {
		if last := b.last(seq); last < seq+1 {
			t.Fatalf("the loss of sequence %d is remembered as %d", seq+1, last)
		}
	}
	if last := b.last(1 << 40); last < 900 || last > 990 {
		t.Errorf("a topic that nothing is known of may have lost up to %d, want the highest that was given up", last)
	}
}

// The last topic of a subtree to go may have had nothing to lose: what the others lost
// is remembered all the same.
func TestASubtreeWhoseLastTopicWasEphemeralRemembersItsLosses(t *testing.T) {
	w := newWorld(t)
	missed := w.publish("a/1", "missed")
	w.publishEphemeral("a/now", "x")
	w.now = 1000
	for range 3 {
		w.publish("other", "x")
	}
	if n := w.history.registry.len(); n != 1 {
		t.Fatalf("%d topics are there, want other alone", n)
	}
	if lost := w.topic("a/*").lostSince(missed, w.head()+1); lost < missed {
		t.Errorf("who missed sequence %d of the subtree is told of losses up to %d", missed, lost)
	}
}
