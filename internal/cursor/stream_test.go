package cursor

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/eventlog"
)

func TestStreamSendsAllThatIsNewInOneTurn(t *testing.T) {
	w := newWorld(t)
	w.publish("a", "before")
	r := reader{m: w.machine(Chunked, "a"), s: w.fresh()}
	if b := r.turn(1 << 20); b != nil {
		t.Fatalf("a fresh stream was offered %q", b)
	}
	w.publish("a", "1")
	w.publish("a", "2")
	w.publish("a", "3")
	r.turn(1 << 20)
	if b := r.turn(1 << 20); b != nil {
		t.Errorf("a second turn was offered %q: three events are one write", b)
	}
	r.wants(t, "1 2 3")
	if r.m.Delivered != 3 {
		t.Errorf("counted %d events, want 3", r.m.Delivered)
	}
}

// Whatever the kernel takes of each write, the client gets the same bytes.
func TestStreamGoesOnWhereTheKernelStopped(t *testing.T) {
	for _, c := range []struct {
		name    string
		Framing Framing
		topics  []string
	}{
		{"one topic", Chunked, []string{"a"}},
		{"several topics", Chunked, []string{"a", "b", "s/*"}},
		{"Identity", Identity, []string{"a"}},
		{"inner, several", Embedded, []string{"a", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			m := w.machine(c.Framing, c.topics...)
			whole := reader{m: m, s: w.fresh()}
			for i := range 12 {
				w.publish([]string{"a", "b", "s/x"}[i%3], strings.Repeat(strconv.Itoa(i), 1+i%5))
			}
			whole.all()
			for step := 1; step < 60; step++ {
				r := reader{m: w.machine(c.Framing, c.topics...), s: Stream{Next: 1, Live: 1}}
				for range 10_000 {
					if r.turn(step) == nil {
						break
					}
				}
				if r.got.String() != whole.got.String() {
					t.Fatalf("by %d bytes at a time the client got\n%q, want\n%q", step, r.got.String(), whole.got.String())
				}
				if len(r.m.unsent) != 0 || r.s.Pending {
					t.Fatalf("by %d bytes: %d rests are left", step, len(r.m.unsent))
				}
				if r.m.Delivered != whole.m.Delivered {
					t.Fatalf("by %d bytes: counted %d events, want %d", step, r.m.Delivered, whole.m.Delivered)
				}
			}
		})
	}
}

func TestStreamOfSeveralTopicsIsInPublishOrderOnceEach(t *testing.T) {
	w := newWorld(t)
	r := reader{m: w.machine(Chunked, "s/1", "s/*", "t"), s: w.fresh()}
	w.publish("s/1", "a") // in two of its topics
	w.publish("t", "b")
	w.publish("s/2", "c")
	w.publish("u", "not for it")
	w.publish("s/1", "d")
	r.all()
	r.wants(t, "a b c d")
}

// An event is not sent before all older ones can be seen in every log.
func TestStreamOfSeveralTopicsWaitsForTheCommit(t *testing.T) {
	w := newWorld(t)
	m := w.machine(Chunked, "a", "b")
	limit := uint64(0)
	m.workspace.newest = func() uint64 { return limit }
	r := reader{m: m, s: w.fresh()}
	w.publish("a", "1")
	w.publish("b", "2")
	r.all()
	r.wants(t, "")
	limit = 1
	r.all()
	r.wants(t, "1")
	limit = 2
	r.all()
	r.wants(t, "1 2")
}

func TestReplayIsAStreamWithAnOldPosition(t *testing.T) {
	w := newWorld(t)
	var middle uint64
	for i := range 10 {
		seq := w.publish("a", strconv.Itoa(i))
		if i == 4 {
			middle = seq
		}
	}
	r := reader{m: w.machine(Chunked, "a"), s: w.resumed(middle)}
	r.all()
	w.publish("a", "live")
	r.all()
	r.wants(t, "5 6 7 8 9 live")
}

func TestEphemeralEventsAreDeliveredAndNeverReplayed(t *testing.T) {
	for _, topics := range [][]string{{"a"}, {"a", "b"}} {
		w := newWorld(t)
		live := reader{m: w.machine(Chunked, topics...), s: w.fresh()}
		first := w.publish("a", "1")
		w.publishEphemeral("a", "e1")
		w.publishEphemeral("a", "e2")
		w.publish("a", "2")
		w.publishEphemeral("a", "e3")
		live.all()
		live.wants(t, "1 e1 e2 2 e3")
		late := reader{m: w.machine(Chunked, topics...), s: w.resumed(first)}
		late.all()
		w.publishEphemeral("a", "e4")
		late.all()
		late.wants(t, "2 e4")
	}
}

