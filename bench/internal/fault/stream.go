package fault

import (
	"context"
	"io"
	"net/http"
	"time"
)

// stream is one event stream on its way to a client.
type stream struct {
	// Static once it runs.
	w       http.ResponseWriter
	control *http.ResponseController
	conn    lingerer // nil if it is not known
	opened  time.Time
	life    time.Duration   // how long it lasts; zero: as long as the upstream's
	fate    ending          // how it ends then
	silence <-chan struct{} // closed when nothing more is to be sent
	end     chan struct{}   // closed by Drain: the stream's turn to end

	pipe   pipeline // of run
	broken error    // of read, until arrivals is closed: why the upstream's stream ended
}

// ending is how a stream comes to its end.
type ending int

const (
	ended   ending = iota // as the upstream's did, or by Drain: cleanly
	cut                   // cleanly, but early
	reset                 // by a reset
	aborted               // without a last chunk, as the upstream's did
	left                  // by the client
)

// arrival is a block and when it came.
type arrival struct {
	at time.Duration
	block
}

// cutGrace is how long the last write before a cut may take: a cut is a clean end.
const cutGrace = 2 * time.Second

// newStream starts a stream's clock. A conn is needed for Reset.
func newStream(w http.ResponseWriter, conn lingerer, f Faults, silence <-chan struct{}) *stream {
	s := &stream{
		w: w, control: http.NewResponseController(w), conn: conn, opened: time.Now(),
		silence: silence, end: make(chan struct{}), pipe: newPipeline(f),
	}
	switch {
	case f.Cut > 0 && (f.Reset == 0 || f.Cut <= f.Reset):
		s.life, s.fate = f.Cut, cut
		s.bound(f.Cut + cutGrace)
	case f.Reset > 0:
		s.life, s.fate = f.Reset, reset
		_ = conn.SetLinger(0)               // now: net/http closes a connection whose write fails
		s.bound(f.Reset + time.Millisecond) // later than the reset, whatever the clock's grain
	}
	return s
}

// bound makes writes fail once the stream has been open for this long, so that a
// client that takes nothing cannot keep it from ending. It does nothing if the writer
// has no deadlines.
func (s *stream) bound(d time.Duration) { _ = s.control.SetWriteDeadline(s.opened.Add(d)) }

func (s *stream) now() time.Duration { return time.Since(s.opened) }

// read hands the upstream's blocks to run until there are no more, or ctx is
// done. It owns arrivals, and closes it.
func (s *stream) read(ctx context.Context, body io.Reader, arrivals chan<- arrival) {
	defer close(arrivals)
	blocks := newBlockReader(body)
	for {
		b, err := blocks.next()
		if err == io.EOF {
			return
		}
		if err != nil {
			s.broken = err
			return
		}
		select {
		case arrivals <- arrival{s.now(), b}:
		case <-ctx.Done():
			return
		}
	}
}

// run sends on what comes until the stream ends, for whatever reason. It writes what
// is due, then waits. Once silence is nil nothing is sent.
func (s *stream) run(ctx context.Context, arrivals <-chan arrival) ending {
	timer := time.NewTimer(0)
	defer timer.Stop()
	silence := s.silence
	for {
		now := s.now()
		if s.life > 0 && now >= s.life {
			return s.fate
		}
		if silence != nil {
			if s.send(now) != nil {
				return s.failed()
			}
			if s.pipe.done() {
				return s.finished()
			}
		}
		timer.Reset(s.pause(now, silence == nil))
		select {
		case a, ok := <-s.intake(arrivals, silence == nil):
			if ok {
				s.pipe.take(a.at, a.block)
			} else {
				arrivals = nil
				s.pipe.end(s.now())
			}
		case <-timer.C:
		case <-silence:
			silence = nil
		case <-s.end:
			return ended
		case <-ctx.Done():
			return left
		}
	}
}

// send writes what is due, and flushes it.
func (s *stream) send(now time.Duration) error {
	piece := s.pipe.next(now)
	if len(piece) == 0 {
		return nil
	}
	if _, err := s.w.Write(piece); err != nil {
		return err
	}
	return s.control.Flush()
}

// intake is arrivals while there is room for another block, and nil otherwise.
func (s *stream) intake(arrivals <-chan arrival, silent bool) <-chan arrival {
	if silent || s.pipe.schedule.full() {
		return nil
	}
	return arrivals
}

// idle is how long a stream waits when no block has a time.
const idle = time.Hour

// pause returns how long there will be nothing to do if nothing comes.
func (s *stream) pause(now time.Duration, silent bool) time.Duration {
	at := now + idle
	if due, ok := s.pipe.wake(); ok && !silent {
		at = min(at, due)
	}
	if s.life > 0 {
		at = min(at, s.life)
	}
	return at - now
}

// failed is the ending after a failed write: the client has left, or took nothing
// until the stream's time was over.
func (s *stream) failed() ending {
	if s.life > 0 && s.now() >= s.life {
		return s.fate
	}
	return left
}

// finished is the ending after the upstream's stream has ended.
func (s *stream) finished() ending {
	if s.broken != nil {
		return aborted
	}
	return ended
}

// finish ends the client's connection as e says. It panics with http.ErrAbortHandler
// where net/http has no other way.
func (s *stream) finish(e ending) {
	if e != reset && s.fate == reset {
		_ = s.conn.SetLinger(-1) // fails only if it is closed
	}
	if e == reset || e == aborted {
		panic(http.ErrAbortHandler)
	}
}
