package eventlog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Topics come and go while an index is being made: each knows its places, and none
// that has held something all the time is left out.
func TestTopicsComeAndGoWhileAnIndexIsMade(t *testing.T) {
	for seed := range uint64(200) {
		w := newLogs(t)
		r := rand.New(rand.NewPCG(seed, 0))
		name := func(i int) string { return fmt.Sprintf("s/%d/%d", i%3, i) }
		for i := range 1 + r.IntN(12) {
			w.publish(name(i), "x")
		}
		s := w.history.registry.acquire("s/*")
		j, mine := w.history.read(s)
		if !mine {
			t.Fatal("the first reader of a subtree is not told to make its index")
		}
		there := map[*Topic]bool{} // since the beginning
		for _, b := range s.sub.below {
			there[b.topic] = true
		}
		seen := map[*Topic]int{}
		for range 30 {
			switch r.IntN(4) {
			case 0:
				if n := len(s.sub.below); n > 0 {
					gone := s.sub.below[r.IntN(n)].topic
					delete(there, gone)
					w.history.evictSegment(gone)
				}
			case 1:
				w.publish(name(r.IntN(20)), "y")
			case 2: // as some, but for one topic
				from := max(j.next-1, 0)
				for _, b := range s.sub.below[from:j.next] {
					seen[b.topic]++
				}
				j.next = from
			}
			checkPlaces(t, s)
		}
		for j.next > 0 {
			for _, below := range j.some(nil) {
				seen[below]++
			}
		}
		for topic := range there {
			if seen[topic] != 1 {
				t.Fatalf("seed %d: %s was looked at %d times", seed, topic.Name, seen[topic])
			}
		}
	}
}

func checkPlaces(t *testing.T, s *Topic) {
	t.Helper()
	for i, b := range s.sub.below {
		if m := b.topic.log.Load().above[b.place]; m.sub != s || m.at != i {
			t.Fatalf("%s is at %d of %s, and thinks that it is at %d of %s", b.topic.Name, i, s.Name, m.at, m.sub.Name)
		}
	}
}

// The books agree with what there is, and stay within their bounds, whatever is
// published, read and left.
func TestTheBooksAreRight(t *testing.T) {
	for seed := range uint64(40) {
		w := newLogs(t)
		w.history.max, w.history.maxIndexed = 60<<10, 12<<10
		r := rand.New(rand.NewPCG(seed, 0))
		var open []*Topic
		for range 600 {
			switch r.IntN(6) {
			case 0:
				open = append(open, w.history.Acquire([]string{fmt.Sprintf("%d/*", r.IntN(8))})...)
			case 1:
				if n := len(open); n > 0 {
					i := r.IntN(n)
					w.history.Release(open[i : i+1])
					open = slices.Delete(open, i, i+1)
				}
			default:
				e := entry{topic: w.topic(fmt.Sprintf("%d/%d", r.IntN(8), r.IntN(5))), fields: fieldsOf(strings.Repeat("x", r.IntN(900)))}
				if r.IntN(3) == 0 {
					e.alias = fmt.Sprint(r.IntN(50))
				}
				w.append(e)
			}
			w.now += uint32(r.IntN(3))
		}
		logs, indexes, read := w.books()
		if logs != w.history.memory || indexes != w.history.indexed {
			t.Fatalf("seed %d: the books say %d bytes of logs and %d of indexes, there are %d and %d", seed, w.history.memory, w.history.indexed, logs, indexes)
		}
		if most := w.history.maxIndexed + int64(read*smallestBlock*indexedCost); indexes > most {
			t.Fatalf("seed %d: %d bytes of indexes with %d read, want at most %d", seed, indexes, read, most)
		}
		if logs > w.history.max {
			t.Fatalf("seed %d: %d bytes of logs, want at most %d", seed, logs, w.history.max)
		}
	}
}

// books counts what there is: bytes of logs and of indexes, and the indexes.
func (w *logs) books() (logs, indexes int64, read int) {
	for i := range w.history.registry.stripes {
		for _, t := range w.history.registry.stripes[i].topics {
			l, x := memoryOf(t)
			logs += l
			indexes += x
			if t.sub != nil && t.sub.index.Load() != nil {
				read++
			}
		}
	}
	return logs, indexes, read
}

// Many subtrees that are read do not take the index of another away: each has an even
// share of what there is.
func TestASubtreeKeepsItsShareOfTheIndexes(t *testing.T) {
	w := newLogs(t)
	w.history.maxIndexed = 1 << 20
	for i := range 40_000 {
		w.publish(fmt.Sprintf("%d/x", i%20), "x")
	}
	var all []*Topic
	for i := range 20 {
		all = append(all, w.history.Acquire([]string{fmt.Sprintf("%d/*", i)})...)
	}
	for i := range 20_000 {
		w.publish(fmt.Sprintf("%d/x", i%20), "x")
	}
	last := w.history.Acquire([]string{"0/*"})[0]
	for i, s := range append(all, last) {
		n := 0
		for p := s.Seek(0); p.Frame != nil; p.Next() {
			n++
		}
		if least := 1 << 20 / 20 / indexedCost / 2; n < least {
			t.Errorf("subtree %d has %d events, want at least %d", i, n, least)
		}
	}
	if w.history.indexed > w.history.maxIndexed {
		t.Errorf("%d bytes of indexes, want at most %d", w.history.indexed, w.history.maxIndexed)
	}
}

// Subtrees that hold nothing take nothing from one that is busy, however many are read.
func TestEmptySubtreesTakeNoShareOfTheIndexes(t *testing.T) {
	for _, empty := range []int{0, 1, 30} {
		w := newLogs(t)
		w.history.maxIndexed = 1 << 20
		w.keepEvents("busy/*", 1<<20)
		w.topic("busy/*")
		for i := range empty {
			w.topic(fmt.Sprintf("empty/%d/*", i))
		}
		for range 30_000 {
			w.publish("busy/x", "x")
		}
		x := w.topic("busy/*").sub.index.Load()
		if least := 1<<20/indexedCost - 2*largestBlock; x.count < least {
			t.Errorf("beside %d empty subtrees the index has %d events, want at least %d", empty, x.count, least)
		}
	}
}

// What a subtree got while its index was made is not dropped for what was there before.
func TestAnIndexBeingMadeKeepsItsNewerEvents(t *testing.T) {
	w := newLogs(t)
	w.history.maxIndexed = 200 * int64(indexedCost)
	for range 100 {
		w.publish("s/x", "x")
	}
	w.topic("other/*") // the share of each is half then
	s := w.history.registry.acquire("s/*")
	j, _ := w.history.read(s)
	for range 110 {
		w.publish("s/x", "x")
	}
	before := s.evicted.Load()
	w.history.makeIndex(j)
	var got []uint64
	for p := s.Seek(before + 1); p.Frame != nil; p.Next() {
		got = append(got, p.Frame.Seq)
	}
	if s.evicted.Load() > max(before, j.upTo) || len(got) == 0 || got[len(got)-1] != w.head() {
		t.Errorf("the subtree had lost up to %d before its index was whole, up to %d after; it has %d events then", before, s.evicted.Load(), len(got))
	}
	for i := 1; i < len(got); i++ {
		if got[i] != got[i-1]+1 {
			t.Fatalf("sequence %d follows %d", got[i], got[i-1])
		}
	}
}
