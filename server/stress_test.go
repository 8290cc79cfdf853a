package server_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// ledger is what was published: of each sequence, its topic.
type ledger struct {
	mu     sync.Mutex // guards topics
	topics map[uint64]string
}

func (l *ledger) add(t *testing.T, topic, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.topics[seqOf(t, id)] = topic
}

// after returns the sequences beyond from that a stream of those topics must get.
func (l *ledger) after(from uint64, topics []string) (due []uint64) {
	for seq, topic := range l.topics {
		if seq > from && slices.ContainsFunc(topics, func(p string) bool { return soak.Matches(p, topic) }) {
			due = append(due, seq)
		}
	}
	slices.Sort(due)
	return due
}

func seqOf(t *testing.T, id string) uint64 {
	_, n, _ := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(n, 10, 64)
	if err != nil {
		t.Errorf("id %q has no sequence", id)
	}
	return seq
}

// reader comes and goes, and goes on where it left off.
type reader struct {
	harness *harness
	rand    *rand.Rand
	topics  []string
	lastID  string
	got     []uint64
	kept    int // of these, on the stream that was there until the end

	settled atomic.Bool // it has got an event on a stream that it will not leave
}

// run reads until its stream ends cleanly. It leaves at random while it may.
func (d *reader) run(t *testing.T, mayLeave *atomic.Bool) {
	for {
		c, err := d.harness.try(d.request())
		if err != nil {
			t.Errorf("open a stream: %v", err)
			return
		}
		d.kept = 0
		if d.read(t, c, mayLeave) {
			c.leave()
			return
		}
		if tcp, ok := c.conn.(*net.TCPConn); ok && d.rand.IntN(2) == 0 {
			tcp.SetLinger(0) // a reset instead of a FIN
		}
		c.leave()
	}
}

func (d *reader) request() request {
	q := request{topics: d.topics, lastID: d.lastID}
	if d.harness.kind.why == "" { // the harness with all kinds of streams
		switch d.rand.IntN(4) {
		case 0:
			q.path = "/follow"
		case 1:
			q.proto = "HTTP/1.0"
		}
	}
	return q
}

// read reads a while, or until the end.
func (d *reader) read(t *testing.T, c *client, mayLeave *atomic.Bool) (ended bool) {
	for stay := d.rand.IntN(200); stay > 0 || !mayLeave.Load(); stay-- {
		e, err := c.read()
		if err != nil {
			if err.Error() != "EOF" {
				t.Errorf("a stream broke: %v", err)
			}
			return true
		}
		seq := seqOf(t, e.ID)
		if e.Type != "message" || len(d.got) > 0 && seq <= d.got[len(d.got)-1] {
			t.Errorf("got %+v after %d", e, d.got[len(d.got)-1])
			return true
		}
		d.got = append(d.got, seq)
		d.lastID = e.ID
		d.kept++
		d.settled.Store(!mayLeave.Load())
	}
	return false
}

