package cursor

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// unfinished are the ways a stream is asked to end between two events.
var unfinished = map[string]func(w *world, r *reader){
	"kick": func(_ *world, r *reader) { r.s.End(Ending, Kicked, r.now) },
	"drain": func(w *world, r *reader) {
		r.m.Drain.Until = w.head()
		r.s.End(Draining, Drained, r.now)
	},
	"max age": func(_ *world, r *reader) {
		r.s.Dies = 1000
		r.now = 1000
		r.s.EndByAge(r.now, 0)
	},
	"slow": func(w *world, r *reader) {
		for range 3 { // of which the topic keeps one
			w.publish("a", "evicted")
		}
	},
}

// client is one whose stream is cut, or an EventSource.
func client(cut bool) ClientKind {
	if cut {
		return Cut
	}
	return EventSource
}

func TestACutStreamIsSentItsRetryAndNoLastChunk(t *testing.T) {
	for name, end := range unfinished {
		for _, cut := range []bool{false, true} {
			w := newWorld(t, keeping("a", 1))
			r := &reader{m: w.machine(Chunked, "a"), s: w.fresh()}
			r.m.Retry = time.Second
			r.s.Client = client(cut)
			w.publish("a", "1")
			r.all()
			end(w, r)
			r.all()
			got := r.got.String()
			if r.s.Phase != Closed || strings.HasSuffix(got, eventlog.LastChunk) == cut || datas(r.events(t)) != "1" || strings.Count(got, "retry: ") != 1 {
				t.Errorf("%s, cut %v: phase %v, sent %q", name, cut, r.s.Phase, got)
			}
		}
	}
}

// Neither framing has a last chunk to leave out; an Embedded stream has no farewell.
func TestTheOtherFramingsEndAlikeCutOrNot(t *testing.T) {
	for framing, farewells := range map[Framing]int{Identity: 1, Embedded: 0} {
		for _, cut := range []bool{false, true} {
			for name, end := range unfinished {
				w := newWorld(t, keeping("a", 1))
				r := &reader{m: w.machine(framing, "a"), s: w.fresh()}
				r.m.Retry = time.Second
				r.s.Client = client(cut)
				w.publish("a", "1")
				r.all()
				end(w, r)
				r.all()
				if got := r.got.String(); r.s.Phase != Closed || datas(r.events(t)) != "1" || strings.Count(got, "retry: ") != farewells {
					t.Errorf("%s, framing %v, cut %v: phase %v, sent %q", name, framing, cut, r.s.Phase, got)
				}
			}
		}
	}
}

// A feed of 113 bytes would be given 128.
func TestAFeedTakes112Bytes(t *testing.T) {
	if n := unsafe.Sizeof(Feed{}); n > 112 {
		t.Errorf("it takes %d", n)
	}
}

// A slot is a cache line, of which this is the greater part.
func TestAStreamTakes40Bytes(t *testing.T) {
	if n := unsafe.Sizeof(Stream{}); n != 40 {
		t.Errorf("it takes %d", n)
	}
}
