package load

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTallyTellsLostLateAndTwiceApart(t *testing.T) {
	for _, c := range []struct {
		name               string
		seqs               []uint64
		delivered, twice   int
		late               int
		missing            int64
		wholeUpTo, notUpTo uint64
	}{
		{"in order", []uint64{1, 2, 3}, 3, 0, 0, 0, 3, 4},
		{"one left out", []uint64{1, 3, 4}, 3, 0, 0, 1, 0, 4},
		{"two in the wrong order", []uint64{1, 3, 2, 4}, 4, 0, 1, 0, 4, 5},
		{"one twice", []uint64{1, 2, 2, 3}, 3, 1, 0, 0, 3, 4},
		{"an old one twice", []uint64{1, 2, 3, 1}, 3, 1, 0, 0, 3, 4},
		{"the first ones missing", []uint64{5}, 1, 0, 0, 4, 0, 5},
		{"the middle of a hole", []uint64{10, 5, 5, 4, 6, 1, 9}, 6, 1, 5, 4, 0, 10},
		{"a lost one replayed with what came before", []uint64{1, 2, 4, 2, 3, 4}, 4, 2, 1, 0, 4, 5},
	} {
		var l tally
		delivered, doubles, late, missing := 0, 0, 0, int64(0)
		for _, seq := range c.seqs {
			a, m := l.see(seq, 0)
			missing += m
			switch a {
			case twice:
				doubles++
			default:
				delivered++
				if m < 0 {
					late++
				}
			}
		}
		if delivered != c.delivered || doubles != c.twice || late != c.late || missing != c.missing {
			t.Errorf("%s: delivered %d, twice %d, late %d, missing %d; want %d, %d, %d, %d",
				c.name, delivered, doubles, late, missing, c.delivered, c.twice, c.late, c.missing)
		}
		if c.wholeUpTo > 0 && !l.whole(c.wholeUpTo) {
			t.Errorf("%s: not whole up to %d", c.name, c.wholeUpTo)
		}
		if l.whole(c.notUpTo) {
			t.Errorf("%s: whole up to %d", c.name, c.notUpTo)
		}
	}
}

// Compared with a set of all that came, in random order with losses and repeats.
func TestTallyAgreesWithASet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var l tally
		seen, highest, missing := map[uint64]bool{}, uint64(0), int64(0)
		for range 300 {
			seq := 1 + uint64(rng.IntN(400))
			if rng.IntN(2) == 0 {
				seq = highest + 1 + uint64(rng.IntN(3))
			}
			a, m := l.see(seq, 0)
			missing += m
			if seen[seq] != (a == twice) {
				t.Fatalf("event %d after %d: seen %v, taken for %v", seq, highest, seen[seq], a)
			}
			seen[seq] = true
			highest = max(highest, seq)
		}
		if want := int64(highest) - int64(len(seen)); missing != want {
			t.Fatalf("missing %d, want %d", missing, want)
		}
	}
}

func TestTallyExpectsAndSkips(t *testing.T) {
	var l tally
	l.see(1, 0)
	l.see(3, 0)
	if n := l.expect(5); n != 2 || l.missing() != 3 || l.whole(5) {
		t.Errorf("%d newly missing, %d in all; want 2 and 3", n, l.missing())
	}
	if n := l.expect(4); n != 0 {
		t.Errorf("%d newly missing although all were expected before", n)
	}
	if n := l.skip(9); n != 3 || l.missing() != 3 {
		t.Errorf("%d skipped, %d missing; want 3 and 3", n, l.missing())
	}
	if a, missing := l.see(9, 0); a != fresh || missing != 0 {
		t.Errorf("after what was skipped: %v, %d missing", a, missing)
	}
	if n := l.skip(4); n != 0 {
		t.Errorf("%d skipped below the highest", n)
	}
	if a, missing := l.see(4, 0); a != late || missing != -1 || l.missing() != 2 {
		t.Errorf("a missing one: %v, %d, %d missing", a, missing, l.missing())
	}
}

// A late stream gets its first events in another order: none of them came twice.
func TestLateStreamsMayBeginOutOfOrder(t *testing.T) {
	var one tally
	one.joins(20)
	var got []arrival
	var missing int64
	for _, seq := range []uint64{20, 19, 16, 17, 19, 22} {
		a, n := one.see(seq, 0)
		got, missing = append(got, a), missing+n
	}
	if want := []arrival{fresh, late, late, late, twice, fresh}; !slices.Equal(got, want) || missing != 2 {
		t.Errorf("%v, %d missing; want %v, 2", got, missing, want)
	}
	if expected, lost := one.balance(23); expected != 8 || lost != 3 {
		t.Errorf("expected %d, lost %d; want 8, of which 18, 21 and 23 are lost", expected, lost)
	}
}
