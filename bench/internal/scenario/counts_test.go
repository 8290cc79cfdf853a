package scenario

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// counts are those that a server's faults determine exactly.
type counts struct {
	opened, answered                   int
	expected, delivered, lost, missing uint64
	late                               result.Late
}

func countsOf(r *result.Result) counts {
	return counts{r.Opened, r.Answered, *r.Expected, r.Delivered, *r.Lost, *r.Missing, *r.Late}
}

// Five streams end right after their head, and the others lose an event or two. What the
// five get when they are back is no replacement for what the others have lost.
func TestNoStreamPaysForTheLossesOfAnother(t *testing.T) {
	early := func(visit int) bool { return visit%2 == 0 && visit <= 10 }
	// Visits up to 10 that stay lose event 7, and one of them the last.
	drops := func(id, visit int) bool { return visit <= 10 && id == 7 || visit == 1 && id == 30 }
	for name, c := range map[string]struct {
		settle time.Duration
		back   bool // they are, when publishing begins
		want   counts
	}{
		"back before publishing began": {time.Second, true,
			counts{opened: 10, answered: 10, expected: 300, delivered: 294, lost: 6, missing: 5}},
		"back when it had begun": {0, false,
			counts{opened: 5, answered: 10, expected: 150, delivered: 144, lost: 6, missing: 5, late: result.Late{Streams: 5, Delivered: 150}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &hub{retry: 100, kicks: early, drops: drops}
			if !c.back {
				h.retry = 500
			}
			sc := short(serve(t, h))
			sc.Settle = c.settle
			if !c.back {
				sc.Patience = 1500 * time.Millisecond
			}
			r, err := Run(t.Context(), &sc)
			if r == nil || (err == nil) != c.back {
				t.Fatalf("%v, the error is %v", r, err)
			}
			if got := countsOf(r); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if r.LatencyMS.Count != int64(c.want.delivered) || r.SpreadMS.Last.Count != 28 {
				t.Errorf("%d latencies, %d events reached all; want %d, 28", r.LatencyMS.Count, r.SpreadMS.Last.Count, c.want.delivered)
			}
		})
	}
}

// What a stream was to get after its end is lost.
func TestEndsDoNotChangeWhatIsExpected(t *testing.T) {
	h := &hub{ends: func(id, visit int) bool { return visit == 3 && id == 20 }}
	sc := short(serve(t, h))
	sc.Client.Returns = false
	r := run(t, &sc)
	want := counts{opened: 10, answered: 10, expected: 300, delivered: 290, lost: 10}
	if got := countsOf(r); got != want || r.Ended != 1 {
		t.Errorf("%+v, %d ended; want %+v", got, r.Ended, want)
	}
}

func TestDuplicatesThatComeLateAreCounted(t *testing.T) {
	for linger, want := range map[time.Duration]uint64{0: 0, time.Second: 10} {
		sc := short(serve(t, &hub{again: 500 * time.Millisecond}))
		sc.Linger = linger
		r := run(t, &sc)
		if *r.Duplicated != want || r.Delivered != 300 || *r.Lost != 0 {
			t.Errorf("lingered %v: delivered %d, lost %d, twice %d; want 300, 0, %d", linger, r.Delivered, *r.Lost, *r.Duplicated, want)
		}
		if linger > 0 && r.Samples[len(r.Samples)-1].Phase != "linger" {
			t.Errorf("the last phase is %s", r.Samples[len(r.Samples)-1].Phase)
		}
	}
}

func TestNothingThatArrivesIsAnErrorWithAResult(t *testing.T) {
	for says, change := range map[string]func(*Scenario){
		"nothing arrived of 30 events that were published: do -url and -publish-url name the same topic?": func(sc *Scenario) { sc.Publish.URL = strings.Replace(sc.Publish.URL, "/a", "/b", 1) },
		"and 300 others did: does the server change the data":                                             func(sc *Scenario) { sc.Publish.URL += "?changed" },
	} {
		h := &hub{}
		sc := short(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "changed" {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(bytes.ToUpper(body)))
			}
			h.ServeHTTP(w, r)
		})))
		change(&sc)
		r, err := Run(t.Context(), &sc)
		if r == nil || err == nil || !strings.Contains(err.Error(), says) || *r.Lost != 300 || r.LatencyMS != nil {
			t.Errorf("%v, the error is %v, want %q", r, err, says)
		}
	}
}

// The rate counts the time of the last event as well.
func TestTheRateIsOverTheWholeSchedule(t *testing.T) {
	sc := short(serve(t, &hub{}))
	sc.Rate, sc.Duration = 2, time.Second
	if r := run(t, &sc); r.PerSecond < 18 || r.PerSecond > 20 {
		t.Errorf("%.1f a second of 20 in one; want 20, or a little less", r.PerSecond)
	}
}
