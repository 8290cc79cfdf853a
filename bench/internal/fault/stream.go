package fault

import (
	"io"
	"net"
	"slices"
	"time"

	"github.com/fastsse/fastsse"
)

// stream is the body of one event stream on its way to a client.
type stream struct {
	*Proxy
	upstream io.ReadCloser
	blocks   chan block    // from the upstream
	closed   chan struct{} // by Close
	cut      <-chan time.Time
	reset    *time.Timer
	resets   chan struct{} // closed when the timer has done its work

	came, kept int       // events, and those that were not dropped
	held       []byte    // an event that the next one is to overtake…
	patience   time.Time // …if it comes before this
	queue      []piece
	size       int   // bytes of the queue
	ended      error // why nothing more will come
}

// block is a part of the upstream's stream; with an error it is the last.
type block struct {
	bytes []byte
	event bool // it counts
	err   error
}

// piece is what is sent together, and when.
type piece struct {
	at    time.Time
	bytes []byte
}

const (
	maxBlock     = 16 << 20 // bytes of a block that is taken from an upstream
	maxWaiting   = 4 << 20  // bytes that may wait in one stream
	swapPatience = time.Second
)

// newStream makes the client's body of the upstream's, which it owns.
func (p *Proxy) newStream(upstream io.ReadCloser, conn *net.TCPConn) *stream {
	s := &stream{Proxy: p, upstream: upstream, blocks: make(chan block), closed: make(chan struct{})}
	if d := p.faults.Cut; d > 0 {
		s.cut = time.After(d)
		_ = conn.SetWriteDeadline(time.Now().Add(d + cutTimeout)) // clients that take nothing end too
	}
	if d := p.faults.Reset; d > 0 {
		s.resets = make(chan struct{})
		s.reset = time.AfterFunc(d, func() {
			defer close(s.resets)
			_ = conn.SetLinger(0)
			if conn.Close() == nil {
				p.count(&p.counts.Reset)
			}
		})
	}
	go s.pump()
	return s
}

// pump takes the upstream's stream apart as it comes, until it ends or Close is called.
func (s *stream) pump() {
	dec := fastsse.NewDecoder(s.upstream)
	dec.MaxEvent = maxBlock
	for {
		raw, said, err := dec.NextRaw()
		select {
		case s.blocks <- block{slices.Clone(raw), err == nil && said.HasData, err}:
		case <-s.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read waits until something is due, and returns it.
func (s *stream) Read(b []byte) (int, error) {
	for {
		now := time.Now()
		if s.held != nil && (s.ended != nil || !now.Before(s.patience)) {
			s.release(now)
		}
		switch {
		case s.serving.Err() != nil:
			return 0, io.EOF
		case len(s.queue) > 0 && !s.queue[0].at.After(now):
			return s.send(b), nil
		case len(s.queue) == 0 && s.ended != nil:
			return 0, s.ended
		}
		if s.wait(now) {
			s.count(&s.counts.Cut)
			return 0, io.EOF
		}
	}
}

func (s *stream) wait(now time.Time) (cut bool) {
	var due <-chan time.Time
	switch {
	case len(s.queue) > 0:
		due = time.After(s.queue[0].at.Sub(now))
	case s.held != nil:
		due = time.After(s.patience.Sub(now))
	}
	blocks := s.blocks
	if s.size >= maxWaiting || s.ended != nil {
		blocks = nil
	}
	select {
	case b := <-blocks:
		s.take(b, time.Now())
	case <-due:
	case <-s.serving.Done():
	case <-s.cut:
		return true
	}
	return false
}

func (s *stream) send(b []byte) (n int) {
	first := &s.queue[0]
	n = copy(b, first.bytes)
	s.size -= n
	if first.bytes = first.bytes[n:]; len(first.bytes) == 0 {
		s.queue = s.queue[1:]
	}
	return n
}

// take drops, repeats and swaps.
func (s *stream) take(b block, now time.Time) {
	s.ended = b.err
	if !b.event {
		s.put(b.bytes, s.due(now, false))
		return
	}
	if s.came++; every(s.faults.Drop, s.came) {
		s.count(&s.counts.Dropped)
		return
	}
	if s.kept++; every(s.faults.Duplicate, s.kept) {
		s.count(&s.counts.Duplicated)
		b.bytes = slices.Repeat(b.bytes, 2)
	}
	switch {
	case s.held != nil:
		s.count(&s.counts.Reordered)
		s.put(b.bytes, s.due(now, true))
		s.release(now)
	case every(s.faults.Reorder, s.kept):
		s.held, s.patience = b.bytes, now.Add(swapPatience)
	default:
		s.put(b.bytes, s.due(now, true))
	}
}

// every reports whether i is a multiple of n. With n of zero none is.
func every(n, i int) bool { return n > 0 && i%n == 0 }

func (s *stream) release(now time.Time) {
	s.put(s.held, s.due(now, true))
	s.held = nil
}

// put puts bytes into the queue, to be sent not before at. Order is kept.
func (s *stream) put(bytes []byte, at time.Time) {
	if n := len(s.queue); n > 0 && at.Before(s.queue[n-1].at) {
		at = s.queue[n-1].at
	}
	if len(bytes) > 0 {
		s.queue = append(s.queue, piece{at, bytes})
		s.size += len(bytes)
	}
}

// Close ends the stream, wherever it is.
func (s *stream) Close() error {
	if s.reset != nil && !s.reset.Stop() {
		<-s.resets // is counted before the stream's end is
	}
	close(s.closed)
	s.count(&s.counts.Streams)
	return s.upstream.Close()
}
