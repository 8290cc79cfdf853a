package proxies

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// line is a way to the server.
type line struct {
	url  string // without a slash at its end
	gzip bool   // clients accept it
}

// connections makes a Transport, and remembers its connections.
type connections struct {
	*http.Transport

	mu  sync.Mutex // guards all
	all []net.Conn
}

// connect makes the Transport of one client. It opens limit connections at most.
func (l line) connect(limit int) *connections {
	c := &connections{}
	c.Transport = &http.Transport{
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2:  true,
		DisableCompression: !l.gzip,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return c.add(conn, limit)
		},
	}
	return c
}

func (c *connections) add(conn net.Conn, limit int) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == limit {
		_ = conn.Close()
		return nil, errors.New("the client has all the connections that it may have")
	}
	c.all = append(c.all, conn)
	return conn, nil
}

// close ends the connections as a client does that is gone: the server's kernel is told,
// and nothing else.
func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		_ = conn.Close()
	}
}

// stream is an open stream. Its events are what has arrived, positions without data too.
type stream struct {
	head       time.Duration // from the call to the response's headers
	compressed bool
	protocol   string
	arrivals   chan arrival // closed at the stream's end
	err        error        // io.EOF or what cut it; set before arrivals is closed

	connections *connections
	leave       context.CancelFunc // ends the request, but over HTTP/2 not the connection
}

// arrival is an event with the time when it came.
type arrival struct {
	testkit.Event // without a type: only a position
	at            time.Time
}

// headLimit is how long a stream may take to open. HAProxy and Caddy take no time.
const headLimit = 4 * time.Second

// open opens a stream over a connection of its own, until the end of the test.
func (l line) open(t *testing.T, path string, header http.Header) (*stream, error) {
	c := l.connect(1)
	s, err := c.open(t, l.url+path, header)
	if err != nil {
		c.close()
	}
	return s, err
}

// open opens a stream over c. It may be called on any goroutine.
func (c *connections) open(t *testing.T, url string, header http.Header) (*stream, error) {
	ctx, cancel := context.WithCancel(t.Context())
	late := time.AfterFunc(headLimit, cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	request.Header = header.Clone()
	asked := time.Now()
	response, err := c.RoundTrip(request)
	if err != nil || !late.Stop() {
		cancel()
		return nil, fmt.Errorf("no head within %v: %w", headLimit, err)
	}
	s := &stream{
		head: time.Since(asked), compressed: response.Uncompressed, protocol: response.Proto,
		arrivals: make(chan arrival, 4096), connections: c, leave: cancel,
	}
	if response.StatusCode != http.StatusOK {
		cancel()
		return nil, fmt.Errorf("answered %s", response.Status)
	}
	go s.read(response)
	return s, nil
}

// read reads the stream to its end.
func (s *stream) read(response *http.Response) {
	defer close(s.arrivals)
	defer func() { _ = response.Body.Close() }()
	decoder := testkit.NewDecoder(response.Body)
	decoder.OnID = func(string) bool { return true }
	for {
		e, err := decoder.Next()
		if err != nil {
			s.err = err
			return
		}
		s.arrivals <- arrival{e, time.Now()}
	}
}

// next is the next event, if it comes within limit; positions are left out.
func (s *stream) next(limit time.Duration) (arrival, bool) {
	over := time.After(limit)
	for {
		select {
		case a, open := <-s.arrivals:
			if !open || a.Type != "" {
				return a, open
			}
		case <-over:
			return arrival{}, false
		}
	}
}

// ended waits for the end of the stream, and says whether it has come within limit.
func (s *stream) ended(limit time.Duration) bool {
	over := time.After(limit)
	for {
		select {
		case _, open := <-s.arrivals:
			if !open {
				return true
			}
		case <-over:
			return false
		}
	}
}
