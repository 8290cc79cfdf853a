package cursor

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/eventlog"
)

func TestAliasOfTwoEventsIsNoPosition(t *testing.T) {
	w := newWorld(t)
	topics := []*eventlog.Topic{w.topic("a")}
	w.publishID("a", "x")
	w.publishID("a", "y")
	if s := w.resume("x", topics); s.Next != 2 || s.Gap != "" {
		t.Errorf("resume from x: %+v, want the event after it", s)
	}
	w.publishID("a", "x")
	if s := w.resume("x", topics); s.Gap != GapUnknown {
		t.Errorf("resume from x, which two events bear: %+v, want a gap", s)
	}
}

// A position that was told after 20,000 topics were forgotten, or before, raises no
// false alarm on a topic that never had an event.
func TestForgottenTopicsRaiseNoFalseAlarm(t *testing.T) {
	for _, n := range []int{1_000, 5_000, 20_000, 60_000} {
		w := newWorld(t)
		seen := w.publish("first", "x")
		for i := range n {
			w.publish(fmt.Sprintf("user/%d", i), "x")
			w.now += 400
		}
		if held := w.history.Topics(); held > 10 {
			t.Fatalf("%d topics are held, want them forgotten", held)
		}
		alarms := 0
		for i := range 1000 {
			if w.resume(fmt.Sprintf("e-%d", seen), w.history.Acquire([]string{fmt.Sprintf("quiet/%d", i)})).Gap != "" {
				alarms++
			}
		}
		if alarms > 10 {
			t.Errorf("%d forgotten topics: %d of 1000 resumes of topics that never had an event are told of a gap", n, alarms)
		}
		forgotten := w.history.Acquire([]string{fmt.Sprintf("user/%d", n/2)})
		if s := w.resume(fmt.Sprintf("e-%d", seen), forgotten); s.Gap != GapEvicted {
			t.Errorf("%d forgotten topics: who missed the event of one of them is told %q, want %q", n, s.Gap, GapEvicted)
		}
	}
}

// FuzzLogAndPositions holds logs and streams against plain slices: every stream
// gets the events that the model says, in order, once, or is told of a gap.
func FuzzLogAndPositions(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08"), uint8(3), false)
	f.Add([]byte(strings.Repeat("\x00\x11\x22\xc0\xff\x80", 40)), uint8(7), true)
	f.Add([]byte(strings.Repeat("\x03\x43\x83\xc3", 200)), uint8(2), true)
	f.Fuzz(func(t *testing.T, ops []byte, keep uint8, several bool) {
		if len(ops) > 4096 {
			return
		}
		runFuzz(t, ops, max(int(keep), 1), several)
	})
}

func runFuzz(t *testing.T, ops []byte, keep int, several bool) {
	topics := []string{"a"}
	if several {
		topics = []string{"a", "s/*"}
	}
	var rules []eventlog.Rule
	for _, name := range append([]string{"s/x", "s/y"}, topics...) {
		rules = append(rules, keeping(name, keep))
	}
	w := newWorld(t, rules...)
	r := &reader{m: w.machine(Chunked, topics...), s: w.fresh()}
	r.m.Skip = true
	model := map[uint64]string{} // by sequence: what the stream should get
	for i, op := range ops {
		switch op & 3 {
		case 0, 1:
			name := []string{"a", "s/x", "s/y", "other"}[op>>6]
			data := strings.Repeat(strconv.Itoa(i%10), int(op>>2&15)*9)
			seq := w.publish(name, data)
			if name == "a" || (several && strings.HasPrefix(name, "s/")) {
				model[seq] = data
			}
		case 2:
			r.turn(int(op >> 2))
		case 3:
			r.turn(1 << 20)
		}
	}
	r.all()
	checkAgainst(t, r, model, w.head())
}

// checkAgainst compares what the client got with the model.
func checkAgainst(t *testing.T, r *reader, model map[uint64]string, head uint64) {
	t.Helper()
	last, told := uint64(0), false
	for _, e := range r.events(t) {
		_, seq, ok := eventlog.ParseID(e.ID)
		if !ok {
			t.Fatalf("event with id %q", e.ID)
		}
		if e.Type == "gap" {
			told = true
			continue
		}
		if seq <= last {
			t.Fatalf("sequence %d after %d", seq, last)
		}
		if data, ok := model[seq]; !ok || data != e.Data {
			t.Fatalf("sequence %d carries %q, the model says %q (%v)", seq, e.Data, data, ok)
		}
		for missing := last + 1; missing < seq; missing++ {
			if _, due := model[missing]; due && !told {
				t.Fatalf("sequence %d was left out without a gap", missing)
			}
		}
		last = seq
	}
	for missing := last + 1; missing <= head; missing++ {
		if _, due := model[missing]; due {
			t.Fatalf("sequence %d never came; the head is %d", missing, head)
		}
	}
}
