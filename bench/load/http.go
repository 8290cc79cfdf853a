package load

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// httpCarrier reads with net/http, a goroutine a stream: TLS, HTTP/2 and gzip,
// and every stream where there is no epoll.
type httpCarrier struct {
	swarm   *Swarm
	client  *http.Client
	streams []*httpStream // by index

	mu      sync.Mutex // guards closing, against running.Add
	closing bool
	running sync.WaitGroup
}

// httpStream is a stream of net/http. Its meter's mutex guards it.
type httpStream struct {
	stream
	stop context.CancelFunc // ends its goroutine; nil while there is none
	conn net.Conn           // that its answer comes on

	again bool // it was open before
}

func newHTTPCarrier(s *Swarm) *httpCarrier {
	t := &http.Transport{
		DisableCompression:  true, // what is asked for is decoded here
		MaxIdleConnsPerHost: -1,
		ForceAttemptHTTP2:   s.request.HTTP2,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: s.request.Insecure},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			d := net.Dialer{}
			if from := s.nextSource(); from.IsValid() {
				d.LocalAddr = &net.TCPAddr{IP: from.AsSlice()}
			}
			return d.DialContext(ctx, network, addr)
		},
	}
	return &httpCarrier{swarm: s, client: &http.Client{Transport: t}}
}

func (c *httpCarrier) add(*meter) *stream {
	st := &httpStream{}
	c.streams = append(c.streams, st)
	return &st.stream
}

func (c *httpCarrier) connect(st *stream) { c.start(st, 0) }

func (c *httpCarrier) returns(st *stream, after time.Duration) { c.start(st, after) }

// start begins a stream's goroutine, which connects after a time.
func (c *httpCarrier) start(st *stream, after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	m, h := st.meter, c.streams[st.index]
	m.mu.Lock()
	defer m.mu.Unlock()
	if st.phase != idle {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	st.phase = waiting
	if after == 0 { // whoever waits for all to be open has to see it
		h.dec.restart()
		m.begins(st, Now())
	}
	c.running.Go(func() { c.run(ctx, h, after) })
}

func (c *httpCarrier) leave(st *stream, reset bool) {
	h := c.streams[st.index]
	st.meter.mu.Lock()
	defer st.meter.mu.Unlock()
	st.meter.leaves(st)
	if tcp, ok := h.conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
	if h.stop != nil {
		h.stop()
	}
}

func (c *httpCarrier) busy() float64 { return -1 }

func (c *httpCarrier) close() {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	for _, h := range c.streams {
		c.leave(&h.stream, false)
	}
	c.running.Wait()
	c.client.CloseIdleConnections()
}

// run has the stream until it ends for good, or is stopped.
func (c *httpCarrier) run(ctx context.Context, h *httpStream, after time.Duration) {
	if after > 0 && (!sleepUntil(ctx, Now()+after) || !c.begins(ctx, h)) {
		return
	}
	for {
		err := c.once(ctx, h)
		back, comes := c.breaks(ctx, h, err)
		if !comes || !sleepUntil(ctx, back) || !c.begins(ctx, h) {
			return
		}
	}
}

// breaks notes that the stream ended, unless that was our will.
func (c *httpCarrier) breaks(ctx context.Context, h *httpStream, err error) (back time.Duration, comes bool) {
	m := h.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	h.conn = nil
	if ctx.Err() != nil {
		return 0, false
	}
	return m.breaks(&h.stream, err, Now())
}

func (c *httpCarrier) begins(ctx context.Context, h *httpStream) bool {
	m := h.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	h.dec.restart()
	m.begins(&h.stream, Now())
	return true
}

// once asks for the stream and reads it to its end.
func (c *httpCarrier) once(ctx context.Context, h *httpStream) error {
	res, err := c.ask(ctx, h)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := c.opens(ctx, h, res); err != nil {
		return err
	}
	if h.client.Stops {
		<-ctx.Done()
		return ctx.Err()
	}
	body := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			return fmt.Errorf("read gzip: %w", err)
		}
	}
	return c.readAll(ctx, h, body)
}

// ask sends the request and waits for the head of its answer.
func (c *httpCarrier) ask(ctx context.Context, h *httpStream) (*http.Response, error) {
	r := &c.swarm.request
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		conn := i.Conn
		if t, ok := conn.(*tls.Conn); ok {
			conn = t.NetConn()
		}
		h.meter.mu.Lock()
		h.conn = conn
		h.meter.mu.Unlock()
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), r.Method, r.URL, strings.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "text/event-stream")
	}
	if r.Gzip {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	h.meter.mu.Lock()
	lastID := string(h.dec.lastID)
	h.meter.mu.Unlock()
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	return c.client.Do(req)
}

// opens checks the head of the answer.
func (c *httpCarrier) opens(ctx context.Context, h *httpStream, res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return &refusal{fmt.Sprintf("the answer is %q", res.Status)}
	}
	if t := res.Header.Get("Content-Type"); !strings.HasPrefix(t, "text/event-stream") {
		return &refusal{fmt.Sprintf("the answer is %q and no text/event-stream", t)}
	}
	m := h.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() == nil {
		m.opens(&h.stream, Now(), h.again)
		h.again = true
	}
	return ctx.Err()
}

// readAll reads the body to its end. The time is taken once a read.
func (c *httpCarrier) readAll(ctx context.Context, h *httpStream, body io.Reader) error {
	size := 32 << 10
	if h.client.Rate > 0 {
		size = max(h.client.Rate/50, 1)
	}
	buf := make([]byte, size)
	for {
		n, err := body.Read(buf)
		now := Now()
		bad := c.takes(ctx, h, buf[:n], now)
		switch {
		case bad != nil:
			return bad
		case err == io.EOF:
			return errEnded
		case err != nil:
			return err
		}
		if h.client.Rate > 0 && !sleepUntil(ctx, now+time.Duration(n)*time.Second/time.Duration(h.client.Rate)) {
			return ctx.Err()
		}
	}
}

// takes takes bytes of the body, unless the stream has been left.
func (c *httpCarrier) takes(ctx context.Context, h *httpStream, b []byte, now time.Duration) error {
	h.meter.mu.Lock()
	defer h.meter.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return h.meter.reads(&h.stream, b, now)
}
