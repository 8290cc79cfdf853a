package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// perRound is how many events are published to see how they come.
const perRound = 5

// deliver opens streams of every kind, publishes, and notes what comes when.
func (s *session) deliver(ctx context.Context) {
	streams := s.openListeners(ctx)
	until := time.Now().Add(s.pace.head)
	for _, a := range streams {
		a.awaitHead(ctx, time.Until(until))
	}
	if s.publishing() {
		s.publishRounds(ctx)
	} else {
		for _, a := range streams {
			a.await(ctx, time.Until(until), func() bool { return !a.bodyBegun.IsZero() })
		}
	}
	s.http2.wait(ctx, s.pace.head)
	leave(streams...)
}

// openListeners opens the streams that are to hear the published events.
func (s *session) openListeners(ctx context.Context) []*answer {
	var streams []*answer
	for _, v := range s.visits() {
		v.plain = s.ask(ctx, v.target, request{})
		v.gzip = s.ask(ctx, v.target, request{header: []string{"Accept-Encoding: gzip"}})
		streams = append(streams, v.plain, v.gzip)
	}
	s.http10 = s.ask(ctx, s.here.target, request{proto: "HTTP/1.0", header: []string{"Connection: close"}})
	streams = append(streams, s.http10)
	if s.Origin != "" {
		s.origin = s.ask(ctx, s.here.target, request{header: []string{"Origin: " + s.Origin}})
		streams = append(streams, s.origin)
	}
	if s.here.target.secure() {
		s.http2 = s.here.target.askHTTP2(ctx)
	}
	return streams
}

// publishRounds publishes one event for streams that wait for their first, then a
// round of them. If they are not delivered well there is a second round, further apart: the
// machine may have been busy, or HAProxy holds each event for so long that it meets the
// next, which both look like a proxy that buffers.
func (s *session) publishRounds(ctx context.Context) {
	first, ok := s.publish(ctx, 1, 0)
	if !ok {
		return
	}
	s.awaitAll(ctx, first[0].n, s.pace.head)
	for _, s.apart = range []time.Duration{s.pace.spacing, s.pace.wider} {
		if s.round, ok = s.publish(ctx, perRound, s.apart); !ok {
			return
		}
		s.awaitAll(ctx, s.round[perRound-1].n, s.pace.held)
		if !s.doubtful() {
			return
		}
	}
}

// listeners are the streams whose delivery is judged.
func (s *session) listeners() []*answer {
	var all []*answer
	for _, v := range s.visits() {
		all = append(all, v.plain, v.gzip)
	}
	return all
}

// awaitAll waits until all have the n-th event, for at most limit.
func (s *session) awaitAll(ctx context.Context, n int, limit time.Duration) {
	until := time.Now().Add(limit)
	for _, a := range s.listeners() {
		a.heard(ctx, n, time.Until(until))
	}
}

// doubtful reports whether events came in a way that noise may explain.
func (s *session) doubtful() bool {
	for _, a := range s.listeners() {
		a.mu.Lock()
		d := arrivals(a, s.round)
		a.mu.Unlock()
		if d.came > 0 && (d.buffered() || d.late()) {
			return true
		}
	}
	return false
}

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
	var bunch []time.Time // the events that came at once, last
	for _, p := range sent {
		e := a.body.find(p.n)
		if e == nil {
			continue
		}
		late = append(late, e.at.Sub(p.at))
		if len(bunch) > 0 && e.at.Sub(bunch[len(bunch)-1]) > atOnce {
			bunch = bunch[:0]
		}
		bunch = append(bunch, e.at)
		d.addBunch(len(bunch), late)
	}
	d.came = len(late)
	if slices.Sort(late); d.came > 0 {
		d.usual, d.median, d.slowest = late[min(1, d.came-1)], late[d.came/2], late[d.came-1]
	}
	return d
}

// atOnce is how close together events come if something has held them. They are
// published five times further apart.
const atOnce = 40 * time.Millisecond

// addBunch notes that the last n events came at once.
func (d *delivered) addBunch(n int, late []time.Duration) {
	switch {
	case n == 2:
		d.together += 2
	case n > 2:
		d.together++
	}
	if n > 1 && n > d.most {
		d.most, d.held = n, late[len(late)-n]
	}
}

// buffered reports whether most events came in bunches.
func (d *delivered) buffered() bool { return d.together*2 > d.sent }

// late reports whether all events were, or all but one.
func (d *delivered) late() bool { return d.came > 0 && d.usual >= lateFrom }

// lateFrom is a delay that neither a network nor a server causes unless it sleeps.
const lateFrom = 100 * time.Millisecond

func judgePublish(s *session) Finding {
	switch {
	case s.publisher == nil:
		return skip("needs -publish-url: without it nothing is published")
	case s.refused != nil:
		return fail("-publish-url takes the raw body of a POST as an event and answers 2xx; -publish-header gives it a token", "%v", s.refused)
	}
	return good("%s, answered 2xx", count(s.publisher.n, "event"))
}

