package socket

import (
	"net"
	"sync"
	"syscall"
)

// Watch calls gone, once, soon after the peer of c has closed, half-closed or
// reset the connection (0.2 ms on loopback), whether or not anybody reads or
// writes c. It looks through TLS and other wrappers; ok is false if there is no
// socket beneath.
//
// gone runs on a goroutine that all watches share: it must not block. Call stop
// before c is closed or used for another request; gone is not called after stop
// has returned.
func Watch(c net.Conn, gone func()) (stop func(), ok bool) {
	raw, ok := Beneath(c)
	if !ok {
		return nil, false
	}
	return watching.add(raw, gone)
}

// watching is the process's only watcher. It has a goroutine and descriptors while it
// watches a connection, and nothing otherwise.
var watching watcher

type watcher struct {
	mu     sync.Mutex // guards all below; held while gone is called
	poller *Poller    // nil: no connection is watched
	last   uint64     // last token that was given; none is given twice
	gone   map[uint64]func()
}

func (w *watcher) add(raw syscall.RawConn, gone func()) (stop func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.poller == nil {
		p, err := NewPoller()
		if err != nil {
			return nil, false
		}
		w.poller, w.gone = p, make(map[uint64]func())
		go w.run(p)
	}
	w.last++
	token := w.last
	added := false
	// Inside Control the descriptor cannot be closed and given to another.
	err := raw.Control(func(fd uintptr) { added = w.poller.WatchPeer(int(fd), token) == nil })
	if err != nil || !added {
		w.endIfIdleLocked()
		return nil, false
	}
	w.gone[token] = gone
	return func() { w.remove(raw, token) }, true
}

func (w *watcher) remove(raw syscall.RawConn, token uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, watched := w.gone[token]; !watched {
		return // the descriptor may belong to another watch by now
	}
	// If c is closed already, the kernel has removed it, and this fails.
	_ = raw.Control(func(fd uintptr) { w.poller.Remove(int(fd)) })
	delete(w.gone, token)
	w.endIfIdleLocked()
}

// endIfIdleLocked ends the goroutine after the last watch.
func (w *watcher) endIfIdleLocked() {
	if len(w.gone) > 0 {
		return
	}
	w.poller.Wake()
	w.poller, w.gone = nil, nil // run(p) still has the poller, and closes it
}

func (w *watcher) run(p *Poller) {
	defer p.Close()
	var ready []Ready
	for {
		ready = p.Wait(ready[:0], -1)
		if !w.report(p, ready) {
			return
		}
	}
}

// report calls the gone functions of peers that have left, and reports whether p is
// still in use.
func (w *watcher) report(p *Poller, ready []Ready) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.poller != p {
		return false
	}
	for _, r := range ready {
		if gone := w.gone[r.Token]; gone != nil && r.PeerGone {
			w.gone[r.Token] = nil // called once; the entry stays until stop
			gone()
		}
	}
	return true
}
