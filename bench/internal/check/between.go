package check

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// judgeBetweenHeaders says which headers the proxy adds, removes and changes.
func judgeBetweenHeaders(here, direct *visit, _ *session) Finding {
	changes, bad := headerChanges(&direct.first.head, &here.first.head)
	switch {
	case len(changes) == 0:
		return good("the same both ways")
	case bad:
		return warn("let the proxy pass these headers as they are", "the proxy changes %s", strings.Join(changes, "; "))
	}
	return good("the proxy changes %s", strings.Join(changes, "; "))
}

// matters are the headers that must arrive as they were sent.
var matters = []string{"content-type", "cache-control", "content-encoding"}

// headerChanges lists the headers that differ, and reports whether one of them is
// among matters.
func headerChanges(from, to *head) (changes []string, bad bool) {
	var names []string
	for _, f := range slices.Concat(from.fields, to.fields) {
		names = append(names, strings.ToLower(f.name))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a, b := from.get(name), to.get(name)
		if a == b || name == "date" {
			continue
		}
		changes = append(changes, fmt.Sprintf("%s: %s → %s", name, orNone(a), orNone(b)))
		bad = bad || slices.Contains(matters, name)
	}
	return changes, bad
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return quote(value)
}

func judgeBetweenOpening(s *session) Finding {
	if s.direct != nil && s.direct.first.streams() && s.here.first.head.status == 0 && s.here.first.end.how == left {
		return fail(bufferRemedy, "the proxy BUFFERS, or does not answer: no head within %s, direct after %s",
			span(s.here.first.lived()), span(s.direct.openedIn()))
	}
	return ifDirect(judgeBothOpenings)(s)
}

func judgeBothOpenings(here, direct *visit, s *session) Finding {
	a, b := here.openedIn(), direct.openedIn()
	if slower(a, b, s.pace.head/2) {
		return fail("find out why the proxy holds the head back: it waits for the first event, or for a buffer to fill", "the stream opens after %s, direct after %s", span(a), span(b))
	}
	return good("the stream opens after %s, direct after %s", span(a), span(b))
}

// openedIn is the time from the request to the body's first byte, or to the
// head if there is none.
func (v *visit) openedIn() time.Duration {
	if v.first.bodyBegun.IsZero() {
		return v.first.headDone.Sub(v.first.asked)
	}
	return v.first.bodyBegun.Sub(v.first.asked)
}

// slower reports whether a is much more than b, by at least the given time.
func slower(a, b, least time.Duration) bool { return a > 3*b && a-b > least }

func judgeBetweenDelivery(here, direct *visit, s *session) Finding {
	if len(s.round) == 0 {
		return skip("needs -publish-url")
	}
	a, b := arrivals(here.plain, s.round), arrivals(direct.plain, s.round)
	switch {
	case b.came == 0 || b.buffered():
		return skip("events do not come one by one direct either: mend the server first")
	case a.came == 0:
		return fail(bufferRemedy, "the proxy BUFFERS: of %s none arrived; direct all did, in %s at the median", published(a.sent), span(b.median))
	case a.buffered():
		return fail(bufferRemedy, "the proxy BUFFERS: %d events arrived at once, the first held for %s; direct each took %s at the median", a.most, span(a.held), span(b.median))
	case a.came < b.came:
		return fail("find out where they are dropped after the server", "%d of %s arrived, direct %d", a.came, published(a.sent), b.came)
	case slower(a.usual, b.median, lateFrom/2):
		return warn(noDelayRemedy+"; Nagle's algorithm on another hop adds 40 ms to 200 ms", "the proxy adds %s to every event (%s, direct %s)", span(a.median-b.median), span(a.median), span(b.median))
	}
	return good("%s at the median, direct %s", span(a.median), span(b.median))
}

func judgeBetweenGzip(here, direct *visit, s *session) Finding {
	a, b := codingOf(here.gzip), codingOf(direct.gzip)
	plain, came, directCame := arrivals(here.plain, s.round), arrivals(here.gzip, s.round), arrivals(direct.gzip, s.round)
	switch {
	case len(s.round) > 0 && (plain.came == 0 || plain.buffered()):
		return skip("nothing to compare with: events do not come one by one without gzip either")
	case directCame.came > 0 && came.came == 0:
		return fail(gzipRemedy, "the proxy BUFFERS with gzip accepted: none of %s arrived (%s), direct %d did (%s)", published(came.sent), a, directCame.came, b)
	case directCame.came > 0 && came.buffered() && !directCame.buffered():
		return fail(gzipRemedy, "the proxy BUFFERS with gzip accepted: %d events arrived at once (%s), direct one by one (%s)", came.most, a, b)
	case a != b:
		return good("with gzip accepted the stream comes %s, direct %s", a, b)
	}
	return good("the same both ways: %s", a)
}

func judgeBetweenLifetime(here, direct *visit, s *session) Finding {
	a, b := here.first, direct.first
	switch {
	case a.end.how == left && b.end.how == left:
		return good("both streams stayed open until the checks left them")
	case a.end.how != left && b.end.how == left:
		return fail("raise that limit in the proxy", "the proxy ends the stream after %s%s; direct it lives on", span(a.lived()), knownLimitsText(a))
	case a.end.how == left:
		return good("direct the stream ended after %s, through the proxy it did not", span(b.lived()))
	}
	return good("both streams ended, after %s and, direct, %s: the server ended them", span(a.lived()), span(b.lived()))
}
