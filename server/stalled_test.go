package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
)

// huge is an event that no buffer of the kernel's holds.
var huge = "1|" + strings.Repeat("x", 12<<20)

// stallInside opens a stream whose reader stops reading inside an event.
func (h *harness) stallInside(topic string) *client {
	h.t.Helper()
	c := h.open(topic)
	h.publish(topic, huge)
	// It, not a few heartbeats, has begun to arrive.
	if _, err := c.r.Peek(c.r.Buffered() + 500); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// isBrokenOff checks that a stream has ended inside an event, and why.
func (h *harness) isBrokenOff(c *client, why server.Reason) {
	h.t.Helper()
	h.ended(why, 1)
	h.streams(0)
	testkit.Eventually(h.t, "it is counted as aborted", func() bool { return h.hub.Stats().Aborted == 1 })
	if got, clean := c.rest(); len(got) != 0 || clean {
		h.t.Errorf("the client got %d events, a clean end: %v", len(got), clean)
	}
}

// closed is a subscribe handler's options that tell why a stream ended.
func closed() (server.SubscribeOptions, <-chan server.Reason) {
	why := make(chan server.Reason, 1)
	return server.SubscribeOptions{OnClose: func(_ server.Subscriber, r server.Reason) { why <- r }}, why
}

func TestAKickedReaderThatStallsInsideAnEventIsBrokenOff(t *testing.T) {
	t.Parallel()
	forEachKind(t, append(twoKinds, followTCP), func(t *testing.T, kind connKind) {
		t.Parallel()
		o, why := closed()
		h := newHarness(t, kind, setup{subscribe: o, config: server.Config{
			Heartbeat: 100 * time.Millisecond, WriteTimeout: -1, MaxEventBytes: len(huge),
			Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}},
		}})
		c := h.stallInside("a")
		h.hub.Kick(func(server.Subscriber) bool { return true })
		h.isBrokenOff(c, server.ReasonKicked)
		if kind.path == followTCP.path {
			return
		}
		if got := <-why; got != server.ReasonKicked {
			t.Errorf("OnClose was told %v", got)
		}
	})
}

func TestMaxAgeReachesAReaderThatStallsInsideAnEvent(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		t.Parallel()
		o, why := closed()
		h := newHarness(t, kind, setup{subscribe: o, config: server.Config{
			MaxAge: 2 * time.Second, WriteTimeout: -1, MaxEventBytes: len(huge),
			Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}},
		}})
		h.isBrokenOff(h.stallInside("a"), server.ReasonMaxAge)
		if got := <-why; got != server.ReasonMaxAge {
			t.Errorf("OnClose was told %v", got)
		}
	})
}

// Under Skip nothing else would ever end it, and what it is inside stays in
// memory with it.
func TestSkipBreaksOffAReaderThatStallsInsideAForgottenEvent(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		t.Parallel()
		config := smallWindow(server.Skip)
		config.WriteTimeout, config.MaxEventBytes = 500*time.Millisecond, len(huge)
		config.Retention = []server.Retention{{Topics: "*", Events: 1}}
		h := newHarness(t, kind, setup{config: config})
		c := h.stallInside("a")
		h.publish("a", "2|")
		h.isBrokenOff(c, server.ReasonTimeout)
	})
}

// overStalls runs f for each way to hold a stream, also by Follow, with a write
// timeout that is too long to wait for and without one.
func overStalls(t *testing.T, f func(t *testing.T, kind connKind, c server.Config)) {
	t.Helper()
	forEachKind(t, append(twoKinds, followTCP), func(t *testing.T, kind connKind) {
		for _, timeout := range []time.Duration{8 * time.Second, -1} {
			t.Run("WriteTimeout "+timeout.String(), func(t *testing.T) {
				f(t, kind, server.Config{WriteTimeout: timeout, Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}}})
			})
		}
	})
}

func TestDrainKeepsItsDeadlineWithAStalledReader(t *testing.T) {
	t.Parallel()
	overStalls(t, func(t *testing.T, kind connKind, config server.Config) {
		h := newHarness(t, kind, setup{config: config})
		stalled, healthy := h.stall("a"), h.open("a")
		start := time.Now()
		err := h.hub.Drain(timeout(t, 300*time.Millisecond))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("Drain took %v", took)
		}
		if err == nil || !strings.Contains(err.Error(), "1 streams") {
			t.Errorf("Drain does not say that a stream was cut: %v", err)
		}
		if !testkit.Soon(3*time.Second, func() bool { return h.hub.Stats().Subscribers == 0 }) {
			t.Error("the stream that was cut is still there")
		}
		healthy.ends()
		got, clean := stalled.rest()
		if contiguous(t, got, 1) > manyLarge || clean {
			t.Errorf("the stalled reader got %d events, a clean end: %v", len(got), clean)
		}
		h.ended(server.ReasonDrain, 2)
	})
}

func TestCloseDoesNotWaitForStalledReaders(t *testing.T) {
	t.Parallel()
	overStalls(t, func(t *testing.T, kind connKind, config server.Config) {
		h := newHarness(t, kind, setup{config: config})
		h.stall("a")
		start := time.Now()
		testkit.Within(t, "Close", func() { h.hub.Close(context.Background()) })
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("Close took %v", took)
		}
	})
}
