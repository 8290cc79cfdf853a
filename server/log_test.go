package server

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestLogKeepsItsWindow(t *testing.T) {
	w := newWorld(t)
	of := window{events: 3, bytes: 500, age: 60}
	a := w.keep("a", of)
	for i := range 10 {
		w.publish("a", strconv.Itoa(i))
	}
	if got := held(a); got != "7 8 9" {
		t.Errorf("by number it holds %q, want the last 3", got)
	}
	if a.forgotten.load() != 7 {
		t.Errorf("forgotten up to %d, want 7", a.forgotten.load())
	}
	w.now = 100
	w.publish("a", "young")
	if got := held(a); got != "young" {
		t.Errorf("by age it holds %q, want the young one alone", got)
	}
	for range 10 {
		w.publish("a", strings.Repeat("x", 300))
	}
	if n := a.log.Load().held; n > 500 {
		t.Errorf("by size it holds %d bytes, want at most 500", n)
	}
	w.publish("a", strings.Repeat("y", 1000))
	if got := held(a); len(got) != 1000 {
		t.Errorf("an event larger than the window is not kept: %d bytes", len(got))
	}
}

// held is the data of the events that a topic holds.
func held(t *topic) string {
	var list []string
	for p := t.seek(0); p.frm != nil; p.next() {
		_, data, _ := strings.Cut(string(p.seg.payload(p.frm)), "data: ")
		list = append(list, strings.TrimSpace(data))
	}
	return strings.Join(list, " ")
}

func TestLogAccountsForItsMemory(t *testing.T) {
	w := newWorld(t)
	for i := range 2000 {
		topic := fmt.Sprintf("t/%d", i%17)
		w.append(entry{topic: w.topic(topic), alias: strconv.Itoa(i), fields: fieldsOf(strings.Repeat("z", i%300))})
		if i%5 == 0 {
			w.topic("t/*")
		}
	}
	logs, indexes, _ := w.books()
	if logs != w.history.memory || indexes != w.history.indexed {
		t.Errorf("the books say %d bytes of logs and %d of indexes, there are %d and %d", w.history.memory, w.history.indexed, logs, indexes)
	}
	if indexes == 0 {
		t.Error("there is no index")
	}
}

func memoryOf(t *topic) (logs, indexes int64) {
	if t.sub != nil {
		if x := t.sub.index.Load(); x != nil {
			for _, b := range x.blocks {
				indexes += int64(b.memory())
			}
		}
		if len(t.sub.below) > 0 {
			logs = int64(subtreeCost + len(t.name))
		}
		return logs, indexes
	}
	l := t.log.Load()
	if l == nil || l.count == 0 {
		return 0, 0
	}
	for _, s := range l.segs {
		logs += int64(s.memory())
	}
	for id := range l.aliases {
		logs += int64(len(id) + aliasCost)
	}
	return logs + int64(topicCost+len(t.name)+memberCost*len(l.above)), 0
}

func TestHistoryIsBoundedAndLeavesATrace(t *testing.T) {
	w := newWorld(t)
	w.history.max = 64 << 10
	first := w.publish("old/1", "gone soon")
	for i := range 5000 {
		w.publish("new", strings.Repeat("n", 100)+strconv.Itoa(i))
	}
	if w.history.memory > w.history.max {
		t.Errorf("%d bytes are kept, want at most %d", w.history.memory, w.history.max)
	}
	if w.history.registry.find("old/1") != nil {
		t.Error("a topic that nobody reads and that holds nothing is still there")
	}
	if lost := w.topic("old/1").lostSince(first, w.head()+1); lost < first {
		t.Errorf("who has missed sequence %d is not told", first)
	}
	if lost := w.topic("old/*").lostSince(first, w.head()+1); lost < first {
		t.Errorf("who follows the subtree and has missed sequence %d is not told", first)
	}
}

func TestSubtreeIsBuiltFromWhatItsTopicsHold(t *testing.T) {
	w := newWorld(t)
	w.publish("s/a", "1")
	w.publish("s/b/c", "2")
	w.publish("sx", "not below")
	w.publish("s/a", "3")
	sub := w.topic("s/*")
	w.publish("s/b/c", "4")
	w.publish("s", "not below either")
	if got := held(sub); got != "1 2 3 4" {
		t.Errorf("the subtree holds %q, want 1 2 3 4", got)
	}
	if got := held(w.topic("s/b/*")); got != "2 4" {
		t.Errorf("the inner subtree holds %q, want 2 4", got)
	}
}

func TestAliasOfTwoEventsIsNoPosition(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close(context.Background())
	topics := h.acquireAll([]string{"a"})
	publishAlias := func(id string) {
		t.Helper()
		if _, err := h.Publish("a", eventWithID(id)); err != nil {
			t.Fatal(err)
		}
	}
	publishAlias("x")
	publishAlias("y")
	if s := h.resume("x", topics); s.next != 2 || s.gap != "" {
		t.Errorf("resume from x: %+v, want the event after it", s)
	}
	publishAlias("x")
	if s := h.resume("x", topics); s.gap != gapUnknown {
		t.Errorf("resume from x, which two events bear: %+v, want a gap", s)
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
	w := newWorld(t)
	topics := []string{"a"}
	if several {
		topics = []string{"a", "s/*"}
	}
	for _, name := range append([]string{"s/x", "s/y"}, topics...) {
		w.keepEvents(name, keep)
	}
	r := &reader{m: w.machine(chunked, topics...), s: w.fresh()}
	r.m.slow = Skip
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
	last, excused := uint64(0), false
	for _, e := range r.events(t) {
		_, seq, ok := parseID(e.ID)
		if !ok {
			t.Fatalf("event with id %q", e.ID)
		}
		if e.Type == "gap" {
			excused = true
			continue
		}
		if seq <= last {
			t.Fatalf("sequence %d after %d", seq, last)
		}
		if data, ok := model[seq]; !ok || data != e.Data {
			t.Fatalf("sequence %d carries %q, the model says %q (%v)", seq, e.Data, data, ok)
		}
		for missing := last + 1; missing < seq; missing++ {
			if _, owed := model[missing]; owed && !excused {
				t.Fatalf("sequence %d was left out without a gap", missing)
			}
		}
		last = seq
	}
	for missing := last + 1; missing <= head; missing++ {
		if _, owed := model[missing]; owed {
			t.Fatalf("sequence %d never came; the head is %d", missing, head)
		}
	}
}
