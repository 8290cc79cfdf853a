package load

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Compared with a sort of all arrivals of each event.
func TestSpreadAgreesWithASort(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, readers := range []int{1, 2, 3, 7, 100, 101, 1000} {
		s, want := newSpread(1), newSpread(1)
		s.readers[0].Store(uint32(readers))
		for seq := uint64(1); seq <= 50; seq++ {
			came := readers // some events do not reach everybody
			if seq%5 == 0 {
				came = rng.IntN(readers + 1)
			}
			at := make([]time.Duration, came)
			for i := range at {
				at[i] = time.Duration(1+rng.IntN(10_000_000)) * time.Microsecond
			}
			slices.Sort(at)
			for i, latency := range at {
				s.arrived(seq, latency)
				for _, mark := range []struct {
					percent int
					in      *hdrhistogram.Histogram
				}{{0, want.first}, {50, want.median}, {99, want.p99}, {100, want.last}} {
					// The smallest number of readers that makes up the share.
					if n := max((readers*mark.percent+99)/100, 1); i+1 == n {
						record(mark.in, latency)
					}
				}
			}
		}
		for i, pair := range [][2]*hdrhistogram.Histogram{{s.first, want.first}, {s.median, want.median}, {s.p99, want.p99}, {s.last, want.last}} {
			if !pair[0].Equals(pair[1]) {
				t.Errorf("%d readers, mark %d: %v, want %v", readers, i, pair[0].CumulativeDistribution(), pair[1].CumulativeDistribution())
			}
		}
	}
}

func TestSpreadCountsForSeveralReadersAtATime(t *testing.T) {
	const goroutines, events = 4, 3000
	s := newSpread(1)
	s.readers[0].Store(2 * goroutines)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for seq := uint64(1); seq <= events; seq++ {
				s.arrived(seq, time.Millisecond)
				s.arrived(seq, time.Millisecond)
			}
		})
	}
	all.Wait()
	for name, h := range map[string]*hdrhistogram.Histogram{"first": s.first, "median": s.median, "p99": s.p99, "last": s.last} {
		if h.TotalCount() != events {
			t.Errorf("%s: %d events, want %d", name, h.TotalCount(), events)
		}
	}
}

func TestSpreadExpectsNobodyAtFirst(t *testing.T) {
	s := newSpread(1)
	s.arrived(1, time.Millisecond)
	if s.first.TotalCount() != 0 || len(*s.pages.Load()) != 0 {
		t.Error("an event was counted before anybody was expected")
	}
}

func TestSpreadForgetsTheDistantPast(t *testing.T) {
	s := newSpread(1)
	s.readers[0].Store(2)
	page := uint64(len(spreadPage{}))
	for seq := uint64(0); seq < 3*keptPages*page; seq += page {
		s.arrived(seq, time.Millisecond)
	}
	kept := 0
	for _, p := range *s.pages.Load() {
		if p != nil {
			kept++
		}
	}
	if kept != keptPages {
		t.Errorf("%d pages are kept, want %d", kept, keptPages)
	}
	s.arrived(0, time.Millisecond)                    // long gone
	s.arrived(1<<58, time.Millisecond)                // what nobody has published
	s.arrived((3*keptPages-1)*page, time.Millisecond) // the last of them
	if s.first.TotalCount() != 3*keptPages || s.last.TotalCount() != 1 || len(*s.pages.Load()) != 3*keptPages {
		t.Errorf("%d first, %d last, %d pages; want %d, 1, %d", s.first.TotalCount(), s.last.TotalCount(), len(*s.pages.Load()), 3*keptPages, 3*keptPages)
	}
}
