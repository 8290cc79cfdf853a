package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
)

// capabilities are the optional features that the suite may test. Two names are of one: what a
// 204 does is server-directed-shutdown-request to other services of the suite, 204 to its tests.
// There is one that the client does not have: event-type-listeners, for clients that must be told
// which types to expect.
var capabilities = []string{
	"204", "bom", "comments", "empty-or-missing-location", "headers", "last-event-id", "payload-size-stress-testable",
	"post", "read-timeout", "report", "restart", "server-directed-shutdown-request",
}

// service runs the streams that the suite has asked for.
type service struct {
	ctx     context.Context
	quit    func()
	running sync.WaitGroup

	mu      sync.Mutex // guards streams and made
	streams map[string]*stream
	made    int
}

func newService(ctx context.Context, quit func()) *service {
	return &service{ctx: ctx, quit: quit, streams: map[string]*stream{}}
}

func (s *service) handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string][]string{"capabilities": capabilities})
	})
	m.HandleFunc("DELETE /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		s.quit()
	})
	m.HandleFunc("POST /{$}", s.create)
	m.HandleFunc("POST /streams/{id}", s.command)
	m.HandleFunc("DELETE /streams/{id}", s.remove)
	return m
}

// create begins a stream.
func (s *service) create(w http.ResponseWriter, r *http.Request) {
	var p params
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if p.StreamURL == "" || p.CallbackURL == "" {
		http.Error(w, "streamUrl and callbackUrl are needed", http.StatusBadRequest)
		return
	}
	st := newStream(s.ctx, p)
	s.mu.Lock()
	s.made++
	id := strconv.Itoa(s.made)
	s.streams[id] = st
	s.mu.Unlock()
	s.running.Go(st.run)
	w.Header().Set("Location", "/streams/"+id)
	w.WriteHeader(http.StatusCreated)
}

// find is the stream that a request is about; nil: there is none, and the request is answered.
func (s *service) find(w http.ResponseWriter, r *http.Request, remove bool) *stream {
	id := r.PathValue("id")
	s.mu.Lock()
	st := s.streams[id]
	if remove {
		delete(s.streams, id)
	}
	s.mu.Unlock()
	if st == nil {
		http.NotFound(w, r)
	}
	return st
}

func (s *service) command(w http.ResponseWriter, r *http.Request) {
	st := s.find(w, r, false)
	if st == nil {
		return
	}
	var c struct {
		Command string `json:"command"`
	}
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil || c.Command != "restart" {
		http.Error(w, "the one command is restart", http.StatusBadRequest)
		return
	}
	st.restart()
	w.WriteHeader(http.StatusNoContent)
}

func (s *service) remove(w http.ResponseWriter, r *http.Request) {
	if st := s.find(w, r, true); st != nil {
		st.end()
		w.WriteHeader(http.StatusNoContent)
	}
}