// Publishers publish, readers of all kinds come, go and resume; then the hub
// drains. Each reader must have got all that its topics had, once and in order.
func TestStress(t *testing.T) {
	t.Parallel()
	h := newHarness(t, parkedTCP, setup{config: server.Config{
		Shards:    4,
		Heartbeat: 200 * time.Millisecond,
		Retention: []server.Retention{{Topics: "*", Events: 1 << 20, Bytes: 64 << 20}},
	}})
	overTLS := *h
	overTLS.kind = connKind{name: "TLS", why: "tls", path: "/events"}
	ln, dial := listenTLS(t)
	overTLS.dial = dial
	srv := &fasthttp.Server{Handler: server.SubscribeHandler(h.hub, server.SubscribeOptions{}), Logger: h.log}
	go srv.Serve(ln)
	t.Cleanup(func() { ln.Close() })

	topics := []string{"t/a", "t/b", "t/c/d", "u"}
	subscriptions := [][]string{{"t/a"}, {"u"}, {"t/*"}, {"t/a", "u"}, {"t/c/*", "t/*", "t/a", "u"}}
	book := &ledger{topics: map[uint64]string{}}
	start := h.hub.LastID()
	var mayLeave atomic.Bool
	mayLeave.Store(true)

	var readers []*reader
	var reading sync.WaitGroup
	for i := range 24 {
		d := &reader{harness: h, rand: rand.New(rand.NewPCG(uint64(i), 1)), topics: subscriptions[i%len(subscriptions)], lastID: start}
		if i%4 == 3 {
			d.harness = &overTLS
		}
		readers = append(readers, d)
		reading.Go(func() { d.run(t, &mayLeave) })
	}

	var publishing sync.WaitGroup
	until := time.Now().Add(2 * time.Second)
	for p := range 6 {
		publishing.Go(func() {
			random := rand.New(rand.NewPCG(uint64(p), 2))
			pace := time.NewTicker(2 * time.Millisecond)
			defer pace.Stop()
			for time.Now().Before(until) {
				<-pace.C
				if random.IntN(4) > 0 {
					topic := topics[random.IntN(len(topics))]
					id, err := h.hub.Publish(topic, streamwriter.Event{Data: make([]byte, random.IntN(2000))})
					if err != nil {
						t.Error(err)
					}
					book.add(t, topic, id)
					continue
				}
				batch := make([]server.Message, 1+random.IntN(5))
				for i := range batch {
					batch[i].Topic = topics[random.IntN(len(topics))]
				}
				ids, err := h.hub.PublishAll(batch)
				if err != nil {
					t.Error(err)
				}
				for i, id := range ids {
					book.add(t, batch[i].Topic, id)
				}
			}
		})
	}
	publishing.Wait()
	mayLeave.Store(false)
	// Who was about to leave does so at its next event, and comes back.
	testkit.Eventually(t, "every reader is there to stay", func() bool {
		id, err := h.hub.Publish("t/a", streamwriter.Event{})
		if err != nil {
			t.Fatal(err)
		}
		book.add(t, "t/a", id)
		if id, err = h.hub.Publish("u", streamwriter.Event{}); err != nil {
			t.Fatal(err)
		}
		book.add(t, "u", id)
		return !slices.ContainsFunc(readers, func(d *reader) bool { return !d.settled.Load() })
	})
	if err := h.hub.Drain(timeout(t, patience)); err != nil {
		t.Error(err)
	}
	testkit.Within(t, "the readers end", reading.Wait)

	kept, first := 0, seqOf(t, start)
	for i, d := range readers {
		kept += d.kept
		if want := book.after(first, d.topics); !slices.Equal(d.got, want) {
			t.Errorf("reader %d of %v got %d events, want %d: %s", i, d.topics, len(d.got), len(want), firstDifference(d.got, want))
		}
	}
	// A loop reports what it has delivered once a round.
	testkit.Eventually(t, "the deliveries are counted", func() bool { return h.hub.Stats().Delivered >= int64(kept) })
	s := h.hub.Stats()
	if s.Subscribers != 0 || s.Parked != 0 || s.Streamed != 0 || s.Opened != total(s.Ended) || s.Refused != 0 {
		t.Errorf("streams %d, parked %d, streamed %d, opened %d, ended %v, refused %d", s.Subscribers, s.Parked, s.Streamed, s.Opened, s.Ended, s.Refused)
	}
	if s.Published != int64(len(book.topics)) || s.Gaps != 0 || s.Aborted != 0 {
		t.Errorf("published %d of %d, %d gaps, %d aborted", s.Published, len(book.topics), s.Gaps, s.Aborted)
	}
	for _, topic := range append(topics, "t/*", "t/c/*") {
		if n := h.hub.Subscribers(topic); n != 0 {
			t.Errorf("%d readers of %s are left", n, topic)
		}
	}
	t.Logf("%d events, %d streams, %d deliveries", s.Published, s.Opened, s.Delivered)
}

func firstDifference(got, want []uint64) string {
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return fmt.Sprintf("event %d should be %d", i, want[i])
		}
	}
	return "too many"
}
