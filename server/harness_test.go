package server_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

const patience = 20 * time.Second // for what should happen at once, on a busy machine

// connKind is a kind of connection, and a way to hold a stream on it.
type connKind struct {
	name   string
	parked bool   // on Linux
	why    string // StreamedWhy, if it is not parked
	path   string
	config func(*server.Config)
	listen func(t *testing.T) (net.Listener, dialer)
}

type dialer func() (net.Conn, error)

var (
	parkedTCP   = connKind{name: "parked", parked: true, path: "/events", listen: listenTCP}
	streamedTCP = connKind{name: "streamed", why: "configured", path: "/events", config: streamed, listen: listenTCP}
	followTCP   = connKind{name: "follow", why: "follow", path: "/follow", listen: listenTCP}
	twoKinds    = []connKind{parkedTCP, streamedTCP}
	connKinds   = []connKind{
		parkedTCP, streamedTCP,
		{name: "unix socket", parked: true, path: "/events", listen: listenUnix},
		{name: "unix socket streamed", why: "configured", path: "/events", config: streamed, listen: listenUnix},
		{name: "TLS", why: "tls", path: "/events", listen: listenTLS},
		{name: "in memory", why: "not_a_socket", path: "/events", listen: listenMemory},
		followTCP,
		{name: "follow TLS", why: "follow", path: "/follow", listen: listenTLS},
	}
)

func streamed(c *server.Config) { c.Delivery = server.DeliverByGoroutine }

// twoWays runs f for parked and streamed streams on TCP.
func twoWays(t *testing.T, f func(t *testing.T, kind connKind)) {
	t.Helper()
	forEachKind(t, twoKinds, f)
}

// allConns runs f for each kind of connection.
func allConns(t *testing.T, f func(t *testing.T, kind connKind)) {
	t.Helper()
	forEachKind(t, connKinds, f)
}

func forEachKind(t *testing.T, list []connKind, f func(t *testing.T, kind connKind)) {
	t.Helper()
	for _, kind := range list {
		t.Run(kind.name, func(t *testing.T) { f(t, kind) })
	}
}

func listenTCP(t *testing.T) (net.Listener, dialer) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln, func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
}

func listenUnix(t *testing.T) (net.Listener, dialer) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	return ln, func() (net.Conn, error) { return net.Dial("unix", ln.Addr().String()) }
}

func listenMemory(*testing.T) (net.Listener, dialer) {
	ln := fasthttputil.NewInmemoryListener()
	return ln, ln.Dial
}

func listenTLS(t *testing.T) (net.Listener, dialer) {
	ln, _ := listenTCP(t)
	addr := ln.Addr().String()
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{certificate(t)}}), func() (net.Conn, error) {
		return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	}
}

var certificate = func() func(t *testing.T) tls.Certificate {
	once := sync.OnceValues(func() (tls.Certificate, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return tls.Certificate{}, err
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	})
	return func(t *testing.T) tls.Certificate {
		c, err := once()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}()

// harness is a hub under test, behind a fasthttp server.
type harness struct {
	t    *testing.T
	kind connKind
	hub  *server.Hub
	log  *testLog
	dial dialer
}

// setup is what a test may want different.
type setup struct {
	config    server.Config
	subscribe server.SubscribeOptions
	publish   server.PublishOptions
	wrap      func(fasthttp.RequestHandler) fasthttp.RequestHandler
	server    func(*fasthttp.Server)
}

func newHarness(t *testing.T, kind connKind, o setup) *harness {
	t.Helper()
	h := &harness{t: t, kind: kind, log: &testLog{}}
	if kind.config != nil {
		kind.config(&o.config)
	}
	if o.config.Logger == nil {
		o.config.Logger = h.log
	}
	hub, err := server.New(o.config)
	if err != nil {
		t.Fatal(err)
	}
	h.hub = hub
	routes := router.New()
	server.Mount(routes, hub, server.MountOptions{Subscribe: o.subscribe, Publish: o.publish})
	routes.GET("/follow", h.follow(o.config))
	srv := &fasthttp.Server{Handler: routes.Handler, Logger: h.log}
	if o.wrap != nil {
		srv.Handler = o.wrap(srv.Handler)
	}
	if o.server != nil {
		o.server(srv)
	}
	ln, dial := kind.listen(t)
	h.dial = dial
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		testkit.Within(t, "the hub closes", func() { hub.Close(context.Background()) })
		ln.Close()
		testkit.Within(t, "the server ends", func() { <-served })
	})
	return h
}

