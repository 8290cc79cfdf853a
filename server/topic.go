package server

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/fastsse/fastsse/streamwriter"
)

// maxTopicBytes bounds topic names.
const maxTopicBytes = 128

// topic is a log and its readers. A subtree ("scores/*") is a topic too: what it
// holds is what the topics below it hold, and its index says in which order.
type topic struct {
	// Static after construction.
	name string
	sub  *subtree // nil: it is no subtree

	refs int32 // guarded by its stripe of the registry: streams, publishers at work, topics below

	readers atomic.Int32  // open streams that name it
	shards  atomic.Uint64 // the shards that have readers of it, a bit each; set by the shards
	rung    atomic.Uint64 // the shards that were told of news and have not looked yet

	// Written by publishers under Hub.mu, read by all. A watermark is raised
	// before what it speaks of leaves any view, so that a reader that looks first
	// and asks the watermark then never takes a hole for nothing.
	head      atomic.Uint64 // sequence of the newest event; of a subtree: since it has been read
	forgotten watermark     // highest sequence of an event that cannot be replayed any more
	gone      watermark     // the same, ephemeral ones included
	log       atomic.Pointer[log]
}

// empty reports whether the topic holds no event. Any goroutine may ask. That of
// a subtree is in its references: each topic below that holds something has one.
func (t *topic) empty() bool {
	l := t.log.Load()
	return l == nil || l.view.Load() == nil
}

// lose raises the watermarks for an event that is about to be forgotten.
func (t *topic) lose(seq uint64, ephemeral bool) {
	if !ephemeral {
		t.forgotten.raise(seq)
	}
	t.gone.raise(seq)
}

// lostSince returns the highest sequence from next on that the topic held and
// does not any more; zero if there is none. Ephemeral events count from live
// on: those before were never owed.
func (t *topic) lostSince(next, live uint64) uint64 {
	lost := t.forgotten.load()
	if gone := t.gone.load(); gone >= live {
		lost = max(lost, gone)
	}
	if lost < next {
		return 0
	}
	return lost
}

// checkTopic says whether name can be published to.
func checkTopic(name string) error {
	if strings.HasSuffix(name, "/*") {
		return topicError(name, "is a subtree, which can only be subscribed to", "publish to a topic below it")
	}
	return checkName(name, name)
}

// checkPattern says whether name can be subscribed to: a topic, or "/*" after
// one for all topics below it.
func checkPattern(name string) error {
	return checkName(name, strings.TrimSuffix(name, "/*"))
}

func checkName(whole, name string) error {
	switch {
	case name == "":
		return topicError(whole, "is empty", "name a topic of 1 to "+strconv.Itoa(maxTopicBytes)+" bytes of "+topicAlphabet)
	case len(whole) > maxTopicBytes:
		return topicError(shorten(whole), "is longer than "+strconv.Itoa(maxTopicBytes)+" bytes", "shorten it")
	}
	for i := range len(name) {
		if !topicByte(name[i]) {
			return topicError(whole, "holds "+strconv.QuoteRune(rune(name[i])), "use "+topicAlphabet+", and /* at the end of a subscription for a subtree")
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

func topicError(name, problem, remedy string) error {
	return &streamwriter.FieldError{Field: "topic", Value: name, Problem: problem, Remedy: remedy}
}

// ancestors calls yield with every subtree that name is in, the nearest first:
// "a/b/*" and "a/*" for "a/b/c".
func ancestors(name string, yield func(subtree string)) {
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		yield(name[:i] + "/*")
	}
}
