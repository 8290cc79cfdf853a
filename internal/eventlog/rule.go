package eventlog

import "strings"

// Rule says how much of some topics' history is kept.
type Rule struct {
	Topics string // a topic, a subtree such as "scores/*", or "*" for all
	Window Window
}

// Window bounds a log. An event beyond events or bytes is evicted, but for the
// newest; one older than age as well.
type Window struct {
	Events    int
	Bytes     int    // on the wire
	Age       uint32 // seconds
	Ephemeral bool   // its events are never replayed
}

// matches reports whether topic, a name or a subtree, is one of r's. A subtree
// is one of r's if all of its topics are.
func (r *Rule) matches(topic string) bool {
	if r.Topics == "*" || r.Topics == topic {
		return true
	}
	prefix, subtree := strings.CutSuffix(r.Topics, "*")
	return subtree && strings.HasPrefix(topic, prefix)
}
