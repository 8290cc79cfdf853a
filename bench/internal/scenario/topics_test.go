package scenario

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
)

// Streams of several topics, one of which loses an event of its topic: what is expected of
// each is what was published to its topic, in a run and in a storm.
func TestTopicsAreAccountedForApart(t *testing.T) {
	topics := load.Data{Topics: load.Numbered(4)}
	for name, drop := range map[string]int{"whole": -1, "one lost": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, &hub{drops: func(id, visit int) bool { return id == drop && visit == 2 }})
			sc := short(url)
			sc.Request.URL, sc.Request.Data = url+"/{{.Topic}}", topics
			sc.Publish.URL, sc.Publish.Data = url+"/{{.Topic}}", topics
			sc.Duration = 310 * time.Millisecond
			r := run(t, &sc)
			// 31 events: 8 to topics 0 to 2, which have 3, 3 and 2 streams, and 7 to topic 3, which has 2.
			lost := uint64(0)
			if drop >= 0 {
				lost = 1
			}
			if r.Published != 31 || *r.Expected != 78 || *r.Lost != lost || r.Delivered != 78-lost || *r.Stray != 0 || *r.Duplicated != 0 || r.SpreadMS.First.Count != 31 || r.SpreadMS.Last.Count != 31-int64(lost) {
				t.Errorf("published %d, delivered %d of %d, lost %d, stray %d, spread %+v", r.Published, r.Delivered, *r.Expected, *r.Lost, *r.Stray, r.SpreadMS)
			}
			if r.WireBytes == nil || *r.WirePerDelivery < 80 || *r.WirePerDelivery > 400 || r.PlainBytes != nil {
				t.Errorf("%v bytes for each delivery", r.WirePerDelivery)
			}
		})
	}
	url := serve(t, &hub{})
	sc := short(url)
	sc.Request.URL, sc.Request.Data = url+"/{{.Topic}}", topics
	sc.Publish.URL, sc.Publish.Data = url+"/{{.Topic}}", topics
	r, err := (&Storm{Scenario: sc, Missed: 8}).Run(t.Context())
	if err != nil || r.Storm.Caught != 10 || *r.Expected != 30 || *r.Lost != 0 {
		t.Errorf("storm: %v, %+v", err, r)
	}
}

// Events for everybody are for streams of other topics, too: that is seen.
func TestEventsOfOtherTopicsAreStray(t *testing.T) {
	url := serve(t, &hub{})
	sc := short(url)
	sc.Request.Data, sc.Publish.Data = load.Data{Topics: load.Numbered(2)}, load.Data{Topics: load.Numbered(2)}
	if r := run(t, &sc); *r.Stray != 150 || r.Delivered != 150 || *r.Lost != 0 {
		t.Errorf("%d stray, %d delivered, %d lost; want 150, 150, 0", *r.Stray, r.Delivered, *r.Lost)
	}
}

// A server that takes nothing is no reason to wait for what could come.
func TestRefusalsToPublishAreSaidAtOnce(t *testing.T) {
	var tries atomic.Int32
	h := &hub{}
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			tries.Add(1)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	sc := short(url)
	sc.Patience, sc.Duration = time.Minute, time.Minute
	r, err := Run(t.Context(), &sc)
	if r != nil || err == nil || !strings.Contains(err.Error(), "nothing could be published to "+url+"/a: ") || !strings.Contains(err.Error(), "401 Unauthorized: who are you?") {
		t.Errorf("%v, the error is %v", r, err)
	}
	if n := tries.Load(); n > 20 {
		t.Errorf("%d tries", n)
	}
}
