package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

func TestResumeGetsExactlyWhatWasMissed(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		ids := h.publish("a", numbers(1, 50)...)
		h.publish("b", "51")
		header := h.resume(ids[19], "a")
		query := h.openWith(request{topics: []string{"a"}, query: "lastEventId=" + ids[19]})
		both := h.openWith(request{topics: []string{"a"}, lastID: ids[29], query: "lastEventId=" + ids[19]})
		empty := h.openWith(request{topics: []string{"a"}, lastID: "-", query: "lastEventId=" + ids[39]})
		two := h.resume(ids[44], "b", "a")
		h.publish("a", "52")
		header.expect(append(numbers(21, 50), "52")...)
		query.expect(append(numbers(21, 50), "52")...)
		both.expect(append(numbers(31, 50), "52")...)
		empty.expect(append(numbers(41, 50), "52")...)
		two.expect(numbers(46, 52)...)
		if n := h.hub.Stats().Gaps; n != 0 {
			t.Errorf("%d gaps", n)
		}
	})
}

func TestAFreshOrUpToDateStreamReplaysNothing(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		ids := h.publish("a", "1", "2")
		at := h.hub.LastID()
		if at != ids[1] {
			t.Errorf("LastID is %q, want %q", at, ids[1])
		}
		fresh, upToDate := h.open("a"), h.resume(at, "a")
		h.publish("a", "3")
		fresh.expect("3")
		upToDate.expect("3")
	})
}

// A fresh stream is told where it stands: if it breaks before its first event,
// it has not missed one.
func TestAFreshStreamIsPrimed(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		h.publish("a", "1")
		at := h.hub.LastID()
		c := h.open("a")
		testkit.Within(t, "the stream closes", func() { h.hub.Close(context.Background()) })
		if _, clean := c.rest(); !clean || c.dec.LastID != at {
			t.Errorf("got id %q (clean end: %v), want %q", c.dec.LastID, clean, at)
		}
	})
}

func TestGapSaysWhyAndTheStreamGoesOn(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retention: []server.Retention{{Topics: "a", Events: 10}}}})
		ids := h.publish("a", numbers(1, 20)...)
		epoch, _, _ := strings.Cut(ids[0], "-")
		tests := []struct{ name, id, reason string }{
			{"too old", ids[4], "evicted"},
			{"before the first", epoch + "-0", "evicted"},
			{"no id of ours", "what?", "unknown"},
			{"other epoch", "aaaaaaaa-5", "epoch"},
			{"a forgotten one of a publisher's", "x-7", "unknown"},
			{"no epoch of a hub's", "Aaaaaaa1-7", "unknown"},
			{"ahead of the head", epoch + "-21", "ahead"},
			{"far ahead", epoch + "-18446744073709551615", "ahead"},
			{"beyond 64 bits", epoch + "-18446744073709551616", "unknown"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := h.resume(tt.id, "a")
				gap := c.expectGap(tt.reason)
				if !strings.Contains(gap.Data, `"lastEventId":"`+tt.id+`"`) {
					t.Errorf("the gap does not say which id: %s", gap.Data)
				}
				c.expect(numbers(11, 20)...)
				again := h.resume(gap.ID, "a") // who breaks right after the gap is told again
				again.expectGap("evicted")
				again.expect(numbers(11, 20)...)
			})
		}
		if got := h.hub.Stats().Gaps; got != int64(2*len(tests)) {
			t.Errorf("%d gaps are counted, want %d", got, 2*len(tests))
		}
		h.resume(ids[9], "a").expect(numbers(11, 20)...) // just not too old
	})
}

func TestGapTypeIsConfigurable(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{GapType: "missed"}})
		if e := h.resume("elsewhere-7", "a").next(); e.Type != "missed" {
			t.Errorf("got %+v", e)
		}
	})
}

func TestAnAliasIsSentAndResumedBy(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		c := h.open("a")
		for i := range 5 {
			h.publishAs("a", fmt.Sprintf("order-%d", i), fmt.Sprint(i))
		}
		h.publish("a", "5")
		for i := range 5 {
			if e := c.next(); e.ID != fmt.Sprintf("order-%d", i) {
				t.Fatalf("got %+v", e)
			}
		}
		h.resume("order-2", "a").expect(numbers(3, 5)...)
		h.resume("order-2", "a", "b").expect(numbers(3, 5)...)
	})
}

func TestAnAmbiguousAliasIsAGap(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		h.publishAs("a", "x", "1")
		h.publish("a", "2")
		h.publishAs("a", "x", "3")
		h.publishAs("b", "x", "4")
		h.publish("b", "5")
		c := h.resume("x", "a")
		c.expectGap("unknown")
		c.expect(numbers(1, 3)...)
		h.resume("x", "b").expect("5")
		// It is clear in b, but may have been one of a's.
		c = h.resume("x", "a", "b")
		c.expectGap("unknown")
		c.expect(numbers(1, 5)...)
	})
}

// Of several topics that know an alias the earliest event counts.
func TestAnAliasOfSeveralTopicsLosesNothing(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		h.publishAs("a", "x", "1")
		h.publishAs("b", "y", "2")
		h.publishAs("b", "x", "3")
		h.publish("a", "4")
		h.resume("x", "a", "b").expect(numbers(2, 4)...)
	})
}

func TestAForgottenAliasIsAGap(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retention: []server.Retention{{Topics: "a", Events: 2}}}})
		for i := range 4 {
			h.publishAs("a", fmt.Sprintf("order%d", i), fmt.Sprint(i))
		}
		c := h.resume("order0", "a")
		c.expectGap("unknown")
		c.expect("2", "3")
	})
}

func TestAnAliasMustNotLookLikeOneOfOurs(t *testing.T) {
	t.Parallel()
	h := newHarness(t, parkedTCP, setup{})
	id := h.hub.LastID()
	for _, alias := range []string{id, id + "0", strings.Repeat("x", 129), "a b", "é", "\x7f"} {
		if _, err := h.hub.Publish("a", streamwriter.Event{ID: alias}); err == nil {
			t.Errorf("%q is accepted", alias)
		}
	}
	for _, alias := range []string{strings.Repeat("x", 128), "elsewhere-1", "!~"} {
		if _, err := h.hub.Publish("a", streamwriter.Event{ID: alias}); err != nil {
			t.Error(err)
		}
	}
}
