package fault

import "fmt"

// Counts says what was done to streams that have ended, and to requests.
type Counts struct {
	Streams    uint64 // that were passed on and have ended
	Dropped    uint64 // events left out
	Duplicated uint64 // events sent twice
	Reordered  uint64 // events swapped with the one after
	Cut        uint64 // streams
	Reset      uint64 // streams
	Refused    uint64 // requests
}

// String returns the counts in one line.
func (c Counts) String() string {
	return fmt.Sprintf("%d streams; events: %d dropped, %d duplicated, %d reordered; streams: %d cut, %d reset, %d refused",
		c.Streams, c.Dropped, c.Duplicated, c.Reordered, c.Cut, c.Reset, c.Refused)
}

// Counts returns what was done so far. An open stream's share is added when the
// stream ends. It includes faults whose effect the client did not stay to see.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// register makes a stream known to Drain until done is called with how it ended.
// It is not ok while the proxy drains.
func (p *Proxy) register(s *stream) (done func(ending), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return nil, false
	}
	n := p.opened
	p.opened++
	p.streams[n] = s
	return func(e ending) { p.unregister(n, e) }, true
}

// unregister adds a stream's share to the counts.
func (p *Proxy) unregister(n uint64, e ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := &p.streams[n].pipe.mangler
	delete(p.streams, n)
	p.counts.Streams++
	p.counts.Dropped += m.dropped
	p.counts.Duplicated += m.duplicated
	p.counts.Reordered += m.reordered
	switch e {
	case cut:
		p.counts.Cut++
	case reset:
		p.counts.Reset++
	}
}
