package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What a stream writes, and when, to the millisecond, on a simulated clock.
func TestStreamWritesOnTime(t *testing.T) {
	for _, c := range []struct {
		faults Faults
		want   string // texts@milliseconds, then how the stream ended and when
	}{
		{Faults{}, "a@0 .@5 b@10 c@20, ended@1000"},
		{Faults{Delay: 100 * ms}, "a@100 .@100 b@110 c@120, ended@1000"},
		{Faults{Delay: 2 * time.Second}, "a@2000 .@2000 b@2010 c@2020, ended@2020"},
		{Faults{Hold: 15 * ms}, "a.b@15 c@30, ended@1000"},
		{Faults{Drip: 180}, "a@0 .@50 b@72 c@122, ended@1000"},
		{Faults{Reorder: 2}, "a@0 .@5 c@20 b@20, ended@1000"},
		{Faults{Reorder: 3}, "a@0 .@5 b@10 c@1000, ended@1000"},
		{Faults{Drop: 2, Duplicate: 2}, "a@0 .@5 c@20 c@20, ended@1000"},
		{Faults{Cut: 15 * ms}, "a@0 .@5 b@10, cut@15"},
		{Faults{Reset: 15 * ms}, "a@0 .@5 b@10, reset@15"},
		{Faults{Reset: 15 * ms, Cut: 30 * ms}, "a@0 .@5 b@10, reset@15"},
		{Faults{Reset: 30 * ms, Cut: 15 * ms}, "a@0 .@5 b@10, cut@15"},
		{Faults{Cut: time.Hour, Delay: time.Minute}, "a@60000 .@60000 b@60010 c@60020, ended@60020"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &recorder{opened: time.Now()}
			s := newStream(w, w, c.faults, make(chan struct{}))
			if got := runStream(s, w, nil); got != c.want {
				t.Errorf("%v: %s; want %s", c.faults, got, c.want)
			}
		})
	}
}

// A stream whose upstream broke off sends what it has, and breaks off too.
func TestStreamBreaksOffWithItsUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &recorder{opened: time.Now()}
		s := newStream(w, w, Faults{Delay: 100 * ms}, make(chan struct{}))
		if got, want := runStream(s, w, errors.New("reset by peer")), "a@100 .@100 b@110 c@120, aborted@1000"; got != want {
			t.Errorf("%s; want %s", got, want)
		}
	})
}

func TestSilentStreamWaitsForItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &recorder{opened: time.Now()}
		silence := make(chan struct{})
		s := newStream(w, w, Faults{}, silence)
		time.AfterFunc(7*ms, func() { close(silence) })
		time.AfterFunc(time.Minute, func() { close(s.end) })
		if got, want := runStream(s, w, nil), "a@0 .@5, ended@60000"; got != want {
			t.Errorf("%s; want %s", got, want)
		}
	})
}

func TestStreamEndsWhenItsClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &recorder{opened: time.Now(), fail: errors.New("broken pipe")}
		s := newStream(w, w, Faults{}, make(chan struct{}))
		if got, want := runStream(s, w, nil), ", left@0"; got != want {
			t.Errorf("%s; want %s", got, want)
		}
	})
}

// A client that takes nothing is reset all the same: the write to it fails by then.
func TestStalledClientIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &recorder{opened: time.Now(), stalled: true}
		s := newStream(w, w, Faults{Reset: time.Minute}, make(chan struct{}))
		if got, want := runStream(s, w, nil), ", reset@60001"; got != want {
			t.Errorf("%s; want %s", got, want)
		}
	})
}

// runStream runs a stream whose upstream sends a, a comment, b and c at 0, 5, 10
// and 20 ms, and ends after a second, with err.
func runStream(s *stream, w *recorder, err error) string {
	ctx, cancel := context.WithCancel(context.Background())
	r, up := io.Pipe()
	var upstream sync.WaitGroup
	defer upstream.Wait()
	upstream.Go(func() {
		for _, next := range []struct {
			at   time.Duration
			text string
		}{{0, "data: a\n\n"}, {5 * ms, ":.\n\n"}, {10 * ms, "data: b\n\n"}, {20 * ms, "data: c\n\n"}, {time.Second, ""}} {
			time.Sleep(time.Until(s.opened.Add(next.at)))
			io.WriteString(up, next.text)
		}
		up.CloseWithError(err)
	})
	arrivals := make(chan arrival)
	go s.read(ctx, r, arrivals)
	e := s.run(ctx, arrivals)
	at := time.Since(w.opened)
	cancel()
	r.Close()
	for range arrivals {
	}
	name := map[ending]string{ended: "ended", cut: "cut", reset: "reset", aborted: "aborted", left: "left"}[e]
	return fmt.Sprintf("%s, %s@%d", strings.Join(w.sent, " "), name, at/ms)
}

// recorder is a client that notes what it gets and when.
type recorder struct {
	opened   time.Time
	fail     error
	stalled  bool
	deadline time.Time
	linger   int
	sent     []string
}

func (r *recorder) Header() http.Header                 { return http.Header{} }
func (r *recorder) WriteHeader(int)                     {}
func (r *recorder) Flush()                              {}
func (r *recorder) SetLinger(sec int) error             { r.linger = sec; return nil }
func (r *recorder) SetWriteDeadline(at time.Time) error { r.deadline = at; return nil }

var shorten = strings.NewReplacer("data: ", "", ":", "", "\n", "")

func (r *recorder) Write(b []byte) (int, error) {
	if r.stalled {
		time.Sleep(time.Until(r.deadline))
		r.fail = errors.New("i/o timeout")
	}
	if r.fail != nil {
		return 0, r.fail
	}
	r.sent = append(r.sent, fmt.Sprintf("%s@%d", shorten.Replace(string(b)), time.Since(r.opened)/ms))
	return len(b), nil
}
