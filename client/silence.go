package client

import (
	"context"
	"io"
	"time"
)

// silence ends a connection on which nothing comes while somebody waits for it.
type silence struct {
	limit time.Duration
	timer *time.Timer // nil: there is no limit
}

func newSilence(limit time.Duration, cancel context.CancelCauseFunc) *silence {
	s := &silence{limit: limit}
	if limit > 0 {
		s.timer = time.AfterFunc(limit, func() { cancel(ErrReadTimeout) })
	}
	return s
}

// begin is called before something is waited for.
func (s *silence) begin() {
	if s.timer != nil {
		s.timer.Reset(s.limit)
	}
}

// end is called when something has come.
func (s *silence) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// watched is a body on which silence is limited while it is read. While the loop's body works,
// nobody waits.
type watched struct {
	body    io.Reader
	silence *silence
}

func (w *watched) Read(p []byte) (int, error) {
	w.silence.begin()
	defer w.silence.end()
	return w.body.Read(p)
}
