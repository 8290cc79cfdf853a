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
	client Client          // as it was at the beginning
	ctx    context.Context // until the stream is left
	stop   context.CancelFunc
	conn   net.Conn // its alone; nil while there is none; the meter's mutex guards it
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

func (c *httpCarrier) connect(st *stream, after time.Duration) {
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
	v := &visit{httpStream: h, client: st.client}
	v.ctx, v.stop = context.WithCancel(context.Background())
	h.visit = v
	st.phase = waiting
	if after == 0 { // whoever waits for all to be open has to see it
		_ = v.begins()
	}
	c.running.Go(func() {
		defer v.stop()
		c.run(v, after)
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

// run has the stream until it ends for good, or is left.
func (c *httpCarrier) run(v *visit, after time.Duration) {
	if after > 0 && !v.comesBack(Now()+after) {
		return
	}
	for {
		err := c.once(v)
		back, comes := time.Duration(0), false
		_ = v.unlessLeft(func() error {
			v.conn = nil
			back, comes = v.meter.breaks(&v.stream, err, Now())
			return nil
		})
		if !comes || !v.comesBack(back) {
			return
		}
	}
}

// unlessLeft does what the meter's mutex guards, unless the stream has been left.
func (v *visit) unlessLeft(do func() error) error {
	v.meter.mu.Lock()
	defer v.meter.mu.Unlock()
	if v.ctx.Err() != nil {
		return v.ctx.Err()
	}
	return do()
}

// comesBack waits until the client connects again; false: the stream has been left.
func (v *visit) comesBack(at time.Duration) bool {
	return sleepUntil(v.ctx, at) && v.unlessLeft(v.begins) == nil
}

// begins notes that the client connects. The meter's mutex is held.
func (v *visit) begins() error {
	v.connects()
	v.meter.begins(&v.stream, Now())
	return nil
}

func (c *httpCarrier) once(v *visit) error {
	res, err := c.ask(v)
	for ; err == nil && res.StatusCode != http.StatusOK; res, err = c.ask(v) {
		no := refused(res)
		if err := v.unlessLeft(func() error { return c.swarm.follow(&v.stream, no) }); err != nil {
			return err
		}
	}
	if err != nil {
		return explained(err)
	}
	defer res.Body.Close()
	encoding := res.Header.Get("Content-Encoding")
	if err := noStream(res, c.swarm.request.Compress); err != nil {
		return err
	}
	err = v.unlessLeft(func() error {
		v.meter.opens(&v.stream, Now())
		return nil
	})
	if err != nil {
		return err
	}
	if v.client.Stops {
		<-v.ctx.Done()
		return v.ctx.Err()
	}
	body, err := c.swarm.traffic.decode(res.Body, encoding)
	if err != nil {
		return err
	}
	return v.readAll(body)
}

func (c *httpCarrier) ask(v *visit) (*http.Response, error) {
	v.meter.mu.Lock()
	a, err := c.swarm.asks(&v.stream)
	v.meter.mu.Unlock()
	if err != nil {
		return nil, err
	}
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { v.has(i.Conn) }}
	req, err := a.request(httptrace.WithClientTrace(v.ctx, trace))
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

// readAll reads the body to its end. The time is taken once a read.
func (v *visit) readAll(body io.Reader) error {
	size := 32 << 10
	if v.client.Rate > 0 {
		size = max(v.client.Rate/50, 1)
	}
	buf := make([]byte, size)
	for {
		n, err := body.Read(buf)
		now := Now()
		bad := v.unlessLeft(func() error { return v.meter.reads(&v.stream, buf[:n], now) })
		switch {
		case bad != nil:
			return bad
		case err == io.EOF:
			return errEnded
		case err != nil:
			return err
		}
		if v.client.Rate > 0 && !sleepUntil(v.ctx, now+time.Duration(n)*time.Second/time.Duration(v.client.Rate)) {
			return v.ctx.Err()
		}
	}
}
