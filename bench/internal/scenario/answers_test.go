package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// model answers requests in one way after the other, and counts how often in which.
type model struct {
	ways []string

	mu     sync.Mutex // guards what follows
	asked  int
	counts map[string]int
	bodies map[string]bool
}

const (
	beforeFirst = 30 * time.Millisecond
	beforeNext  = 20 * time.Millisecond
)

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	way := m.ways[m.asked%len(m.ways)]
	m.asked++
	m.counts[way]++
	m.bodies[r.Method+" "+string(body)] = true
	m.mu.Unlock()
	switch way {
	case "refused":
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case "page":
		w.Header().Set("Content-Type", "text/html")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(after time.Duration, data string) {
		time.Sleep(after)
		fmt.Fprintf(w, ": a comment is no event\n\ndata: %s\n\n", data)
		_ = http.NewResponseController(w).Flush()
	}
	if way == "silent" {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	}
	send(beforeFirst, "one")
	send(beforeNext, "two")
	switch way {
	case "cut":
		panic(http.ErrAbortHandler)
	case "stalled":
		<-r.Context().Done()
	case "whole":
		send(0, "[DONE]")
	case "held": // the body goes on
		send(0, "[DONE]")
		<-r.Context().Done()
	}
}

// answersOf asks a model that answers in these ways.
func answersOf(t *testing.T, duration, patience time.Duration, ways ...string) (*model, *result.Result) {
	return answersMatching(t, nil, duration, patience, ways...)
}

func answersMatching(t *testing.T, matching *regexp.Regexp, duration, patience time.Duration, ways ...string) (*model, *result.Result) {
	t.Helper()
	m := &model{ways: ways, counts: map[string]int{}, bodies: map[string]bool{}}
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	a := &Answers{Scenario: Scenario{
		Command: "answers", Streams: 3, Duration: duration, Answer: 2 * time.Second, Patience: patience,
		Request: load.Request{URL: s.URL, Method: http.MethodPost, Body: "client {{.Stream}}"},
	}, Matching: matching}
	r, err := a.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	t.Cleanup(m.mu.Unlock)
	return m, r
}

func TestEachAnswerIsCountedOnceByItsEnd(t *testing.T) {
	m, r := answersOf(t, 3*time.Second, time.Minute, "whole", "cut", "refused", "silent", "whole", "undone", "page", "stalled", "held")
	f, n := r.Answers, m.counts
	if m.asked < len(m.ways) {
		t.Fatalf("only %d requests", m.asked)
	}
	for name, c := range map[string][2]int{
		"asked": {f.Asked, m.asked}, "asked of the result": {r.Asked, m.asked}, "ended": {f.Ended, n["whole"] + n["held"]},
		"truncated": {f.Truncated, n["cut"] + n["undone"]}, "stalled": {f.Stalled, n["silent"] + n["stalled"]},
		"refused": {r.Refused, n["refused"] + n["page"]}, "opened": {r.Opened, m.asked - n["refused"] - n["page"]},
		"unfinished": {f.Unfinished, 0}, "failed": {r.Failed, 0}, "events": {int(r.Delivered), 2 * (r.Opened - n["silent"])},
		"first events": {int(f.FirstMS.Count), r.Opened - n["silent"]}, "gaps": {int(f.GapMS.Count), r.Opened - n["silent"]},
		"whole": {int(f.WholeMS.Count), f.Ended},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %d, the server's count is %d", name, c[0], c[1])
		}
	}
	if want := []result.Refusal{{Status: 200, Times: n["page"]}, {Status: 429, Times: n["refused"]}}; !slices.Equal(f.RefusedWith, want) {
		t.Errorf("refused with %v, want %v", f.RefusedWith, want)
	}
	for i := range 3 {
		if !m.bodies[fmt.Sprint("POST client ", i)] {
			t.Errorf("client %d did not post its body: %v", i, m.bodies)
		}
	}
}

// What the server waits for is in the figures: they cannot be less.
func TestTimesOfAnswersCountFromTheRequest(t *testing.T) {
	_, r := answersOf(t, 500*time.Millisecond, time.Minute, "whole")
	f := r.Answers
	for name, c := range map[string][2]float64{
		"first event": {f.FirstMS.P50, ms(beforeFirst)}, "gap": {f.GapMS.P50, ms(beforeNext) / 2}, "whole": {f.WholeMS.P50, ms(beforeFirst + beforeNext)},
	} {
		if c[0] < c[1]*0.98 || c[0] > 1000*c[1] {
			t.Errorf("%s: %v ms, want at least %v", name, c[0], c[1])
		}
	}
	if got, want := *f.PerSecond, 1000/f.GapMS.Mean; got != want {
		t.Errorf("%v events per second, want %v", got, want)
	}
}

// Events that do not match keep an answer from stalling, and that is all.
func TestOnlyEventsThatMatchCount(t *testing.T) {
	m, r := answersMatching(t, regexp.MustCompile("^tw"), 300*time.Millisecond, time.Minute, "whole")
	f := r.Answers
	if int(r.Delivered) != m.asked || int(f.FirstMS.Count) != m.asked || f.Ended != m.asked || f.GapMS != nil {
		t.Errorf("%d events, %+v; want one event in each of %d answers", r.Delivered, f, m.asked)
	}
	if least := 0.98 * ms(beforeFirst+beforeNext); f.FirstMS.P50 < least {
		t.Errorf("the first came after %v ms, want %v at least", f.FirstMS.P50, least)
	}
}

// Where no answer has [DONE], the end of the body is the end.
func TestAnswersWithoutDoneEndWithTheirBody(t *testing.T) {
	m, r := answersOf(t, 300*time.Millisecond, time.Minute, "undone")
	if f := r.Answers; f.Ended != m.asked || f.Truncated != 0 || f.WholeMS.Count != int64(m.asked) {
		t.Errorf("%+v of %d", f, m.asked)
	}
}

func TestAnswersThatGoOnAreUnfinished(t *testing.T) {
	_, r := answersOf(t, 200*time.Millisecond, 200*time.Millisecond, "stalled")
	if f := r.Answers; f.Unfinished != 3 || f.Asked != 3 || r.FirstError != "" {
		t.Errorf("%+v, first error %q", f, r.FirstError)
	}
}
