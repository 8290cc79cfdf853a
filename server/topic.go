package server

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/fastsse/fastsse/streamwriter"
)

// maxTopicBytes bounds topic names.
const maxTopicBytes = 128

// topic is a log and who reads it. A subtree ("scores/*") is a topic too: its
// log holds the events of every topic below it.
type topic struct {
	name    string
	subtree bool
	log     log

	refs int // guarded by its stripe of the registry: streams, and publishers at work

	readers atomic.Int32  // open streams that name it
	shards  atomic.Uint64 // the shards that have readers of it, a bit each; set by the shards
	rung    atomic.Uint64 // the shards that were told of news and have not looked yet

	// Guarded by Hub.mu.
	built      bool     // subtree: the log follows its topics
	subtrees   []*topic // the built subtrees above it…
	subtreesAt uint64   // …as of this generation
	shelf      *shelf   // where it stands while its log holds something
	newer      *topic   // its neighbours there
	older      *topic
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

// within reports whether the topic name is in the subtree.
func within(name, subtree string) bool {
	return strings.HasPrefix(name, subtree[:len(subtree)-1])
}