func TestForgottenEphemeralEventsAreNoGapToWhoComesBack(t *testing.T) {
	w := newWorld(t, keeping("a", 2))
	a := w.topic("a")
	seen := w.publish("a", "1")
	for range 5 {
		w.publishEphemeral("a", "e")
	}
	if lost := a.LostSince(seen+1, w.head()+1); lost != 0 {
		t.Errorf("sequence %d counts as lost; only ephemeral events are gone", lost)
	}
	if lost := a.LostSince(seen+1, seen+1); lost == 0 {
		t.Error("a live stream has missed ephemeral events, and is not told")
	}
}

func TestHeartbeatEndsASilence(t *testing.T) {
	w := newWorld(t)
	r := reader{m: w.machine(Chunked, "a"), s: w.fresh()}
	r.m.Heartbeat = 1000
	for _, step := range []struct {
		at   int64
		want string
	}{{999, ""}, {1000, "4\r\n: .\n\r\n"}, {1500, ""}, {1999, ""}, {2000, "4\r\n: .\n\r\n"}} {
		r.now = step.at
		if got := string(r.turn(100)); got != step.want {
			t.Errorf("at %d ms it was offered %q, want %q", step.at, got, step.want)
		}
	}
	if due := r.m.Due(&r.s); due != 3000 {
		t.Errorf("next due at %d, want 3000", due)
	}
	r.now = 2500
	w.publish("a", "x")
	r.all()
	if due := r.m.Due(&r.s); due != 3500 {
		t.Errorf("due at %d after an event at 2500, want 3500", due)
	}
}

// Of heartbeats nothing is kept for a reader that takes nothing; one that took half of
// one gets the other half before anything else.
// A stream that has everything is told so when its position has grown old; one that
// has not gets what is missing instead.
func TestHeartbeatTellsAnOldPosition(t *testing.T) {
	for _, tt := range []struct {
		fr   Framing
		to   ClientKind
		want string
	}{
		{Chunked, EventSource, "9\r\nid: e-2\n\n\r\n"},
		{Identity, EventSource, "id: e-2\n\n"},
		{Embedded, EventSource, "id: e-2\n\n"},
		{Chunked, Cut, "8\r\nid: e-2\n\r\n"}, // a blank line would make it an event
		{Identity, 0, "id: e-2\n"},
		{Embedded, 0, "id: e-2\n"},
	} {
		fr, want := tt.fr, tt.want
		w := newWorld(t)
		r := reader{m: w.machine(fr, "a", "b/*"), s: w.fresh()}
		r.s.Client = tt.to
		r.m.Heartbeat = 1000
		w.publish("x", "1")
		w.publish("x", "2")
		r.now = 1000
		for r.turn(1<<20) != nil {
		}
		if got := r.got.String(); strings.Contains(got, "id") {
			t.Errorf("Framing %d: it is told %q although nothing has been forgotten", fr, got)
		}
		r.got.Reset()
		w.history.MayBeFalse().Raise(1)
		r.now = 2000
		r.turn(3) // and the rest of it later
		for r.turn(1<<20) != nil {
		}
		if got := r.got.String(); got != want || r.s.Next != 3 {
			t.Errorf("Framing %d: it gets %q and stands before %d, want %q and 3", fr, got, r.s.Next, want)
		}
		r.got.Reset()
		w.publish("a", "3")
		w.history.MayBeFalse().Raise(3)
		r.now = 3000
		r.all()
		if got := datas(r.events(t)); got != "3" || r.s.Next != 4 {
			t.Errorf("Framing %d: it gets %q and stands before %d, want 3 and 4", fr, got, r.s.Next)
		}
	}
}

func TestHeartbeatThatDoesNotGoOutIsDropped(t *testing.T) {
	w := newWorld(t)
	r := reader{m: w.machine(Chunked, "a"), s: w.fresh(), now: 5000}
	r.m.Heartbeat = 1000
	r.turn(0)
	if r.s.Pending {
		t.Error("a heartbeat that did not go out is kept")
	}
	r.turn(3)
	w.publish("a", "x")
	r.all()
	r.wants(t, "x")
	if !strings.HasPrefix(r.got.String(), "4\r\n: .\n\r\n") {
		t.Errorf("the heartbeat was torn: %q", r.got.String())
	}
}

func TestMaxAgeEndsBetweenEventsWithARetry(t *testing.T) {
	w := newWorld(t)
	r := reader{m: w.machine(Chunked, "a"), s: w.fresh()}
	r.m.Retry = 2 * time.Second
	r.s.Dies = 1000
	w.publish("a", "long enough to be cut")
	r.turn(10)
	r.now = 1000
	r.s.EndByAge(r.now, 0)
	w.publish("a", "for the next stream")
	r.all()
	r.wants(t, "long enough to be cut")
	wantsFarewell(t, &r, MaxAge)
}

