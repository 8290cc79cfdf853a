package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/client"
)

// params is what the suite says of a stream that it wants.
type params struct {
	StreamURL      string            `json:"streamUrl"`
	CallbackURL    string            `json:"callbackUrl"`
	Tag            string            `json:"tag"`
	InitialDelayMS *int64            `json:"initialDelayMs"`
	ReadTimeoutMS  *int64            `json:"readTimeoutMs"`
	LastEventID    string            `json:"lastEventId"`
	Headers        map[string]string `json:"headers"`
	Method         string            `json:"method"`
	Body           *string           `json:"body"`
}

// maxEvent has room for the largest event of the suite, which takes 128 MiB and nine bytes.
const maxEvent = 256 << 20

// source is the EventSource that is meant.
func (p *params) source() client.EventSource {
	s := client.EventSource{
		URL: p.StreamURL, Method: p.Method, LastEventID: p.LastEventID, Header: http.Header{},
		GapsAreEvents: true, MaxEvent: maxEvent,
	}
	for name, value := range p.Headers {
		s.Header.Set(name, value)
	}
	if p.Body != nil {
		s.Body = []byte(*p.Body)
	}
	if p.InitialDelayMS != nil { // the client waits for at least a millisecond
		s.Retry = time.Duration(max(1, *p.InitialDelayMS)) * time.Millisecond
	}
	if p.ReadTimeoutMS != nil {
		s.ReadTimeout = time.Duration(*p.ReadTimeoutMS) * time.Millisecond
	}
	return s
}

// message is what the suite is told.
type message struct {
	Kind    string `json:"kind"`
	Event   *event `json:"event,omitempty"`
	Comment string `json:"comment,omitempty"`
	Error   string `json:"error,omitempty"`
}

type event struct {
	Type string `json:"type"`
	Data string `json:"data"`
	ID   string `json:"id,omitempty"`
}

// newEvent is e as a browser would dispatch it: without a type it is a message.
func newEvent(e fastsse.Event) *event {
	return &event{Type: cmp.Or(e.Type, "message"), Data: string(e.Data), ID: e.ID}
}

// stream is one loop over events, or several one after the other if it is restarted.
type stream struct {
	callback string
	source   client.EventSource
	ctx      context.Context
	end      context.CancelFunc
	told     int // messages

	mu   sync.Mutex // guards stop
	stop context.CancelFunc
}

func newStream(ctx context.Context, p params) *stream {
	s := &stream{callback: p.CallbackURL, source: p.source()}
	s.ctx, s.end = context.WithCancel(ctx)
	s.source.OnComment = func(text string) { s.tell(message{Kind: "comment", Comment: text}) }
	s.source.OnReconnect = func(err error, _ time.Duration) { s.tellError(err) }
	return s
}

// run ranges over the events until the server or the suite ends the stream. A restart is what an
// application does that wants one: it leaves the loop, and begins another where that was.
func (s *stream) run() {
	defer s.end()
	for s.loop() {
	}
}

// loop reports whether there is to be another one.
func (s *stream) loop() (again bool) {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	s.mu.Lock()
	s.stop = stop
	s.mu.Unlock()
	last := s.source.LastEventID
	defer func() { s.source.LastEventID = last }()
	for e, err := range s.source.Events(ctx) {
		switch {
		case err == nil:
			last = e.ID
			s.tell(message{Kind: "event", Event: newEvent(e)})
		case ctx.Err() != nil:
			return s.ctx.Err() == nil
		default:
			s.tellError(err)
		}
	}
	return false
}

// restart makes the stream begin anew.
func (s *stream) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
}

// tellError sends the text in two fields: the documentation names the one, the suite reads the other.
func (s *stream) tellError(err error) {
	s.tell(message{Kind: "error", Comment: err.Error(), Error: err.Error()})
}

// tell posts a message to the suite. The suite sorts messages by the number in their paths.
func (s *stream) tell(m message) {
	s.told++
	b, err := json.Marshal(m)
	if err != nil {
		log.Printf("contracttest: %v", err)
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s/%d", s.callback, s.told), bytes.NewReader(b))
	if err != nil {
		log.Printf("contracttest: %v", err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if s.ctx.Err() == nil {
			log.Printf("contracttest: %v", err)
		}
		return
	}
	_ = resp.Body.Close()
}
