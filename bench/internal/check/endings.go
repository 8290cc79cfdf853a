package check

import "fmt"

// outcome is what clients make of the end of a stream: of how it ended, and of what the
// next request was answered.
type outcome int

const (
	done    outcome = iota // it ended as an answer does that is complete
	broken                 // it was cut
	stop                   // the answer is 204
	refused                // the answer is another one that is no stream
)

// endings say which clients come back, and when. docs/clients.md and docs/proxies.md tell
// how that was tried.
var endings = map[string][4]Finding{
	"eventsource": {
		done:   good("EventSource comes back after its retry, with Last-Event-ID"),
		broken: good("EventSource comes back after its retry, with Last-Event-ID"),
		stop:   good("EventSource stops for good, as 204 asks it to"),
		refused: fail("answer 200, a retry and the end until there is a stream; a proxy in place of its own 502, 503 and 504 (nginx: error_page 502 503 504 =200 @later)",
			"EventSource closes for good, and its page hears nothing any more"),
	},
	"fetch": {
		done: warn("end streams of clients that are no EventSource (no Cache-Control: no-cache) without the last chunk; or let pages throw in onclose of fetch-event-source",
			"fetch-event-source and Datastar take that for the end of everything, and do not come back"),
		broken: good("fetch-event-source and Datastar come back (but Caddy 2.6, and HAProxy 2.6 over HTTP/2, make it an end that looks complete)"),
		stop: warn("let pages that use fetch-event-source throw at 204, in onopen, and the same again in onerror",
			"Datastar stops; fetch-event-source takes 204 for an error, and comes back again and again"),
		refused: warn("let pages decide in onopen and onerror which answers end it", "fetch-event-source tries again, whatever the answer"),
	},
	"htmx": {
		done:   good("htmx 2 comes back as EventSource does, htmx 4 after 500 ms, and later each time"),
		broken: good("htmx 2 comes back as EventSource does, htmx 4 after 500 ms, and later each time"),
		stop: warn("end with an event that sse-close names (htmx 4: hx-sse:close)",
			"htmx does not stop at 204: htmx 2 comes back without Last-Event-ID, and htmx 4 tries again after every answer"),
		refused: warn("answer 200, a retry and the end until there is a stream",
			"htmx 2 comes back without Last-Event-ID, so that what was published meanwhile is lost to it; htmx 4 tries again"),
	},
}

// judgeEndings says which clients come back to the streams that were listened to: the first,
// and one that was asked for as clients ask that use fetch.
func (s *session) judgeEndings(check check) {
	other := when(s.Method != "GET", skip("EventSource and htmx send GET, and this stream is opened by %s", s.Method))
	check("eventsource", other, s.ending("eventsource", &s.here.first))
	check("fetch", s.ending("fetch", &s.fetch))
	check("htmx", other, s.ending("htmx", &s.here.first))
}

func (s *session) ending(client string, a *answer) Finding {
	first, next := &s.here.first, &s.returned
	said := fmt.Sprintf("ended after %s, %s", span(a.lived()), a.how)
	switch no := s.noStream(); {
	case first.head.status == 204:
		next, said = first, "204"
	case no.Verdict != "":
		return no
	case a.how == left:
		return skip("no end was seen in %s: listen longer (-for 5m), or restart the server meanwhile", span(first.lived()))
	case !next.begun.IsZero() && !next.streams():
		said += "; the next request: " + next.status()
	}
	f := endings[client][outcomeOf(a, next)]
	f.Found = said + ": " + f.Found
	return f
}

// outcomeOf is what clients make of a's end, and of the next answer.
func outcomeOf(a, next *answer) outcome {
	switch {
	case next.head.status == 204:
		return stop
	case hasHead(next) && !next.streams():
		return refused
	case a.how == whole || a.how == closed:
		return done
	}
	return broken
}
