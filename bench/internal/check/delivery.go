package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	publishRemedy = "-publish-url takes an event as -publish-method (POST) and -publish-body ({{.Message}}) say, and answers 2xx; -publish-header gives it a token or a Content-Type"
	noDelayRemedy = "set option http-no-delay in HAProxy, which otherwise holds every event for about 210 ms"
	gzipRemedy    = "do not compress text/event-stream: answer Cache-Control: no-transform, which Express's compression, HAProxy and Caddy from 2.11 heed, and X-Accel-Buffering: no, or leave the type out in the proxy (nginx: gzip_types, proxy_ignore_headers; Caddy: encode; Varnish: do_gzip)"
)

const (
	atOnce   = 40 * time.Millisecond  // events that come as close together were held: they are published five times further apart
	lateFrom = 100 * time.Millisecond // a delay that neither a network nor a server causes unless it sleeps
)

// delivered is how a round of events came.
type delivered struct {
	sent, came      int
	usual           time.Duration // what all took, or all but one, at least
	median, slowest time.Duration
	together        int           // events that came with another that was published at another time
	most            int           // the most that came at once
	held            time.Duration // how late the first of these was
}

// arrivals works out how the published events came to a.
func arrivals(a *answer, sent []publication) delivered {
	d := delivered{sent: len(sent)}
	var late []time.Duration
	var before time.Time
	bunch := 0 // how many came at once, last
	for _, p := range sent {
		e := a.text.find(p.n)
		if e.n == 0 {
			continue
		}
		late = append(late, e.at.Sub(p.at))
		if e.at.Sub(before) > atOnce {
			bunch = 0
		}
		before = e.at
		switch bunch++; {
		case bunch == 2:
			d.together += 2
		case bunch > 2:
			d.together++
		}
		if bunch > max(d.most, 1) {
			d.most, d.held = bunch, late[len(late)-bunch]
		}
	}
	d.came = len(late)
	if slices.Sort(late); d.came > 0 {
		d.usual, d.median, d.slowest = late[min(1, d.came-1)], late[d.came/2], late[d.came-1]
	}
	return d
}

// buffered reports whether most events came in bunches.
func (d *delivered) buffered() bool { return d.together*2 > d.sent }

// late reports whether all events were, or all but one.
func (d *delivered) late() bool { return d.came > 0 && d.usual >= lateFrom }

// oneByOne reports whether events came at all, and were not buffered.
func (d *delivered) oneByOne() bool { return d.came > 0 && !d.buffered() }

// unpublished says why no events were published to a stream, if none were.
func (s *session) unpublished() Finding {
	return first(s.noStream(),
		when(s.publisher == nil, skip("needs -publish-url")),
		when(s.refused != nil, skip("events could not be published")))
}

func (s *session) judgeDelivery(check check) {
	no, posted, held := s.unpublished(), 0, span(s.pace.held)
	if s.publisher != nil {
		posted = s.publisher.n
	}
	check("publish",
		when(s.publisher == nil, skip("needs -publish-url: without it nothing is published")),
		when(s.refused != nil, fail(publishRemedy, "%v", s.refused)),
		when(posted == 0, skip("nothing was published: there is no stream")),
		good("%s, answered 2xx", count(posted, "event")))
	d, sent, wrong := arrivals(&s.here.plain, s.round), count(len(s.round), "published event"), misordered(s.here.plain.text.ours)
	check("delivery", no,
		when(d.came == 0, fail(bufferRemedy+"; or -publish-url publishes to another stream", "BUFFERED, or not delivered: nothing of %s arrived within %s", sent, held)),
		when(d.buffered(), fail(bufferRemedy, "BUFFERED: of %s, published %s apart, %d arrived at once, after the first of them was held for %s", sent, span(s.apart), d.most, span(d.held))),
		when(d.came < d.sent, fail("find out what drops them: a full queue, or a process that does not have this subscriber", "LOST: %d of %s did not arrive within %s", d.sent-d.came, sent, held)),
		when(wrong != "", fail("deliver every event once, in the order of publishing", "%s", wrong)),
		good("%s arrived one by one, %s after publishing at the median, %s at most", sent, span(d.median), span(d.slowest)))
	delay := "find out what waits: a server that polls, or Nagle's algorithm with delayed acknowledgements"
	if d.usual > 150*time.Millisecond && d.usual < 350*time.Millisecond {
		delay = noDelayRemedy + "; otherwise: " + delay
	}
	check("delay", no,
		when(!d.oneByOne(), skip("no event came by itself")),
		when(d.late(), warn(delay, "events are always late, %s at the median, %s at most", span(d.median), span(d.slowest))),
		good("no constant delay: %s at the median", span(d.median)))
	plain, gzip, quiet := &s.here.plain, &s.here.gzip, len(s.round) == 0
	z, how, coding := arrivals(gzip, s.round), codingOf(gzip), gzip.head.Get("Content-Encoding")
	check("gzip", s.noStream(),
		when(!plain.streams(), skip("there was no second stream to compare with: %s", plain.status())),
		when(gzip.head.status == 200 && how == "encoded", fail("compress as the request asks, or not at all", "answered Content-Encoding: %s to Accept-Encoding: gzip", quote(coding))),
		when(quiet && !hasBody(plain), skip("nothing came to compare with; needs -publish-url")),
		when(quiet && !hasBody(gzip), fail(gzipRemedy, "a proxy buffers: no byte arrived with gzip accepted; without it the first come at once")),
		when(quiet, good("the first bytes come at once with gzip accepted as well, %s", how)),
		when(!d.oneByOne(), skip("nothing to compare with: events do not come at once without gzip either")),
		when(z.came == 0, fail(gzipRemedy, "a proxy buffers: nothing of %s arrived within %s with gzip accepted (%s), and without it they come at once", sent, held, how)),
		when(z.buffered(), fail(gzipRemedy, "a proxy buffers: with gzip accepted (%s) %d events arrived together, after the first was held for %s; without it each comes at once", how, z.most, span(z.held))),
		when(d.came < d.sent, skip("nothing to compare with: events are lost without gzip as well")),
		when(z.came < z.sent, fail(gzipRemedy, "%d of %s did not arrive with gzip accepted", z.sent-z.came, sent)),
		good("with gzip accepted events arrive as well, %s, %s at the median", how, span(z.median)))
}

// codingOf says whether what comes is compressed.
func codingOf(a *answer) string {
	switch strings.ToLower(a.head.Get("Content-Encoding")) {
	case "gzip":
		return "compressed"
	case "", "identity":
		return map[bool]string{true: "uncompressed", false: "no head came"}[hasHead(a)]
	}
	return "encoded"
}

// misordered says what is wrong with the order of events; empty: nothing.
func misordered(events []event) string {
	for i, e := range events {
		switch {
		case slices.ContainsFunc(events[:i], func(f event) bool { return f.n == e.n }):
			return fmt.Sprintf("event %d came twice", e.n)
		case i > 0 && e.n < events[i-1].n:
			return "out of order: " + numbers(events)
		}
	}
	return ""
}

func numbers(events []event) string {
	var all []string
	for _, e := range events[:min(len(events), 20)] {
		all = append(all, strconv.Itoa(e.n))
	}
	if len(events) > 20 {
		all = append(all, "…")
	}
	if len(events) == 0 {
		return "none"
	}
	return strings.Join(all, " ")
}
