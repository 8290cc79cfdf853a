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

// Listen is net.Listen for a server of many streams. When the process runs out of
// descriptors, its Accept does not return an error, after which fasthttp's Serve would
// end. Instead it uses a descriptor that it keeps in reserve to accept each further
// connection and to tell the client to come back (an event stream with a reconnection
// time, anything else with a 503). Open connections are not affected. If other code in
// the process takes that descriptor, the next one that becomes free is kept in reserve,
// and until then no connection is served. Accept may be called by several goroutines.
//
// On Linux a connection is accepted when its first bytes have arrived: one that a browser
// opens in advance and does not use costs no descriptor.
//
// By default Config.MaxSubscribers is below the descriptor limit, so that this rarely
// happens. With a listener of your own, Serve returns when Accept fails with EMFILE.
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

	mu      sync.Mutex              // guards closed, and changes of reserve
	reserve atomic.Pointer[os.File] // nil while it is in use, or could not be opened again
	closed  bool                    // the listener is closed: no reserve is kept
}

const (
	// refusalTime is how long a refused client may take to send its request and to take
	// the answer: others wait behind it.
	refusalTime = 50 * time.Millisecond
	// scarcityPause is how long to wait when even the reserve is gone.
	scarcityPause = 10 * time.Millisecond
)

// Accept returns the next connection. It does not fail for lack of descriptors, and
// returns no connection while there is no reserve: one that got the descriptor which
// should have become the reserve is refused, and closed.
func (l *listener) Accept() (net.Conn, error) {
	for {
		l.haveReserve() // if it fails, it is tried again after Accept
		c, err := l.Listener.Accept()
		switch {
		case err == nil && l.haveReserve():
			return c, nil
		case err == nil:
			refuseConn(c)
		case scarce(err):
			l.refuseOne()
		case errors.Is(err, os.ErrDeadlineExceeded): // the deadline is that of acceptNow, on another goroutine
		default:
			return nil, err
		}
	}
}

// haveReserve reports whether there is a reserve, after opening one if there was none.
func (l *listener) haveReserve() bool {
	if l.reserve.Load() != nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keepReserve() == nil
}

// scarce reports whether an Accept failed for lack of descriptors or memory.
func scarce(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// refuseOne uses the reserve to accept one connection and refuse it.
func (l *listener) refuseOne() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spendReserve() {
		if c, err := l.acceptNow(); err == nil {
			refuseConn(c)
		}
	}
	if l.keepReserve() != nil {
		time.Sleep(scarcityPause) // other code took the descriptor: wait for one to become free
	}
}

// acceptNow is Accept for a connection that was reported already. It waits only briefly,
// since the client may have given up.
func (l *listener) acceptNow() (net.Conn, error) {
	if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		if err := d.SetDeadline(time.Now().Add(scarcityPause)); err != nil {
			return nil, err
		}
		defer func() { _ = d.SetDeadline(time.Time{}) }() // fails only when closed
	}
	return l.Listener.Accept()
}

// keepReserve opens the descriptor that is kept in reserve, unless it is open or the
// listener is closed. The caller holds l.mu.
func (l *listener) keepReserve() error {
	if l.closed || l.reserve.Load() != nil {
		return nil
	}
	f, err := openAny()
	if err == nil {
		l.reserve.Store(f)
	}
	return err
}

// openAny opens a descriptor of whatever kind.
func openAny() (*os.File, error) {
	f, err := os.Open(os.DevNull)
	if !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	r, w, err := os.Pipe() // a container without /dev
	if err != nil {
		return nil, err
	}
	return r, w.Close()
}

// spendReserve closes the reserve, and reports whether there was one. The caller holds
// l.mu.
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
	n, _ := c.Read(buf[:])                    // without a request, the answer is 503
	_, _ = c.Write([]byte(noStream(buf[:n]))) // if it fails, the client is gone
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = c.Read(buf[:]) // until the peer closes, so that the answer arrives
	}
}

// noStream is the answer to a request. To one for a stream it is: come back later. Over
// HTTP/1.1 it is cut, because that tells clients of all kinds: see streamwriter.End.
func noStream(request []byte) string {
	const later = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\nConnection: close\r\n"
	switch {
	case !bytes.Contains(request, []byte("text/event-stream")):
		return "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	case bytes.Contains(request, []byte(" HTTP/1.1\r\n")):
		return later + "Transfer-Encoding: chunked\r\n\r\n" + "d\r\nretry: 5000\n\n\r\n"
	}
	return later + "\r\nretry: 5000\n\n"
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
