package queue

import (
	"math/rand/v2"
	"testing"
)

func TestItemsComeOutInOrder(t *testing.T) {
	var q Queue[*int]
	r := rand.New(rand.NewPCG(1, 2))
	in, out := 0, 0
	for range 100_000 {
		if r.IntN(5) < 3 && in < 60_000 {
			n := in
			q.Push(&n)
			in++
		} else if q.Len() > 0 {
			if got := *q.Pop(); got != out {
				t.Fatalf("item %d comes out, want %d", got, out)
			}
			out++
		}
		if q.Len() != in-out {
			t.Fatalf("%d items, want %d", q.Len(), in-out)
		}
	}
	if out == 0 {
		t.Fatal("nothing came out")
	}
	for _, item := range q.items[:q.head] {
		if item != nil {
			t.Fatal("an item that is gone is kept alive")
		}
	}
}
