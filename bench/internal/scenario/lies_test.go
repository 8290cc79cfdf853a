package scenario

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// The measurement sees through a server that lies, on every count, exactly.
func TestLiesAreSeenThrough(t *testing.T) {
	for name, c := range map[string]struct {
		lies  lies
		rate  float64 // zero: 200
		says  string  // an error does; empty: there is none
		times func(r *result.Result) bool
		want  string // of times
	}{
		"honest":             {},
		"drops":              {lies: lies{drops: 97}},
		"drops all":          {lies: lies{drops: 1}, says: "nothing arrived of 200 events"},
		"repeats":            {lies: lies{repeats: 89}},
		"drops and repeats":  {lies: lies{drops: 97, repeats: 89, strange: 10}},
		"swaps":              {lies: lies{swaps: 7}},
		"one belated":        {lies: lies{belated: 200}},
		"strange":            {lies: lies{strange: 25}},
		"changes a digit":    {lies: lies{changes: 97}},
		"refuses":            {lies: lies{refuses: 4}, says: "503"},
		"no answer":          {lies: lies{mutes: 6}, says: "have had no answer for 500ms"},
		"ends, and resumes":  {lies: lies{ends: 60, retry: 50}},
		"ends, and forgets":  {lies: lies{ends: 60, retry: 50, forgets: true}},
		"kicks, back soon":   {lies: lies{kicks: 3, retry: 50}},
		"kicks, back late":   {lies: lies{kicks: 3, retry: 1200}, says: "20 streams"},
		"kicks late, drops":  {lies: lies{kicks: 3, retry: 1200, drops: 41}, says: "20 streams"},
		"one in twenty late": {lies: lies{slows: 20}, rate: 50, times: delayed, want: "p50 below 500 ms, p99 not"},
		"stalls once":        {lies: lies{stalls: 100}, times: stalled, want: "a maximum of 2 s or more, and a tenth not below 1.5 s"},
	} {
		for carrier, encoding := range map[string]string{"epoll": "", "net/http": "gzip"} { // net/http for all but the plainest requests
			t.Run(name+"/"+carrier, func(t *testing.T) {
				t.Parallel()
				l := newLiar(c.lies)
				sc := lied(t, l, encoding)
				sc.Rate = cmp.Or(c.rate, sc.Rate)
				r, err := Run(t.Context(), sc)
				if r == nil || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Fatalf("%v, the error is %v; want a result, and an error that says %q", r != nil, err, c.says)
				}
				compare(t, l, r)
				if c.times != nil && !c.times(r) {
					t.Errorf("latency %+v; want %s", r.LatencyMS, c.want)
				}
			})
		}
	}
}

// lied is a scenario of a server that lies.
func lied(t *testing.T, l *liar, encoding string) *Scenario {
	sc := short(serve(t, l))
	sc.Streams, sc.Rate, sc.Duration, sc.Settle = manyStreams, 200, time.Second, 600*time.Millisecond
	sc.Answer, sc.Patience, sc.Linger, sc.Request.Compress = 500*time.Millisecond, 3*time.Second, time.Second, encoding
	return &sc
}

// Events of four publishers overtake each other. All counts stay exact but that of the events
// out of order, which there is none of; late streams are not told that they have lost what may
// have come to the server before them.
func TestLiesOfSeveralPublishersAreSeenThrough(t *testing.T) {
	for name, c := range map[string]struct {
		lies     lies
		encoding string // gzip is read with net/http
		says     string
	}{
		"honest":            {lies: lies{overtakes: 2}},
		"drops":             {lies: lies{overtakes: 3, drops: 97, changes: 61}, encoding: "gzip"},
		"repeats":           {lies: lies{overtakes: 2, repeats: 89}},
		"drops and repeats": {lies: lies{overtakes: 2, drops: 97, repeats: 89, strange: 10}},
		"ends, and resumes": {lies: lies{overtakes: 2, ends: 60, retry: 50}, encoding: "gzip"},
		"one belated":       {lies: lies{overtakes: 2, belated: 200}},
		"kicks, back late":  {lies: lies{overtakes: 2, kicks: 3, retry: 1200}, says: "20 streams"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(c.lies)
			sc := lied(t, l, c.encoding)
			sc.Publish.Publishers = 4
			r, err := Run(t.Context(), sc)
			if r == nil || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, the error is %v; want a result, and an error that says %q", r != nil, err, c.says)
			}
			if l.did.overtaken < 50 {
				t.Errorf("%d events were overtaken, want 50 at least", l.did.overtaken)
			}
			compare(t, l, r)
		})
	}
}

func delayed(r *result.Result) bool {
	return r.LatencyMS.P50 < 500 && r.LatencyMS.P99 >= 500 && r.SpreadMS.Last.P50 >= 500
}

// 100 of 200 events come in the 500 ms after the stall begins.
func stalled(r *result.Result) bool { return r.LatencyMS.Max >= 1999 && r.LatencyMS.P90 >= 1500 }

// compare compares all counts of a result with those of the liar.
func compare(t *testing.T, l *liar, r *result.Result) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	did, published := &l.did, len(l.log)
	streams := manyStreams - did.refused - did.muted - len(did.late.firsts) // open when publishing began
	type count struct {
		what     string
		got, did int
	}
	counts := []count{
		{"asked", r.Asked, manyStreams},
		{"opened", r.Opened, streams},
		{"refused", r.Refused, did.refused},
		{"ended", r.Ended, did.ended + did.kicked},
		{"reconnected", r.Reconnected, did.ended + did.kicked},
		{"published", int(r.Published), published},
		{"expected", int(*r.Expected), published * streams},
		{"delivered", int(r.Delivered), did.sent},
		{"lost", int(*r.Lost), published*streams - did.sent},
		{"missing", int(*r.Missing), did.missing},
		{"twice", int(*r.Duplicated), did.twice},
		{"answered", r.Answered, streams + len(did.late.firsts)},
		{"streams that were late", r.Late.Streams, len(did.late.firsts)},
		{"others", int(r.Other), did.strange},
	}
	if l.overtakes == 0 {
		counts = append(counts, count{"out of order", int(*r.OutOfOrder), did.swapped},
			count{"delivered to these", int(r.Late.Delivered), did.late.sent}, count{"lost by these", int(r.Late.Lost), did.late.lost(published)})
	} else if r.OutOfOrder != nil || r.Late.Lost > 0 || int(r.Late.Delivered) > did.late.sent || (r.Late.Delivered > 0) != (r.Late.Streams > 0) {
		t.Errorf("out of order %v, late %+v; want null, and at most %d for late streams, of which none is lost", r.OutOfOrder, *r.Late, did.late.sent)
	}
	for _, sample := range r.Samples {
		if (sample.OutOfOrder == nil) != (l.overtakes > 0) {
			t.Errorf("out of order in the second until %.1f: %v", sample.At, sample.OutOfOrder)
		}
	}
	for _, c := range counts {
		if c.got != c.did {
			t.Errorf("%s: the result says %d, the server did %d", c.what, c.got, c.did)
		}
	}
	if did.sent > 0 && int(r.LatencyMS.Count) != did.sent {
		t.Errorf("%d latencies; want %d", r.LatencyMS.Count, did.sent)
	}
}
