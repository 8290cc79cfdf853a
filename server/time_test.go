package server_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
)

// listen reads for d, and returns how many comments came. It is a client's last
// act: what frames its stream does not go on after a deadline.
func (c *client) listen(d time.Duration) (comments int) {
	c.t.Helper()
	before := c.dec.Comments
	if err := c.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		c.t.Fatal(err)
	}
	if e, err := c.dec.Next(); !isTimeout(err) {
		c.t.Fatalf("got %+v, %v; want silence", e, err)
	}
	return c.dec.Comments - before
}

func TestSilenceIsBrokenByHeartbeats(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		if kind.name == "in memory" {
			t.Skip("its reader sees no deadline while it waits") // and no client is in memory
		}
		n := 0
		for range 5 { // the machine may be too busy to send them in time
			h := newHarness(t, kind, setup{config: server.Config{Heartbeat: 60 * time.Millisecond}})
			if n = h.open("a").listen(600 * time.Millisecond); n >= 4 {
				break
			}
		}
		if n < 4 || n > 15 {
			t.Errorf("%d comments in ten intervals", n)
		}
	})
}

func TestNoHeartbeatWhereThereAreEvents(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		for range 5 { // the machine may be too busy to publish in time
			h := newHarness(t, kind, setup{config: server.Config{Heartbeat: 400 * time.Millisecond}})
			c := h.open("a")
			tick := time.NewTicker(20 * time.Millisecond)
			longest, last := time.Duration(0), time.Now()
			for range 50 {
				<-tick.C
				h.publish("a", "x")
				c.expect("x")
				longest, last = max(longest, time.Since(last)), time.Now()
			}
			tick.Stop()
			if longest > 200*time.Millisecond {
				continue
			}
			if c.dec.Comments != 1 { // the first bytes of the stream
				t.Errorf("%d comments", c.dec.Comments)
			}
			return
		}
		t.Skip("the machine is too busy")
	})
}

func TestNegativeHeartbeatSendsNone(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Heartbeat: -1}})
		c := h.open("a")
		if n := c.listen(300 * time.Millisecond); n != 1 { // the first bytes of the stream
			t.Errorf("%d comments", n)
		}
	})
}

func TestMaxAgeEndsAStreamBetweenTwoEvents(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		const age = 400 * time.Millisecond
		h := newHarness(t, kind, setup{config: server.Config{MaxAge: age, Retry: 100 * time.Millisecond, Heartbeat: -1}})
		start := time.Now()
		quiet, busy := h.open("quiet"), h.open("busy")
		stop := make(chan struct{})
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
					h.publish("busy", strconv.Itoa(i))
					time.Sleep(time.Millisecond) // pace, not synchronisation
				}
			}
		}()
		for _, c := range []*client{quiet, busy} {
			c.expectRetry(100*time.Millisecond, func() {
				got, clean := c.rest()
				contiguous(t, got, 1)
				if !clean {
					t.Error("the end does not look complete")
				}
			})
		}
		if took := time.Since(start); took < age*8/10 {
			t.Errorf("ended after %v", took)
		}
		close(stop)
		<-stopped
		h.ended(server.ReasonMaxAge, 2)
		h.streams(0)
	})
}

// expectRetry checks that what f reads ends with a fresh reconnection time from
// base to twice base.
func (c *client) expectRetry(base time.Duration, f func()) {
	c.t.Helper()
	c.expectRetryFrom(base, 2*base, f)
}

// expectDrained is expectRetry for a stream that Drain ends: its time to come back counts
// from the call of Drain.
func (c *client) expectDrained(base time.Duration, f func()) {
	c.t.Helper()
	c.expectRetryFrom(base/4, 2*base, f)
}

func (c *client) expectRetryFrom(least, most time.Duration, f func()) {
	c.t.Helper()
	c.dec.Retry = ""
	f()
	if got := c.retry(); got < least || got > most {
		c.t.Errorf("told to come back after %v, want %v to %v", got, least, most)
	}
}
