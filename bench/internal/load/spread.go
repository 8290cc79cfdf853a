package load

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// spread is when the first, the median, the 99th percentile and the last reader had
// each event of a lane. It stores no time per reader: arrivals are counted as they
// come, and the time of the arrival that completes a share is the time of that share.
//
// Several readers may call arrived at once. Their arrivals may then be counted in an
// order that is off by the length of a read.
type spread struct {
	readers []atomic.Uint32 // by topic, how many each event should reach

	pages atomic.Pointer[[]*spreadPage] // by sequence

	mu                       sync.Mutex // guards growing pages, and what follows
	first, median, p99, last *hdrhistogram.Histogram
}

// spreadPage counts the arrivals of consecutive events.
type spreadPage [1024]atomic.Uint32

func newSpread(topics int) *spread {
	s := &spread{readers: make([]atomic.Uint32, topics), first: newHistogram(), median: newHistogram(), p99: newHistogram(), last: newHistogram()}
	s.pages.Store(&[]*spreadPage{})
	return s
}

// arrived counts one more reader that has event seq, after latency.
func (s *spread) arrived(seq uint64, latency time.Duration) {
	topic := uint64(0)
	if n := uint64(len(s.readers)); n > 1 { // divisions are slow
		topic = (seq - 1) % n
	}
	all := s.readers[topic].Load()
	if all == 0 {
		return
	}
	count := s.count(seq)
	if count == nil {
		return
	}
	n := count.Add(1)
	if n == 1 || n == all || n == share(all, 50) || n == share(all, 99) {
		s.record(n, all, latency)
	}
}

// share is the number of the reader that completes a share of all.
func share(all, percent uint32) uint32 {
	return uint32((uint64(all)*uint64(percent) + 99) / 100)
}

// keptPages is how many pages are kept: an arrival more than a million events late
// is not counted in the spread.
const keptPages = 1024

// count is where an event's arrivals are counted; nil: they are no longer counted.
func (s *spread) count(seq uint64) *atomic.Uint32 {
	page, at := seq/uint64(len(spreadPage{})), seq%uint64(len(spreadPage{}))
	pages := *s.pages.Load()
	if page >= uint64(len(pages)) {
		if pages = s.grow(page); page >= uint64(len(pages)) {
			return nil
		}
	}
	if p := pages[page]; p != nil {
		return &p[at]
	}
	return nil
}

// grow adds pages, unless another reader has, or it would be too many at once.
func (s *spread) grow(page uint64) []*spreadPage {
	s.mu.Lock()
	defer s.mu.Unlock()
	pages := slices.Clone(*s.pages.Load())
	if page >= uint64(len(pages)+keptPages) {
		return pages
	}
	for uint64(len(pages)) <= page {
		pages = append(pages, new(spreadPage))
	}
	clear(pages[:max(len(pages)-keptPages, 0)])
	s.pages.Store(&pages)
	return pages
}

func (s *spread) record(n, all uint32, latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, mark := range []struct {
		at uint32
		in *hdrhistogram.Histogram
	}{{1, s.first}, {share(all, 50), s.median}, {share(all, 99), s.p99}, {all, s.last}} {
		if n == mark.at {
			record(mark.in, latency)
		}
	}
}
