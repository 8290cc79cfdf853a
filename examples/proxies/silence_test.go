package proxies

import (
	"testing"
	"time"
)

const (
	quietFor = 130 * time.Second
	leaveFor = 90 * time.Second // how long is waited until the hub notices that a client has left
)

// silences is what a way makes of streams on which nothing happens, in seconds. -1 means
// never (within quietFor or leaveFor).
type silences struct {
	Survives bool    `json:"survives"` // quietFor of nothing but heartbeats; then an event comes
	Cut      float64 `json:"cut"`      // without heartbeats, the stream is cut after this
	Left     float64 `json:"left"`     // the hub notices after this that a client has closed its connection
	Reset    float64 `json:"reset"`    // the same of a stream that was reset, on an HTTP/2 connection that goes on
}

// silence takes as long as quietFor.
func (w *watched) silence(t *testing.T, s setup, l line, topic string) (found silences, err error) {
	quiet, err := l.open(t, "/events?topic="+topic+"quiet", eventSource)
	if err != nil {
		return found, err
	}
	bare, err := l.open(t, "/events/quiet?topic="+topic, eventSource)
	if err != nil {
		return found, err
	}
	begun := time.Now()
	cut := make(chan float64, 1)
	go func() {
		cut <- seconds(bare.ended(quietFor), begun)
	}()
	left, reset := make(chan float64, 1), make(chan float64, 1)
	go func() { left <- w.leaving(t, l, topic+"left", func(s *stream) { s.connections.close() }) }()
	if s.http2 {
		go func() { reset <- w.leaving(t, l, topic+"reset", func(s *stream) { s.leave() }) }()
	} else {
		reset <- 0
	}
	found.Cut, found.Left, found.Reset = <-cut, <-left, <-reset
	time.Sleep(time.Until(begun.Add(quietFor)))
	w.publish(t, topic+"quiet", "still there")
	a, ok := quiet.next(headLimit)
	found.Survives = ok && a.Data == "still there"
	return found, nil
}

// leaving opens a stream, has its client leave, and says after how many seconds the hub
// knows.
func (w *watched) leaving(t *testing.T, l line, topic string, leave func(*stream)) float64 {
	s, err := l.open(t, "/events?topic="+topic, eventSource)
	if err != nil {
		t.Error(err)
		return -1
	}
	gone := time.Now()
	leave(s)
	for limit := gone.Add(leaveFor); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		if at := w.left(topic); !at.IsZero() {
			return at.Sub(gone).Seconds()
		}
	}
	return -1
}

// seconds is how long ago begun is, if it has happened; otherwise -1.
func seconds(happened bool, begun time.Time) float64 {
	if !happened {
		return -1
	}
	return time.Since(begun).Seconds()
}