// wantsFarewell checks that the stream has ended with a reconnection time of 2
// to 4 s and the last chunk.
func wantsFarewell(t *testing.T, r *reader, why Reason) {
	t.Helper()
	got := r.got.String()
	if !strings.HasSuffix(got, eventlog.LastChunk) {
		t.Errorf("it does not end with the last chunk: %q", got)
	}
	_, after, ok := strings.Cut(got[max(0, len(got)-40):], "retry: ")
	ms, err := strconv.Atoi(after[:min(4, len(after))])
	if !ok || err != nil || ms < 2000 || ms >= 4000 {
		t.Errorf("no retry between 2000 and 4000 at the end: %q", got)
	}
	if r.s.Phase != Closed || r.s.Reason != why {
		t.Errorf("phase %d, reason %v, want over for %v", r.s.Phase, r.s.Reason, why)
	}
}

func TestDrainDeliversWhatWasPublishedBeforeIt(t *testing.T) {
	for _, topics := range [][]string{{"a"}, {"a", "b"}} {
		w := newWorld(t)
		r := reader{m: w.machine(Chunked, topics...), s: w.fresh()}
		r.m.Retry = 2 * time.Second
		w.publish("a", "1")
		r.turn(4)
		w.publish("a", "2")
		r.m.Drain.Until = w.head()
		r.s.End(Draining, Drained, 0)
		r.all()
		r.wants(t, "1 2")
		wantsFarewell(t, &r, Drained)
	}
}

func TestDrainedStreamMayTakeItsLastBytesOneByOne(t *testing.T) {
	w := newWorld(t)
	r := reader{m: w.machine(Chunked, "a"), s: w.fresh()}
	r.m.Retry = 2 * time.Second
	r.s.End(Draining, Drained, 0)
	for r.turn(1) != nil {
	}
	wantsFarewell(t, &r, Drained)
}

func TestKickEndsAtOnceButNotInsideAnEvent(t *testing.T) {
	w := newWorld(t)
	r := reader{m: w.machine(Chunked, "a"), s: w.fresh()}
	r.m.Retry = 2 * time.Second
	w.publish("a", "begun")
	r.turn(5)
	w.publish("a", "not begun")
	r.s.End(Ending, Kicked, 0)
	r.all()
	r.wants(t, "begun")
	wantsFarewell(t, &r, Kicked)
}

// slowWorld is a reader that has taken n bytes of its next event, whose log has
// then forgotten it and the two after it.
func slowWorld(t *testing.T, skips bool, n int) (*world, *reader) {
	w := newWorld(t, keeping("a", 2))
	r := &reader{m: w.machine(Chunked, "a"), s: w.fresh()}
	r.m.Skip, r.m.Retry = skips, 2*time.Second
	w.publish("a", "0")
	if n > 0 {
		r.turn(n)
	}
	for i := range 4 {
		w.publish("a", strconv.Itoa(i+1))
	}
	return w, r
}

func TestSlowReaderIsDisconnectedBetweenEvents(t *testing.T) {
	_, r := slowWorld(t, false, 0)
	r.all()
	r.wants(t, "")
	wantsFarewell(t, r, Slow)
	if r.m.Aborted != 0 {
		t.Error("a clean end was counted as an abort")
	}
}

func TestSlowReaderIsAbortedInsideAnEvent(t *testing.T) {
	_, r := slowWorld(t, false, 7)
	r.all()
	if r.s.Phase != Aborted || r.s.Reason != Slow || r.m.Aborted != 1 {
		t.Errorf("phase %d, reason %v, %d aborts; want broken, slow, 1", r.s.Phase, r.s.Reason, r.m.Aborted)
	}
	if r.got.Len() != 7 || len(r.m.unsent) != 0 {
		t.Errorf("%d bytes were sent, want the 7 it had; %d rests kept", r.got.Len(), len(r.m.unsent))
	}
}

func TestSlowReaderSkipsWithAGap(t *testing.T) {
	for n, want := range map[int]string{0: "gap! 3 4 5", 7: "0 gap! 3 4 5"} {
		w, r := slowWorld(t, true, n)
		r.all()
		w.publish("a", "5")
		r.all()
		r.wants(t, want)
		if r.m.Gaps != 1 {
			t.Errorf("%d gaps counted, want 1", r.m.Gaps)
		}
	}
}

func TestGapNamesAnIDThatResumes(t *testing.T) {
	_, r := slowWorld(t, true, 0)
	r.all()
	gap := r.events(t)[0]
	if gap.ID != "e-0" || gap.Data != `{"reason":"slow"}` {
		t.Errorf("gap %+v, want the position before what is missing and its reason", gap)
	}
}

// A stream that several of its logs have lost from is told once.
func TestSlowReaderOfSeveralTopicsIsToldOnce(t *testing.T) {
	w := newWorld(t, keeping("a", 1))
	r := &reader{m: w.machine(Chunked, "a", "b"), s: w.fresh()}
	r.m.Skip = true
	w.publish("a", "a1")
	w.publish("b", "b1")
	w.publish("a", "a2")
	w.publish("a", "a3")
	w.publish("b", "b2")
	r.all()
	r.wants(t, "gap! b1 a3 b2")
}
