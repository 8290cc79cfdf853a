package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Listen is net.Listen for a server of many streams: its Accept survives running
// out of descriptors, which fasthttp takes for the end of the listener. A
// descriptor is kept in reserve; with it the newcomer is accepted and told to
// come back (an event stream by a reconnection time, anything else by a 503),
// and nobody who is already there notices. The reserve comes first: while
// somebody else in the process has got hold of it, the next descriptor that is
// free takes its place, and no connection gets one. Accept may be called by
// several goroutines.
//
// On Linux a connection is accepted when its first bytes are there: one that a
// browser opens ahead and does not use costs no descriptor, and a stream one
// wake-up less to open.
//
// Config.MaxStreams, below the descriptor limit by default, is what keeps it
// from coming to that. On a listener of your own an Accept that fails with
// EMFILE ends fasthttp's Serve.
func Listen(network, addr string) (net.Listener, error) {
	c := listenConfig()
	ln, err := c.Listen(context.Background(), network, addr)
	if err != nil {
		return nil, fmt.Errorf("server: listen on %s %q: %w", network, addr, err)
	}
	l := &listener{Listener: ln}
	if err := l.keepReserve(); err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("server: listen on %s %q: keep a descriptor in reserve: %w; raise the limit (ulimit -n)", network, addr, err)
	}
	return l, nil
}

// listener is a net.Listener that keeps a descriptor in reserve.
type listener struct {
	net.Listener

	mu      sync.Mutex              // held to change what follows
	reserve atomic.Pointer[os.File] // nil while it is in use, or could not be had again
	closed  bool                    // there is to be no reserve any more
}

const (
	// refusalTime is how long a newcomer may take to say what it wants while
	// there are no descriptors: others wait behind it.
	refusalTime = 50 * time.Millisecond
	// scarcityPause is how long to wait when even the reserve is gone.
	scarcityPause = 10 * time.Millisecond
)

// Accept returns the next connection. It does not fail for want of descriptors,
// and returns none while there is no reserve: a connection that got what should
// have become the reserve is told to come back, and gives it up.
func (l *listener) Accept() (net.Conn, error) {
	for {
		l.haveReserve() // if not, the look after Accept counts
		c, err := l.Listener.Accept()
		switch {
		case err == nil && l.haveReserve():
			return c, nil
		case err == nil:
			refuseConn(c)
		case scarce(err):
			l.refuseOne()
		case errors.Is(err, os.ErrDeadlineExceeded): // of acceptNow, on another goroutine
		default:
			return nil, err
		}
	}
}

// haveReserve reports whether there is a reserve, and gets one if it can.
func (l *listener) haveReserve() bool {
	if l.reserve.Load() != nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keepReserve() == nil
}

// scarce reports whether an Accept failed for want of descriptors or memory.
func scarce(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// refuseOne spends the reserve on telling one newcomer to come back.
func (l *listener) refuseOne() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spendReserve() {
		if c, err := l.acceptNow(); err == nil {
			refuseConn(c)
		}
	}
	if l.keepReserve() != nil {
		time.Sleep(scarcityPause) // somebody else took it: wait for any to be free
	}
}

// acceptNow is Accept for a newcomer who is there already: it may have given up.
func (l *listener) acceptNow() (net.Conn, error) {
	if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		if err := d.SetDeadline(time.Now().Add(scarcityPause)); err != nil {
			return nil, err
		}
		defer func() { _ = d.SetDeadline(time.Time{}) }() // fails only when closed
	}
	return l.Listener.Accept()
}

// keepReserve opens the descriptor that is kept in reserve, unless there is one
// or the listener is closed.
func (l *listener) keepReserve() error {
	if l.closed || l.reserve.Load() != nil {
		return nil
	}
	f, err := os.Open(os.DevNull)
	if err == nil {
		l.reserve.Store(f)
	}
	return err
}

// spendReserve closes the reserve, and reports whether there was one.
func (l *listener) spendReserve() bool {
	f := l.reserve.Swap(nil)
	return f != nil && f.Close() == nil
}

// refuseConn answers the request of a connection that cannot be served now.
func refuseConn(c net.Conn) {
	defer c.Close()
	if c.SetDeadline(time.Now().Add(refusalTime)) != nil {
		return
	}
	var buf [4096]byte
	n, _ := c.Read(buf[:]) // nothing is an answer too: 503
	answer := "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	if bytes.Contains(buf[:n], []byte("text/event-stream")) {
		answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\nConnection: close\r\n\r\nretry: 5000\n\n"
	}
	_, _ = c.Write([]byte(answer)) // whoever does not get it is gone
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = c.Read(buf[:]) // until the peer closes, so that the answer arrives
	}
}

// Close stops listening and gives the reserve back.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.spendReserve()
	return err
}
