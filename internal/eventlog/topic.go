package eventlog

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/fastsse/fastsse"
)

// maxTopicBytes bounds topic names.
const maxTopicBytes = 128

// Topic is a log and its readers. A subtree ("scores/*") is a topic too: what it
// holds is what the topics below it hold, and its index says in which order.
type Topic struct {
	// Static after construction.
	Name string
	sub  *subtree // nil: it is no subtree

	// Owned by those who deliver: nothing here looks at them.
	Shards   atomic.Uint64 // the shards that have readers of it, a bit each; set by the shards
	Notified atomic.Uint64 // the shards that were told of news and have not looked yet
	Readers  atomic.Int32  // open streams that name it

	refs int32 // guarded by its stripe of the registry: streams, publishers at work, topics below

	// Written by publishers under History.mu, read by all. A watermark is raised
	// before what it speaks of leaves any view, so that a reader that looks first
	// and asks the watermark then never takes a hole for nothing.
	head       atomic.Uint64 // sequence of the newest event; of a subtree: since it has been read
	evicted    Watermark     // highest sequence of an event that cannot be replayed any more
	evictedAny Watermark     // the same, ephemeral ones included
	log        atomic.Pointer[log]
}

// Newest is the sequence of the topic's newest event. Any goroutine may ask.
func (t *Topic) Newest() uint64 { return t.head.Load() }

// InSegments reports whether consecutive events of the topic are consecutive frames of
// its segments, as they are but in a subtree.
func (t *Topic) InSegments() bool { return t.sub == nil }

// Empty reports whether the topic holds no event. Any goroutine may ask. That of
// a subtree is in its references: each topic below that holds something has one.
func (t *Topic) Empty() bool {
	l := t.log.Load()
	return l == nil || l.view.Load() == nil
}

// noteEvicted raises the watermarks for an event that is about to be evicted.
func (t *Topic) noteEvicted(seq uint64, ephemeral bool) {
	if !ephemeral {
		t.evicted.Raise(seq)
	}
	t.evictedAny.Raise(seq)
}

// LostSince returns the highest sequence from next on that the topic held and
// does not any more; zero if there is none. Ephemeral events count from live
// on: those before were never owed.
func (t *Topic) LostSince(next, live uint64) uint64 {
	lost := t.evicted.Load()
	if gone := t.evictedAny.Load(); gone >= live {
		lost = max(lost, gone)
	}
	if lost < next {
		return 0
	}
	return lost
}

// CheckTopic says whether name can be published to.
func CheckTopic(name string) error {
	if strings.HasSuffix(name, "/*") {
		return TopicError(name, "is a subtree, which can only be subscribed to", "publish to a topic below it")
	}
	return checkName(name, name)
}

// CheckPattern says whether name can be subscribed to: a topic, or "/*" after
// one for all topics below it.
func CheckPattern(name string) error {
	return checkName(name, strings.TrimSuffix(name, "/*"))
}

func checkName(whole, name string) error {
	switch {
	case name == "":
		return TopicError(whole, "is empty", "name a topic of 1 to "+strconv.Itoa(maxTopicBytes)+" bytes of "+topicAlphabet)
	case len(whole) > maxTopicBytes:
		return TopicError(fastsse.Shorten(whole), "is longer than "+strconv.Itoa(maxTopicBytes)+" bytes", "shorten it")
	}
	for i := range len(name) {
		if !topicByte(name[i]) {
			return TopicError(whole, "holds "+strconv.QuoteRune(rune(name[i])), "use "+topicAlphabet+", and /* at the end of a subscription for a subtree")
		}
	}
	return nil
}

const topicAlphabet = "A-Z a-z 0-9 _ . : / -"

func topicByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("_.:/-", c) >= 0
}

func TopicError(name, problem, remedy string) error {
	return &fastsse.FieldError{Field: "topic", Value: name, Problem: problem, Remedy: remedy}
}

// ancestors calls yield with every subtree that name is in, the nearest first:
// "a/b/*" and "a/*" for "a/b/c".
func ancestors(name string, yield func(subtree string)) {
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		yield(name[:i] + "/*")
	}
}
