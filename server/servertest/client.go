package servertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
)

// Event is what an EventSource would dispatch.
type Event struct {
	ID   string // the last event id, as of this event
	Type string // "message" unless the event has another
	Data string
}

func (e Event) String() string {
	return fmt.Sprintf("%s %s (id %q)", e.Type, short(e.Data), e.ID)
}

// Client is a stream's client. It does not reconnect. It shows itself to be an EventSource
// (see streamwriter.EndAuto), unless the header that it was opened with says otherwise.
type Client struct {
	Header http.Header // of the response

	t       testing.TB
	server  *Server
	path    string
	conn    net.Conn
	decoder *fastsse.Decoder
	got     []Event // the last few
	events  int     // all of them
}

// connect opens a stream, and reads the head of the response.
func (s *Server) connect(path string, header http.Header) *Client {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		s.t.Fatalf("servertest: %v", err)
	}
	req.Header = http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "User-Agent": {"fastsse-servertest"}}
	maps.Copy(req.Header, header)
	conn, err := net.Dial("tcp", req.URL.Host)
	if err != nil {
		s.t.Fatalf("servertest: %v", err)
	}
	s.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(s.patience()))
	if err := req.Write(conn); err != nil {
		s.t.Fatalf("servertest: GET %s: write request: %v", path, err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		s.t.Fatalf("servertest: GET %s: read response: %v", path, err)
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		s.t.Fatalf("servertest: GET %s is answered with %s, Content-Type %q, and no stream: %s", path, resp.Status, kind, short(string(body)))
	}
	return &Client{Header: resp.Header, t: s.t, server: s, path: path, conn: conn, decoder: fastsse.NewDecoder(resp.Body)}
}

// Next returns the next event.
func (c *Client) Next() Event {
	c.t.Helper()
	e, err := c.read()
	if err != nil {
		c.t.Fatalf("servertest: want an event, but %s", c.story(err))
	}
	return e
}

// Expect reads one event for each of data, and checks that they are those.
func (c *Client) Expect(data ...string) {
	c.t.Helper()
	for i, want := range data {
		e, err := c.read()
		switch {
		case err != nil:
			c.t.Fatalf("servertest: want %s (%d of %d), but %s", short(want), i+1, len(data), c.story(err))
		case e.Data != want:
			c.t.Fatalf("servertest: got %v, want %s (%d of %d); %s", e, short(want), i+1, len(data), c.story(nil))
		}
	}
}

// ExpectGap reads an event that says that some were missed, and checks the reason it
// gives: "evicted", "unknown", "epoch" or "slow". An empty reason is any.
func (c *Client) ExpectGap(reason string) Event {
	c.t.Helper()
	e, err := c.read()
	typ := c.server.GapType
	if typ == "" {
		typ = "gap"
	}
	switch {
	case err != nil:
		c.t.Fatalf("servertest: want a gap, but %s", c.story(err))
	case e.Type != typ:
		c.t.Fatalf("servertest: got %v, want a gap (type %q); %s", e, typ, c.story(nil))
	case reason != "" && !strings.Contains(e.Data, `"reason":"`+reason+`"`):
		c.t.Fatalf("servertest: got %v, want a gap with the reason %q", e, reason)
	}
	return e
}

// ExpectEnd checks that the server ends the stream now, without another event and with
// a complete response.
func (c *Client) ExpectEnd() {
	c.t.Helper()
	e, err := c.read()
	switch {
	case err == nil:
		c.t.Fatalf("servertest: got %v, want the end; %s", e, c.story(nil))
	case err != io.EOF:
		c.t.Fatalf("servertest: want the end of a complete response, but %s", c.story(err))
	}
}

// ExpectCut checks that the server ends the stream now, without another event and without
// the end of the response: see streamwriter.End.
func (c *Client) ExpectCut() {
	c.t.Helper()
	e, err := c.read()
	switch {
	case err == nil:
		c.t.Fatalf("servertest: got %v, want a cut; %s", e, c.story(nil))
	case err != io.ErrUnexpectedEOF:
		c.t.Fatalf("servertest: want a response that is cut, but %s", c.story(err))
	}
}

// Leave closes the connection. The hub notices soon: see [Server.ExpectSubscribers].
func (c *Client) Leave() { c.conn.Close() }

// LastEventID is what the client would resume from: [Server.Resume].
func (c *Client) LastEventID() string { return c.decoder.LastEventID() }

// Retry is the last reconnection time that was read; set is false if none was.
func (c *Client) Retry() (wait time.Duration, set bool) { return c.decoder.Retry() }

// kept is how many events a client shows when something else came.
const kept = 5

func (c *Client) read() (Event, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(c.server.patience()))
	r, err := c.decoder.Next()
	if err != nil {
		return Event{}, err
	}
	e := Event{ID: string(r.ID), Type: string(r.Type), Data: string(r.Data)}
	if e.Type == "" {
		e.Type = "message"
	}
	if c.events++; len(c.got) == kept {
		c.got = append(c.got[:0], c.got[1:]...)
	}
	c.got = append(c.got, e)
	return e, nil
}

// story says how the stream has gone, and what has become of it.
func (c *Client) story(err error) string {
	var b strings.Builder
	switch {
	case err == nil:
	case err == io.EOF:
		b.WriteString("the stream has ended; ")
	case errors.Is(err, os.ErrDeadlineExceeded):
		fmt.Fprintf(&b, "nothing came within %v; ", c.server.patience())
	default:
		fmt.Fprintf(&b, "reading failed: %v; ", err)
	}
	fmt.Fprintf(&b, "GET %s has brought %d events", c.path, c.events)
	for i, e := range c.got {
		switch {
		case i > 0:
			b.WriteString(", ")
		case c.events > len(c.got):
			fmt.Fprintf(&b, ", the last %d: ", len(c.got))
		default:
			b.WriteString(": ")
		}
		b.WriteString(e.String())
	}
	return b.String()
}

// short quotes s, cut to what fits a line.
func short(s string) string {
	if len(s) > 80 {
		return fmt.Sprintf("%.60q… (%d bytes)", s, len(s))
	}
	return fmt.Sprintf("%q", s)
}