const bufferRemedy = "turn buffering off in the proxy (nginx: X-Accel-Buffering: no, or proxy_buffering off; lighttpd: server.stream-response-body = 2; Varnish: pass or pipe, without do_gzip), and flush every event in the server"

func judgeDelivery(s *session) Finding {
	d := arrivals(s.here.plain, s.round)
	switch {
	case d.came == 0:
		return fail(bufferRemedy+"; or -publish-url publishes to another stream", "BUFFERED, or not delivered: nothing of %s arrived within %s", published(d.sent), span(s.pace.held))
	case d.buffered():
		return fail(bufferRemedy, "BUFFERED: of %s, published %s apart, %d arrived at once, after the first of them was held for %s", published(d.sent), span(s.apart), d.most, span(d.held))
	case d.came < d.sent:
		return fail("find out what drops them: a full queue, or a process that does not have this subscriber", "LOST: %d of %s did not arrive within %s", d.sent-d.came, published(d.sent), span(s.pace.held))
	}
	if wrong := misordered(s.here.plain.body.ours); wrong != "" {
		return fail("deliver every event once, in the order of publishing", "%s", wrong)
	}
	return good("%s arrived one by one, %s after publishing at the median, %s at most", published(d.sent), span(d.median), span(d.slowest))
}

func published(n int) string { return count(n, "published event") }

// misordered says what is wrong with the order of events; empty: nothing.
func misordered(events []numbered) string {
	for i, e := range events {
		switch {
		case i == 0:
		case slices.ContainsFunc(events[:i], func(f numbered) bool { return f.n == e.n }):
			return fmt.Sprintf("event %d came twice", e.n)
		case e.n < events[i-1].n:
			return "out of order: " + numbersText(events)
		}
	}
	return ""
}

func judgeDelay(s *session) Finding {
	d := arrivals(s.here.plain, s.round)
	switch {
	case d.came == 0 || d.buffered():
		return skip("no event came by itself")
	case !d.late():
		return good("no constant delay: %s at the median", span(d.median))
	}
	remedy := "find out what waits: a server that polls, or Nagle's algorithm with delayed acknowledgements"
	if d.usual > 150*time.Millisecond && d.usual < 350*time.Millisecond {
		remedy = noDelayRemedy + "; otherwise: " + remedy
	}
	return warn(remedy, "events are always late, %s at the median, %s at most", span(d.median), span(d.slowest))
}

const noDelayRemedy = "set option http-no-delay in HAProxy, which otherwise holds every event for about 210 ms"

const gzipRemedy = "do not compress text/event-stream: answer Cache-Control: no-transform, which Express's compression, HAProxy and Caddy from 2.11 heed, and X-Accel-Buffering: no, or leave the type out in the proxy (nginx: gzip_types, proxy_ignore_headers; Caddy: encode; Varnish: do_gzip)"

func judgeGzip(s *session) Finding {
	plain, zipped := s.here.plain, s.here.gzip
	if !plain.streams() {
		return skip("there was no second stream to compare with: %s", plain.statusWord())
	}
	coding := strings.ToLower(zipped.head.get("Content-Encoding"))
	if zipped.streams() && coding != "" && coding != "gzip" && coding != "identity" {
		return fail("compress as the request asks, or not at all", "answered Content-Encoding: %s to Accept-Encoding: gzip", quote(coding))
	}
	if len(s.round) == 0 {
		return judgeGzipOpening(plain, zipped)
	}
	p, z := arrivals(plain, s.round), arrivals(zipped, s.round)
	switch {
	case p.came == 0 || p.buffered():
		return skip("nothing to compare with: events do not come at once without gzip either")
	case z.came == 0:
		return fail(gzipRemedy, "a proxy buffers: nothing of %s arrived within %s with gzip accepted (%s), and without it they come at once", published(z.sent), span(s.pace.held), codingOf(zipped))
	case z.buffered():
		return fail(gzipRemedy, "a proxy buffers: with gzip accepted (%s) %d events arrived together, after the first was held for %s; without it each comes at once", codingOf(zipped), z.most, span(z.held))
	case z.came < z.sent:
		return fail(gzipRemedy, "%d of %s did not arrive with gzip accepted", z.sent-z.came, published(z.sent))
	}
	return good("with gzip accepted events arrive as well, %s, %s at the median", codingOf(zipped), span(z.median))
}

// judgeGzipOpening compares what comes without an event.
func judgeGzipOpening(plain, zipped *answer) Finding {
	switch {
	case plain.bodyBegun.IsZero():
		return skip("nothing came to compare with; needs -publish-url")
	case zipped.bodyBegun.IsZero():
		return fail(gzipRemedy, "a proxy buffers: no byte arrived with gzip accepted; without it the first come at once")
	}
	return good("the first bytes come at once with gzip accepted as well, %s", codingOf(zipped))
}

// codingOf says whether what comes is compressed.
func codingOf(a *answer) string {
	switch coding := a.head.get("Content-Encoding"); {
	case a.head.status == 0:
		return "no head came"
	case coding == "" || coding == "identity":
		return "uncompressed"
	}
	return "compressed"
}
