package check

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// way is a hop between the checks and a server. Every byte that the server sends
// passes it.
type way func(to io.Writer, from io.Reader)

// serveWay forwards to a server at url, and returns its own address.
func serveWay(t *testing.T, url string, w way) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var hops sync.WaitGroup
	t.Cleanup(func() {
		_ = ln.Close()
		hops.Wait()
	})
	hops.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			hops.Go(func() { forward(c, strings.TrimPrefix(url, "http://"), w) })
		}
	})
	return "http://" + ln.Addr().String()
}

func forward(c net.Conn, address string, w way) {
	defer func() { _ = c.Close() }()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, c)
		_ = server.Close()
	}()
	w(c, server)
}

// late passes everything on with a delay.
func late(d time.Duration) way {
	return func(to io.Writer, from io.Reader) {
		type piece struct {
			due time.Time
			p   []byte
		}
		pieces := make(chan piece, 1000)
		go func() {
			defer close(pieces)
			buf := make([]byte, 4<<10)
			for {
				n, err := from.Read(buf)
				if err != nil {
					return
				}
				pieces <- piece{time.Now().Add(d), append([]byte(nil), buf[:n]...)}
			}
		}()
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.p); err != nil {
				return
			}
		}
	}
}

// bunching passes on what it has, once in a while.
func bunching(every time.Duration) way {
	return func(to io.Writer, from io.Reader) {
		var mu sync.Mutex
		var held []byte
		stop := make(chan struct{})
		go func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
				case <-stop:
					return
				}
				mu.Lock()
				_, _ = to.Write(held)
				held = held[:0]
				mu.Unlock()
			}
		}()
		defer close(stop)
		buf := make([]byte, 4<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			mu.Lock()
			held = append(held, buf[:n]...)
			mu.Unlock()
		}
	}
}

func TestConstantDelayIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveWay(t, hub, late(210*time.Millisecond))
	r := look(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", PublishURL: hub + "/publish?topic=a"})
	expect(t, r, "delivery/delay", Warn, "always late", "http-no-delay")
	expect(t, r, "between/delivery", Warn, "adds 2", "HAProxy")
	expect(t, r, "delivery/delivery", OK)
}

func TestBufferingIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	way := serveWay(t, hub, bunching(900*time.Millisecond))
	r := look(t, Config{URL: way + "/events?topic=a", Direct: hub + "/events?topic=a", PublishURL: hub + "/publish?topic=a"})
	expect(t, r, "delivery/delivery", Fail, "BUFFERED", "at once", "held for")
	expect(t, r, "between/delivery", Fail, "the proxy BUFFERS")
	expect(t, r, "resume/resume", OK)
}

// A stream that opens and then gets nothing.
func TestUndeliveredIsNamed(t *testing.T) {
	t.Parallel()
	hub := serveHub(t)
	r := look(t, Config{URL: hub + "/events?topic=a", PublishURL: hub + "/publish?topic=b"})
	expect(t, r, "delivery/delivery", Fail, "nothing of 5 published events", "another stream")
	expect(t, r, "delivery/gzip", Skipped)
	expect(t, r, "resume/resume", Skipped)
}

func TestArrivals(t *testing.T) {
	begun := time.Now()
	at := func(ms int) time.Time { return begun.Add(time.Duration(ms) * time.Millisecond) }
	for _, tt := range []struct {
		name                 string
		comes                []int // milliseconds; published at 0, 200, 400, …; 0: never
		came, together, most int
		held, usual, slowest time.Duration
		buffered, late       bool
	}{
		{name: "at once", comes: []int{1, 202, 401, 603, 801}, came: 5, usual: time.Millisecond, slowest: 3 * time.Millisecond},
		{name: "never", comes: []int{0, 0, 0, 0, 0}},
		{name: "all together", comes: []int{900, 900, 901, 902, 902}, came: 5, together: 5, most: 5, held: 900 * time.Millisecond,
			usual: 302 * time.Millisecond, slowest: 900 * time.Millisecond, buffered: true, late: true},
		{name: "by twos", comes: []int{201, 202, 601, 602, 801}, came: 5, together: 4, most: 2, held: 201 * time.Millisecond,
			usual: 2 * time.Millisecond, slowest: 201 * time.Millisecond, buffered: true},
		{name: "one hiccup", comes: []int{1, 401, 402, 601, 801}, came: 5, together: 2, most: 2, held: 201 * time.Millisecond,
			usual: time.Millisecond, slowest: 201 * time.Millisecond},
		{name: "constant", comes: []int{210, 411, 610, 809, 1010}, came: 5, usual: 210 * time.Millisecond, slowest: 211 * time.Millisecond, late: true},
	} {
		a, sent := &answer{}, []publication(nil)
		for i, ms := range tt.comes {
			sent = append(sent, publication{i + 1, at(200 * i)})
			if ms > 0 {
				a.text.ours = append(a.text.ours, event{n: i + 1, at: at(ms)})
			}
		}
		d := arrivals(a, sent)
		if d.came != tt.came || d.together != tt.together || d.most != tt.most || d.held != tt.held || d.usual != tt.usual || d.slowest != tt.slowest {
			t.Errorf("%s: %+v, want %+v", tt.name, d, tt)
		}
		if d.buffered() != tt.buffered || d.late() != tt.late {
			t.Errorf("%s: buffered %v, late %v", tt.name, d.buffered(), d.late())
		}
	}
}
