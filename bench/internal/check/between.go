package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// judgeBetween compares what came through the proxy with what came direct.
func (s *session) judgeBetween(check check) {
	here, direct := &s.here.first, &s.direct.first
	no := first(when(s.Direct == "", skip("needs -direct")),
		when(!here.streams() || !direct.streams(), skip("not both addresses opened a stream: %s, direct %s", here.status(), direct.status())))
	changes, matter := changedHeaders(&direct.head, &here.head)
	check("headers", no,
		when(changes == "", good("the same both ways")),
		when(matter, warn("let the proxy pass these headers as they are", "the proxy changes %s", changes)),
		good("the proxy changes %s", changes))
	x, y := here.openedIn(), direct.openedIn()
	check("opening",
		when(direct.streams() && !hasHead(here) && here.how == left, fail(bufferRemedy, "the proxy BUFFERS, or does not answer: no head within %s, direct after %s", span(here.lived()), span(y))), no,
		when(slower(x, y, s.pace.head/2), fail("find out why the proxy holds the head back: it waits for the first event, or for a buffer to fill", "the stream opens after %s, direct after %s", span(x), span(y))),
		good("the stream opens after %s, direct after %s", span(x), span(y)))
	a, b, sent := arrivals(&s.here.plain, s.round), arrivals(&s.direct.plain, s.round), count(len(s.round), "published event")
	check("delivery", no,
		when(len(s.round) == 0, skip("needs -publish-url")),
		when(!b.oneByOne(), skip("events do not come one by one direct either: mend the server first")),
		when(a.came == 0, fail(bufferRemedy, "the proxy BUFFERS: of %s none arrived; direct all did, in %s at the median", sent, span(b.median))),
		when(a.buffered(), fail(bufferRemedy, "the proxy BUFFERS: %d events arrived at once, the first held for %s; direct each took %s at the median", a.most, span(a.held), span(b.median))),
		when(a.came < b.came, fail("find out where they are dropped after the server", "%d of %s arrived, direct %d", a.came, sent, b.came)),
		when(slower(a.usual, b.median, lateFrom/2), warn(noDelayRemedy+"; Nagle's algorithm on another hop adds 40 ms to 200 ms", "the proxy adds %s to every event (%s, direct %s)", span(a.median-b.median), span(a.median), span(b.median))),
		good("%s at the median, direct %s", span(a.median), span(b.median)))
	how, directly := codingOf(&s.here.gzip), codingOf(&s.direct.gzip)
	c, d := arrivals(&s.here.gzip, s.round), arrivals(&s.direct.gzip, s.round)
	check("gzip", no,
		when(len(s.round) > 0 && !a.oneByOne(), skip("nothing to compare with: events do not come one by one without gzip either")),
		when(d.came > 0 && c.came == 0, fail(gzipRemedy, "the proxy BUFFERS with gzip accepted: none of %s arrived (%s), direct %d did (%s)", sent, how, d.came, directly)),
		when(d.oneByOne() && c.buffered(), fail(gzipRemedy, "the proxy BUFFERS with gzip accepted: %d events arrived at once (%s), direct one by one (%s)", c.most, how, directly)),
		when(how != directly, good("with gzip accepted the stream comes %s, direct %s", how, directly)),
		good("the same both ways: %s", how))
	check("lifetime", no,
		when(here.how == left && direct.how == left, good("both streams stayed open until the checks left them")),
		when(direct.how == left, fail("raise that limit in the proxy", "the proxy ends the stream after %s%s; direct it lives on", span(here.lived()), whoseLimit(here))),
		when(here.how == left, good("direct the stream ended after %s, through the proxy it did not", span(direct.lived()))),
		good("both streams ended, after %s and, direct, %s: the server ended them", span(here.lived()), span(direct.lived())))
}

// changedHeaders says which headers differ, and whether one of them has to arrive as it was
// sent.
func changedHeaders(from, to *head) (text string, matter bool) {
	names := slices.Collect(maps.Keys(from.Header))
	names = slices.AppendSeq(names, maps.Keys(to.Header))
	slices.Sort(names)
	var changes []string
	for _, name := range slices.Compact(names) {
		if a, b := from.all(name), to.all(name); a != b && name != "Date" {
			changes = append(changes, fmt.Sprintf("%s: %s → %s", strings.ToLower(name), orElse(a, "none"), orElse(b, "none")))
			matter = matter || slices.Contains([]string{"Content-Type", "Cache-Control", "Content-Encoding"}, name)
		}
	}
	return strings.Join(changes, "; "), matter
}

// openedIn is the time from the request to the body's first byte, or to the
// head if there is none.
func (a *answer) openedIn() time.Duration {
	if hasBody(a) {
		return a.bodyAt.Sub(a.connected)
	}
	return a.headIn()
}

// slower reports whether a is much more than b, by at least the given time.
func slower(a, b, least time.Duration) bool { return a > 3*b && a-b > least }
