package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// storm is one of a second or so.
func storm(url string) *Storm {
	c := &Storm{Scenario: short(url), Missed: 7}
	c.Command, c.Duration = "storm", 0
	return c
}

func TestStormsAreCaughtUpWith(t *testing.T) {
	for name, back := range map[string]time.Duration{"now": 0, "after a time": 150 * time.Millisecond, "as browsers do": -1} {
		t.Run(name, func(t *testing.T) {
			h := &hub{retry: 200}
			c := storm(serve(t, h))
			c.Back = back
			begin := time.Now()
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took < back || back < 0 && took < 200*time.Millisecond {
				t.Errorf("it took %v, and they were to stay away longer", took)
			}
			f := r.Storm
			if f.Streams != 10 || f.Missed != 7 || f.Caught != 10 || h.opened() != 20 || r.Reconnected != 10 || r.Ended != 0 {
				t.Errorf("%+v, %d visits, %d reconnected, %d ended by the server", f, h.opened(), r.Reconnected, r.Ended)
			}
			if r.Published != 8 || *r.Expected != 80 || r.Delivered != 80 || *r.Lost != 0 || *r.Duplicated+*r.OutOfOrder+*r.Missing != 0 {
				t.Errorf("published %d, expected %d, delivered %d, lost %d, %+v", r.Published, *r.Expected, r.Delivered, *r.Lost, r)
			}
			if f.ConnectedS < -0.001 || f.P50 < -0.001 || f.P50 > f.P95 || f.P95 > f.P99 || f.P99 > f.Last || f.Last > 5 {
				t.Errorf("answered after %v s, caught up %v, %v, %v, %v s", f.ConnectedS, f.P50, f.P95, f.P99, f.Last)
			}
		})
	}
}

// An event that comes a second time once all have caught up counts.
func TestStormsLingerForWhatComesTwice(t *testing.T) {
	c := storm(serve(t, &hub{again: 300 * time.Millisecond}))
	c.Missed, c.Linger = 29, time.Second
	r, err := c.Run(t.Context())
	if err != nil || r.Storm.Caught != 10 || *r.Duplicated != 10 {
		t.Errorf("%v: %+v, %d came twice; want 10", err, r.Storm, *r.Duplicated)
	}
}

func TestStormsCountWhoDoesNotCatchUp(t *testing.T) {
	c := storm(serve(t, &hub{drops: func(id, visit int) bool { return visit > 10 && visit <= 13 && id == 4 }}))
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Storm.Caught != 7 || *r.Lost != 3 || *r.Missing != 3 {
		t.Errorf("%d caught up, %d lost, %d missing; want 7, 3, 3", r.Storm.Caught, *r.Lost, *r.Missing)
	}
}

func TestStormsEndAlthoughSomeAreRefused(t *testing.T) {
	c := storm(serve(t, &hub{most: 16}))
	begin := time.Now()
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Storm.Caught != 6 || r.Refused != 4 || *r.Lost != 28 || r.Reconnected != 6 {
		t.Errorf("%d caught up, %d refused, %d lost, %d reconnected; want 6, 4, 28, 6", r.Storm.Caught, r.Refused, *r.Lost, r.Reconnected)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Patience counts from when the first stream should be back, not from the reset.
func TestStormsWaitForTheRetryTime(t *testing.T) {
	c := storm(serve(t, &hub{retry: 700}))
	c.Back, c.Patience = -1, 300*time.Millisecond
	if r, err := c.Run(t.Context()); err != nil || r.Storm.Caught != 10 {
		t.Errorf("%+v, %v; want 10 caught up", r, err)
	}
}

func TestStormsThatAreInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		hub    *hub
		change func(*Storm)
		stop   func(h *hub) bool
		check  func(r *result.Result) bool
	}{
		"open": {&hub{}, func(c *Storm) { c.Ramp = 4 }, func(h *hub) bool { return h.opened() >= 3 },
			func(r *result.Result) bool {
				return r.Storm == nil && r.Opened > 0 && r.Opened < 10 && r.Published == 0
			}},
		"settle": {&hub{}, func(c *Storm) { c.Settle = time.Minute }, func(h *hub) bool { return h.opened() >= 10 },
			func(r *result.Result) bool { return r.Storm == nil && r.Opened == 10 && r.Published == 0 }},
		"first event": {&hub{drops: func(int, int) bool { return true }}, func(c *Storm) { c.Patience = time.Minute }, func(h *hub) bool { return h.published("/a") >= 1 },
			func(r *result.Result) bool {
				return r.Storm == nil && r.Opened == 10 && r.Published == 1 && r.Delivered == 0
			}},
		"away": {&hub{}, func(c *Storm) { c.Back = time.Minute }, func(h *hub) bool { return h.published("/a") >= 8 },
			func(r *result.Result) bool {
				return r.Storm == nil && r.Opened == 10 && r.Published == 8 && r.Delivered == 10
			}},
		"back": {&hub{drops: func(id, visit int) bool { return visit > 10 && id > 4 }}, func(c *Storm) { c.Patience = time.Minute }, func(h *hub) bool { return h.opened() >= 20 },
			func(r *result.Result) bool {
				return r.Storm != nil && r.Storm.Caught == 0 && r.Published == 8 && r.Delivered <= 40
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storm(serve(t, c.hub))
			c.change(s)
			begin := time.Now()
			r, err := s.Run(until(t, func() bool { return c.stop(c.hub) }))
			if err != nil || r == nil || !r.Partial || !c.check(r) {
				t.Fatalf("%+v, the error is %v; want a partial result", r, err)
			}
			if took := time.Since(begin); took > 8*time.Second {
				t.Errorf("it took %v to stop", took)
			}
		})
	}
}

func TestStormsThatCannotBegin(t *testing.T) {
	url := serve(t, &hub{most: 6})
	r, err := storm(url).Run(t.Context())
	if r == nil || r.Opened != 6 || r.Storm != nil || err == nil || !strings.Contains(err.Error(), "4 streams were not opened") {
		t.Errorf("%+v, the error is %v; want a result of 6 streams and an error", r, err)
	}
	c := storm(url)
	c.Publish = nil
	if _, err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing is published") {
		t.Errorf("the error is %v, want that nothing is published", err)
	}
}

func TestStormsSayThatNothingCameBeforeThem(t *testing.T) {
	c := storm(serve(t, &hub{drops: func(id, visit int) bool { return visit == 1 }}))
	r, err := c.Run(t.Context())
	if r == nil || err == nil || !strings.Contains(err.Error(), "the event before the storm: 9 of 10 events came") {
		t.Errorf("%v, the error is %v", r, err)
	}
}