// follow is an application's own handler.
func (h *harness) follow(c server.Config) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		var topics []string
		for _, t := range ctx.QueryArgs().PeekMulti("topic") {
			topics = append(topics, string(t))
		}
		o := streamwriter.Options{Heartbeat: c.Heartbeat, Retry: c.Retry, MaxAge: c.MaxAge, WriteTimeout: c.WriteTimeout, Logger: h.log}
		streamwriter.Serve(ctx, o, func(w *streamwriter.Writer) error { return h.hub.Follow(w, topics...) })
	}
}

// testLog keeps what is logged.
type testLog struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (l *testLog) Printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *testLog) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.lines, "\n"), part)
}

// publish publishes data as events of a topic, and returns their ids.
func (h *harness) publish(topic string, data ...string) (ids []string) {
	h.t.Helper()
	for _, d := range data {
		id, err := h.hub.Publish(topic, streamwriter.Event{Data: []byte(d)})
		if err != nil {
			h.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func (h *harness) publishAs(topic, id, data string) {
	h.t.Helper()
	if _, err := h.hub.Publish(topic, streamwriter.Event{ID: id, Data: []byte(data)}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) ephemeral(topic, data string) {
	h.t.Helper()
	if _, err := h.hub.PublishAll([]server.Message{{Topic: topic, Event: streamwriter.Event{Data: []byte(data)}, Ephemeral: true}}); err != nil {
		h.t.Fatal(err)
	}
}

// client is one connection and the answer on it.
type client struct {
	t      *testing.T
	conn   net.Conn
	r      *bufio.Reader
	status string
	head   textproto.MIMEHeader
	body   io.Reader // what dec reads
	dec    *testkit.Decoder
}

// request is one written by hand.
type request struct {
	method, path, proto string // zero: GET, the connection kind's, HTTP/1.1
	topics              []string
	query               string // beside the topics
	lastID              string // header; "-" is none at all
	headers             []string
	other               bool // not an EventSource's
}

// asEventSource are headers by which an EventSource shows itself.
var asEventSource = []string{"Accept: text/event-stream", "Cache-Control: no-cache"}

func (q request) bytes() []byte {
	method, proto := or(q.method, "GET"), or(q.proto, "HTTP/1.1")
	v := url.Values{"topic": q.topics}.Encode()
	if q.query != "" {
		v += "&" + q.query
	}
	b := fmt.Appendf(nil, "%s %s?%s %s\r\nHost: test\r\n", method, q.path, v, proto)
	if q.lastID != "" {
		b = fmt.Appendf(b, "Last-Event-ID: %s\r\n", strings.TrimPrefix(q.lastID, "-"))
	}
	headers := q.headers
	if !q.other {
		headers = slices.Concat(asEventSource, headers)
	}
	for _, h := range headers {
		b = fmt.Appendf(b, "%s\r\n", h)
	}
	return append(b, "\r\n"...)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// send sends a request and reads the head of the answer.
func (h *harness) send(q request) *client {
	h.t.Helper()
	c, err := h.try(q)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *harness) try(q request) (*client, error) {
	conn, err := h.dial()
	if err != nil {
		return nil, err
	}
	h.t.Cleanup(func() { conn.Close() })
	c := &client{t: h.t, conn: conn, r: bufio.NewReader(conn)}
	q.path = or(q.path, h.kind.path)
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(q.bytes()); err != nil {
		return nil, fmt.Errorf("write request: %w", err)
	}
	tp := textproto.NewReader(c.r)
	if c.status, err = tp.ReadLine(); err != nil {
		return nil, fmt.Errorf("read status line: %w", err)
	}
	if c.head, err = tp.ReadMIMEHeader(); err != nil {
		return nil, fmt.Errorf("read head: %w", err)
	}
	body := io.Reader(c.r)
	if c.head.Get("Transfer-Encoding") == "chunked" {
		body = httputil.NewChunkedReader(c.r)
	} else if n := c.head.Get("Content-Length"); n != "" {
		var length int64
		if _, err := fmt.Sscan(n, &length); err != nil {
			return nil, err
		}
		body = io.LimitReader(c.r, length)
	}
	c.body, c.dec = body, testkit.NewDecoder(body)
	return c, nil
}

// open opens a stream; it is an error if it is none.
func (h *harness) open(topics ...string) *client {
	h.t.Helper()
	return h.openWith(request{topics: topics})
}

func (h *harness) resume(lastID string, topics ...string) *client {
	h.t.Helper()
	return h.openWith(request{topics: topics, lastID: lastID})
}

func (h *harness) openWith(q request) *client {
	h.t.Helper()
	before := h.hub.Stats().Opened
	c := h.send(q)
	if !strings.Contains(c.status, " 200 ") || c.head.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("no stream: %s %v", c.status, c.head)
	}
	// A follower's head is on the wire before its callback runs.
	testkit.Eventually(h.t, "the stream is open", func() bool { return h.hub.Stats().Opened > before })
	return c
}

// next returns the next event.
func (c *client) next() testkit.Event {
	c.t.Helper()
	e, err := c.read()
	if err != nil {
		c.t.Fatalf("waiting for an event: %v", err)
	}
	return e
}

func (c *client) read() (testkit.Event, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return testkit.Event{}, err
	}
	return c.dec.Next()
}

// expect reads one event for each of data.
func (c *client) expect(data ...string) {
	c.t.Helper()
	for _, want := range data {
		if e := c.next(); e.Data != want {
			c.t.Fatalf("got %+v, want data %q", e, want)
		}
	}
}

// expectGap reads a gap event and checks its reason.
func (c *client) expectGap(reason string) testkit.Event {
	c.t.Helper()
	e := c.next()
	if e.Type != "gap" || !strings.Contains(e.Data, `"reason":"`+reason+`"`) {
		c.t.Fatalf("got %+v, want a gap with reason %s", e, reason)
	}
	return e
}

// ends checks that the stream ends here, in a way that looks complete.
func (c *client) ends() {
	c.t.Helper()
	if e, err := c.read(); err != io.EOF {
		c.t.Fatalf("got %+v, %v; want a clean end", e, err)
	}
}

// rest reads to the end, clean or not.
func (c *client) rest() (all []testkit.Event, clean bool) {
	c.t.Helper()
	for {
		e, err := c.read()
		switch {
		case err == io.EOF:
			return all, true
		case isTimeout(err):
			c.t.Fatalf("no end after %d events: %v", len(all), err)
		case err != nil:
			return all, false
		}
		all = append(all, e)
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// retry is the last reconnection time that came.
func (c *client) retry() time.Duration {
	c.t.Helper()
	d, err := time.ParseDuration(or(c.dec.Retry, "0") + "ms")
	if err != nil {
		c.t.Fatal(err)
	}
	return d
}

// leave closes the connection.
func (c *client) leave() { c.conn.Close() }

// streams waits until so many streams are open.
func (h *harness) streams(n int64) {
	h.t.Helper()
	testkit.Eventually(h.t, fmt.Sprintf("%d streams are open", n), func() bool { return h.hub.Stats().Subscribers == n })
}

// ended waits until so many streams have ended for that reason.
func (h *harness) ended(why server.Reason, n int64) {
	h.t.Helper()
	if !testkit.Soon(patience, func() bool { return h.hub.Stats().Ended[why.String()] >= n }) {
		h.t.Fatalf("ended: %v; want %d by %q", h.hub.Stats().Ended, n, why)
	}
}

// numbers returns the decimal numbers from a to b.
func numbers(a, b int) []string {
	var s []string
	for i := a; i <= b; i++ {
		s = append(s, fmt.Sprint(i))
	}
	return s
}
