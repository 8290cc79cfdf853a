package eventlog

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// A watermark never goes down, whoever raises it.
func TestAWatermarkOnlyRises(t *testing.T) {
	var w Watermark
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 20_000 {
				seq := r.Uint64N(1 << 20)
				w.Raise(seq)
				if now := w.Load(); now < seq {
					t.Errorf("the watermark is %d after it was raised to %d", now, seq)
					return
				}
			}
		})
	}
	all.Wait()
	before := w.Load()
	w.Raise(1)
	if w.Load() != before {
		t.Errorf("raising to 1 took the watermark from %d to %d", before, w.Load())
	}
}

// What a topic or a subtree says of its losses never becomes less, whatever is
// published, evicted, indexed and dropped: not even across its being dropped and
// made anew.
func TestLossesAreNeverTakenBack(t *testing.T) {
	for seed := range uint64(30) {
		w := newLogs(t)
		w.history.max, w.history.maxIndexed = 20<<10, 1<<10
		w.history.tombstones.most = 4
		r := rand.New(rand.NewPCG(seed, 0))
		var names []string
		for i := range 12 {
			names = append(names, fmt.Sprintf("%c/%c/%d", 'a'+i%2, 'a'+i%3, i))
			w.keepEvents(names[i], 1+r.IntN(5))
			w.history.Release([]*Topic{w.history.registry.lookup(names[i])})
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
				read := w.history.Acquire([]string{name})
				now := read[0].evicted.Load()
				if now < known[name] {
					t.Fatalf("seed %d: %s has lost up to %d, and said %d before", seed, name, now, known[name])
				}
				known[name] = now
				w.history.Release(read)
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
		w := newLogs(t)
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
				w.history.Release(w.history.Acquire([]string{"a/*", "b/a/*"}))
			}
		}
		for _, pattern := range []string{"a/*", "b/*", "b/b/*", "a/a/1"} {
			read := w.history.Acquire([]string{pattern})[0]
			held := map[uint64]bool{}
			for p := read.Seek(0); p.Frame != nil; p.Next() {
				held[p.Frame.Seq] = true
			}
			for seq, name := range published {
				below := name == pattern || strings.HasSuffix(pattern, "*") && strings.HasPrefix(name, strings.TrimSuffix(pattern, "*"))
				if below && !held[seq] && read.LostSince(seq, w.head()+1) < seq {
					t.Fatalf("seed %d: %s does not hold sequence %d of %s, and says that it has lost up to %d", seed, pattern, seq, name, read.evicted.Load())
				}
			}
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
	w := newLogs(t)
	missed := w.publish("a/1", "missed")
	w.publishEphemeral("a/now", "x")
	w.now = 1000
	for range 3 {
		w.publish("other", "x")
	}
	if n := w.history.Topics(); n != 1 {
		t.Fatalf("%d topics are there, want other alone", n)
	}
	if lost := w.topic("a/*").LostSince(missed, w.head()+1); lost < missed {
		t.Errorf("who missed sequence %d of the subtree is told of losses up to %d", missed, lost)
	}
}
