package check

import (
	"context"
	"fmt"
	"time"
)

// listen reads the first streams for a while, without publishing, and then leaves
// them.
func (s *session) listen(ctx context.Context) {
	for _, v := range s.visits() {
		v.first.awaitEnd(ctx, time.Until(v.first.begun.Add(s.For)))
	}
	for _, v := range s.visits() {
		v.first.leave()
	}
	s.endProbes(ctx)
}

func judgeHeartbeat(s *session) Finding {
	const remedy = "send a comment line (\": .\\n\") after every 15 s of silence"
	a := s.here.first
	silence, listened := max(a.longest, a.trailing()), a.end.at.Sub(a.headDone)
	beats := count(a.body.comments, "comment")
	switch {
	case a.signs == 0 && listened < s.pace.silent && a.body.count > 0 && a.trailing() < signAfter:
		return skip("events came all the time: there was no silence in which to send a heartbeat")
	case a.signs == 0 && listened < s.pace.silent:
		return skip("no sign of life in %s of silence, which is too short to tell; listen longer: -for 40s", span(silence))
	case a.signs == 0:
		return fail(remedy, "no sign of life in %s of silence; proxies end silent streams after %s", span(silence), idleLimits())
	case silence > s.pace.quiet:
		return warn(remedy, "silent for %s; proxies end silent streams after %s", span(silence), idleLimits())
	case a.body.comments == 0:
		return good("never silent for longer than %s (only events; no comment came)", span(silence))
	}
	return good("never silent for longer than %s (%s)", span(silence), beats)
}

// judgeLifetime says how the stream that was read in silence ended.
func judgeLifetime(s *session) Finding {
	a := s.here.first
	age := span(a.lived())
	if a.end.how == left {
		return good("still open after %s", age)
	}
	whose := knownLimitsText(a)
	switch {
	case a.end.how == whole && a.body.unfinished():
		return fail("end streams between two events", "ended after %s, inside an event%s", age, whose)
	case a.end.how == whole || a.end.how == closed:
		return warn("keep streams open, or end them rarely: after each end clients reconnect, except fetch-event-source, which takes a clean end as final",
			"ended by the server after %s, %s%s", age, endings[a.end.how], whose)
	}
	return fail("raise the limit that cuts it, or end streams before that (between two events, with a retry)",
		"cut after %s: %s%s", age, endings[a.end.how], whose)
}

var endings = map[how]string{
	whole:   "cleanly",
	closed:  "by closing the connection, which cannot be told from a cut",
	cut:     "the connection ended without the body's last chunk",
	reset:   "the connection was reset",
	garbled: "the bytes are not what the head promises",
}

func knownLimitsText(a *answer) string {
	names := knownLimits(a.lived(), a.trailing())
	if len(names) == 0 {
		return fmt.Sprintf(", %s after the last byte; no proxy or platform is known to have that limit", span(a.trailing()))
	}
	return fmt.Sprintf(", %s after the last byte; known to have that limit: %s", span(a.trailing()), list(names))
}
