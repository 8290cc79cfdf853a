package eventlog

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/fastsse/fastsse"
)

// maxTopicBytes is how long the name of a topic may be, in bytes.
const maxTopicBytes = 128

// Topic is a log and who reads it. A subtree ("scores/*") is a Topic too: it holds what
// the topics below it hold, and its index has their order. Methods may be called by any
// goroutine.
type Topic struct {
	// Static after construction.
	Name string
	sub  *subtree // nil: it is not a subtree

	// For package delivery: nothing here uses them.
	Shards   atomic.Uint64 // a bit per shard that has readers of it; set by the shards
	Notified atomic.Uint64 // a bit per shard that was notified and has not looked yet
	Readers  atomic.Int32  // open streams that name it

	refs int32 // from streams, publishers at work and topics below; guarded by its stripe of the registry

	// Written by publishers under History.mu, read by all. A watermark is raised before
	// the event leaves any view, so a reader that looks for an event first and at the
	// watermark afterwards does not miss a loss.
	head       atomic.Uint64 // sequence of the newest event; of a subtree: of the newest that was indexed
	evicted    Watermark     // highest sequence of an event that can no longer be replayed
	evictedAny Watermark     // the same, ephemeral ones included
	log        atomic.Pointer[log]
}

// Newest is the sequence of the topic's newest event, even if it was evicted; 0: none.
func (t *Topic) Newest() uint64 { return t.head.Load() }

// InSegments reports whether consecutive events of the topic are consecutive frames of
// its segments. It is false for subtrees.
func (t *Topic) InSegments() bool { return t.sub == nil }

// Has reports whether the events of the topic of that name are among those of t: it is t,
// or t is a subtree that it is in.
func (t *Topic) Has(topic string) bool {
	if t.sub == nil {
		return t.Name == topic
	}
	return strings.HasPrefix(topic, t.Name[:len(t.Name)-1])
}

// Empty reports whether the topic's log holds no event. A subtree has no log, so it is
// always empty; what keeps it in the registry is that each topic below refers to it.
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

// LostSince returns the highest sequence at or after next that the topic held and no
// longer holds; zero if there is none. Ephemeral events count only at or after live, the
// first sequence since the stream opened: earlier ones were not for it.
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

// CheckTopic returns a *fastsse.FieldError if name cannot be published to.
func CheckTopic(name string) error {
	if strings.HasSuffix(name, "/*") {
		return TopicError(name, "is a subtree, which can only be subscribed to", "publish to a topic below it")
	}
	return checkName(name, name)
}

// CheckPattern returns a *fastsse.FieldError if name cannot be subscribed to. It can be if
// it is a topic, or a topic and "/*", which is all topics below it.
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

// TopicError returns the *fastsse.FieldError of a topic.
func TopicError(name, problem, remedy string) error {
	return &fastsse.FieldError{Field: "topic", Value: name, Problem: problem, Remedy: remedy}
}

// ancestors calls yield with each subtree that name is in, the nearest first:
// "a/b/*" and "a/*" for "a/b/c".
func ancestors(name string, yield func(subtree string)) {
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		yield(name[:i] + "/*")
	}
}
