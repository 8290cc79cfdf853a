package streamwriter

import "sync"

// shutdowns ends the streams of a fasthttp server that is shutting down, which
// would otherwise wait for them. fasthttp offers one channel per server, and no
// callback, so there is one goroutine per server while it has streams.
var shutdowns shutdownWatch

type shutdownWatch struct {
	mu     sync.Mutex // guards all below
	groups map[<-chan struct{}]*shutdownGroup
}

type shutdownGroup struct {
	streams map[*Writer]struct{}
	empty   chan struct{} // closed when the last stream leaves
}

func (s *shutdownWatch) add(done <-chan struct{}, w *Writer) {
	if done == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups == nil {
		s.groups = make(map[<-chan struct{}]*shutdownGroup)
	}
	g := s.groups[done]
	if g == nil {
		g = &shutdownGroup{streams: make(map[*Writer]struct{}), empty: make(chan struct{})}
		s.groups[done] = g
		go s.wait(done, g)
	}
	g.streams[w] = struct{}{}
}

func (s *shutdownWatch) remove(done <-chan struct{}, w *Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[done]
	if g == nil {
		return
	}
	delete(g.streams, w)
	if len(g.streams) == 0 {
		close(g.empty)
		delete(s.groups, done)
	}
}

func (s *shutdownWatch) wait(done <-chan struct{}, g *shutdownGroup) {
	select {
	case <-g.empty:
	case <-done:
		s.mu.Lock()
		defer s.mu.Unlock()
		for w := range g.streams {
			w.cancel(ErrServerShutdown)
		}
		if s.groups[done] == g { // later streams get a group that ends at once
			delete(s.groups, done)
		}
	}
}
