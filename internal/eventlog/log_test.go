package eventlog

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestLogKeepsItsWindow(t *testing.T) {
	w := newLogs(t)
	of := Window{Events: 3, Bytes: 500, Age: 60}
	a := w.keep("a", of)
	for i := range 10 {
		w.publish("a", strconv.Itoa(i))
	}
	if got := held(a); got != "7 8 9" {
		t.Errorf("by number it holds %q, want the last 3", got)
	}
	if a.evicted.Load() != 7 {
		t.Errorf("forgotten up to %d, want 7", a.evicted.Load())
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
func held(t *Topic) string {
	var list []string
	for p := t.Seek(0); p.Frame != nil; p.Next() {
		_, data, _ := strings.Cut(string(p.Segment.Payload(p.Frame)), "data: ")
		data, _, _ = strings.Cut(data, "\nid: ")
		list = append(list, data)
	}
	return strings.Join(list, " ")
}

func TestLogAccountsForItsMemory(t *testing.T) {
	w := newLogs(t)
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

func memoryOf(t *Topic) (logs, indexes int64) {
	if t.sub != nil {
		if x := t.sub.index.Load(); x != nil {
			for _, b := range x.blocks {
				indexes += int64(b.memory())
			}
		}
		if len(t.sub.below) > 0 {
			logs = int64(subtreeCost + len(t.Name))
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
	return logs + int64(topicCost+len(t.Name)+memberCost*len(l.above)), 0
}

func TestHistoryIsBoundedAndLeavesATrace(t *testing.T) {
	w := newLogs(t)
	w.history.max = 64 << 10
	first := w.publish("old/1", "gone soon")
	for i := range 5000 {
		w.publish("new", strings.Repeat("n", 100)+strconv.Itoa(i))
	}
	if w.history.memory > w.history.max {
		t.Errorf("%d bytes are kept, want at most %d", w.history.memory, w.history.max)
	}
	if w.history.registry.lookup("old/1") != nil {
		t.Error("a topic that nobody reads and that holds nothing is still there")
	}
	if lost := w.topic("old/1").LostSince(first, w.head()+1); lost < first {
		t.Errorf("who has missed sequence %d is not told", first)
	}
	if lost := w.topic("old/*").LostSince(first, w.head()+1); lost < first {
		t.Errorf("who follows the subtree and has missed sequence %d is not told", first)
	}
}

func TestSubtreeIsBuiltFromWhatItsTopicsHold(t *testing.T) {
	w := newLogs(t)
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
