package load

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
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
	visit *visit // the last one
}

// visit is a goroutine's time with a stream, which ends when the stream does for
// good, or is left. The next one may begin before it has noticed.
type visit struct {
	*httpStream
	client Client             // as it was at the beginning
	stop   context.CancelFunc // ends it
	conn   net.Conn           // its alone; nil while there is none; the meter's mutex guards it
}

func newHTTPCarrier(s *Swarm) *httpCarrier {
	t := s.dialer.transport(s.request.TLS, -1, s.request.HTTP2)
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, at string) (net.Conn, error) {
		conn, err := dial(ctx, network, at)
		if err != nil {
			return nil, err
		}
		return &counted{conn, &s.traffic}, nil
	}
	return &httpCarrier{swarm: s, client: &http.Client{Transport: t, CheckRedirect: dontFollow}}
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
	v := &visit{httpStream: h, client: st.client, stop: stop}
	h.visit = v
	st.phase = waiting
	if after == 0 { // whoever waits for all to be open has to see it
		h.connects()
		m.begins(st, Now())
	}
	c.running.Go(func() {
		defer stop()
		c.run(ctx, v, after)
	})
}

func (c *httpCarrier) leave(st *stream, reset bool) {
	st.meter.mu.Lock()
	defer st.meter.mu.Unlock()
	st.meter.leaves(st)
	v := c.streams[st.index].visit
	if v == nil {
		return
	}
	if tcp, ok := v.conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
	v.stop()
}

func (c *httpCarrier) busy() []time.Duration { return nil }

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
func (c *httpCarrier) run(ctx context.Context, v *visit, after time.Duration) {
	if after > 0 && (!sleepUntil(ctx, Now()+after) || !c.begins(ctx, v)) {
		return
	}
	for {
		err := c.once(ctx, v)
		back, comes := c.breaks(ctx, v, err)
		if !comes || !sleepUntil(ctx, back) || !c.begins(ctx, v) {
			return
		}
	}
}

// breaks notes that the stream ended, unless that was our will.
func (c *httpCarrier) breaks(ctx context.Context, v *visit, err error) (back time.Duration, comes bool) {
	m := v.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	v.conn = nil
	if ctx.Err() != nil {
		return 0, false
	}
	return m.breaks(&v.stream, err, Now())
}

func (c *httpCarrier) begins(ctx context.Context, v *visit) bool {
	m := v.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	v.connects()
	m.begins(&v.stream, Now())
	return true
}

// once asks for the stream and reads it to its end.
func (c *httpCarrier) once(ctx context.Context, v *visit) error {
	res, err := c.ask(ctx, v)
	for ; err == nil && res.StatusCode != http.StatusOK; res, err = c.ask(ctx, v) {
		if err := c.follows(v, refused(res)); err != nil {
			return err
		}
	}
	if err != nil {
		return explained(err)
	}
	defer res.Body.Close()
	if err := c.opens(ctx, v, res); err != nil {
		return err
	}
	if v.client.Stops {
		<-ctx.Done()
		return ctx.Err()
	}
	body, err := c.swarm.traffic.decode(res.Body, res.Header.Get("Content-Encoding"))
	if err != nil {
		return err
	}
	return c.readAll(ctx, v, body)
}

// follows takes a redirection, or returns why the stream is refused.
func (c *httpCarrier) follows(v *visit, r *refusal) error {
	v.meter.mu.Lock()
	defer v.meter.mu.Unlock()
	return c.swarm.follow(&v.stream, r)
}

// ask sends the request and waits for the head of its answer.
func (c *httpCarrier) ask(ctx context.Context, v *visit) (*http.Response, error) {
	v.meter.mu.Lock()
	a, err := c.swarm.asks(&v.stream)
	v.meter.mu.Unlock()
	if err != nil {
		return nil, err
	}
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { v.has(i.Conn) }}
	req, err := a.request(httptrace.WithClientTrace(ctx, trace))
	if err != nil {
		return nil, err
	}
	return c.client.Do(req)
}

// has notes the connection, unless streams share it: of these none can be reset
// by way of it.
func (v *visit) has(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		if conn = t.NetConn(); t.ConnectionState().NegotiatedProtocol == "h2" {
			return
		}
	}
	conn = conn.(*counted).Conn
	if tcp, ok := conn.(*net.TCPConn); ok && v.client.ill() {
		_ = tcp.SetReadBuffer(v.client.window())
	}
	v.meter.mu.Lock()
	defer v.meter.mu.Unlock()
	v.conn = conn
}

// opens checks the head of the answer.
func (c *httpCarrier) opens(ctx context.Context, v *visit, res *http.Response) error {
	if err := noStream(res.Header.Get("Content-Type"), res.Header.Get("Content-Encoding"), c.swarm.request.Compress); err != nil {
		return err
	}
	m := v.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() == nil {
		m.opens(&v.stream, Now())
	}
	return ctx.Err()
}

// readAll reads the body to its end. The time is taken once a read.
func (c *httpCarrier) readAll(ctx context.Context, v *visit, body io.Reader) error {
	size := 32 << 10
	if v.client.Rate > 0 {
		size = max(v.client.Rate/50, 1)
	}
	buf := make([]byte, size)
	for {
		n, err := body.Read(buf)
		now := Now()
		bad := c.takes(ctx, v, buf[:n], now)
		switch {
		case bad != nil:
			return bad
		case err == io.EOF:
			return errEnded
		case err != nil:
			return err
		}
		if v.client.Rate > 0 && !sleepUntil(ctx, now+time.Duration(n)*time.Second/time.Duration(v.client.Rate)) {
			return ctx.Err()
		}
	}
}

// takes takes bytes of the body, unless the stream has been left.
func (c *httpCarrier) takes(ctx context.Context, v *visit, b []byte, now time.Duration) error {
	v.meter.mu.Lock()
	defer v.meter.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return v.meter.reads(&v.stream, b, now)
}
