package eventlog

import "strings"

// Rule says how much is kept of the topics that it matches.
type Rule struct {
	Topics string // a topic, a subtree such as "scores/*", or "*" for all
	Window Window
}

// Window bounds a log. Events beyond Events or Bytes are evicted, the oldest first, but
// never the newest event. An event older than Age is evicted in any case.
type Window struct {
	Events    int
	Bytes     int    // on the wire
	Age       uint32 // seconds
	Ephemeral bool   // events are never replayed
}

// matches reports whether r is for topic, which may be a subtree. It is for a subtree if
// it is for all topics in it.
func (r *Rule) matches(topic string) bool {
	if r.Topics == "*" || r.Topics == topic {
		return true
	}
	prefix, subtree := strings.CutSuffix(r.Topics, "*")
	return subtree && strings.HasPrefix(topic, prefix)
}
