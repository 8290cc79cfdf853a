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
	marks                    []Marks // by sequence, from 1; nil: they are not kept
}

// Marks are when the first, the median, the 99th percentile and the last reader of one process
// had an event, in µs. Zero: it did not reach so many.
type Marks [4]int64

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
		s.record(seq, n, all, latency)
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

func (s *spread) record(seq uint64, n, all uint32, latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, mark := range []struct {
		at uint32
		in *hdrhistogram.Histogram
	}{{1, s.first}, {share(all, 50), s.median}, {share(all, 99), s.p99}, {all, s.last}} {
		if n == mark.at {
			record(mark.in, latency)
			s.mark(seq, i, latency)
		}
	}
}

// mark notes when an event's i-th mark was, if marks are kept.
func (s *spread) mark(seq uint64, i int, latency time.Duration) {
	if s.marks == nil {
		return
	}
	for uint64(len(s.marks)) <= seq {
		s.marks = append(s.marks, Marks{})
	}
	s.marks[seq][i] = micros(latency)
}

// Part is what one of several processes has seen of a lane's spread.
type Part struct {
	Readers []uint32 // by topic, how many of its streams each event should reach
	Marks   []Marks  // by sequence
}

// KeepMarks makes the swarm keep the marks of each event, of which Part is made. It is called
// before Expect.
func (s *Swarm) KeepMarks() {
	for _, sp := range s.spreads {
		sp.marks = make([]Marks, 1, 1024)
	}
}

// Part is this process's part in the spread of a lane.
func (s *Swarm) Part(lane int) (v Part) {
	sp := s.spreads[lane]
	sp.mu.Lock()
	defer sp.mu.Unlock()
	for i := range sp.readers {
		v.Readers = append(v.Readers, sp.readers[i].Load())
	}
	v.Marks = slices.Clone(sp.marks)
	return v
}

// SpreadOf is the spread over the readers of all processes. The first and the last reader of an
// event are exact. Its median and 99th percentile are the means of those of the processes,
// weighted by their readers, and lie between the least and the greatest of these.
func SpreadOf(parts []Part) Spread {
	v := Spread{newHistogram(), newHistogram(), newHistogram(), newHistogram()}
	events := 0
	for _, one := range parts {
		events = max(events, len(one.Marks))
	}
	for seq := 1; seq < events; seq++ {
		v.add(parts, seq)
	}
	return v
}

// add adds an event.
func (v *Spread) add(parts []Part, seq int) {
	var sum, reached Marks // of the median and the 99th percentile, weighted; by so many readers
	var first, last, readers int64
	for _, one := range parts {
		n := int64(one.Readers[(seq-1)%len(one.Readers)])
		if readers += n; n == 0 || seq >= len(one.Marks) {
			continue
		}
		m := one.Marks[seq]
		for i := range m {
			if m[i] > 0 {
				sum[i], reached[i] = sum[i]+n*m[i], reached[i]+n
			}
		}
		if m[0] > 0 && (first == 0 || m[0] < first) {
			first = m[0]
		}
		last = max(last, m[3])
	}
	if first > 0 {
		_ = v.First.RecordValue(first)
	}
	for i, to := range []*hdrhistogram.Histogram{v.Median, v.P99, v.Last} {
		if value := []int64{sum[1] / max(readers, 1), sum[2] / max(readers, 1), last}[i]; readers > 0 && reached[i+1] == readers {
			_ = to.RecordValue(value)
		}
	}
}
