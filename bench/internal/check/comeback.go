package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// comeback is what clients got that left, missed some events, and came back.
type comeback struct {
	from   *numbered     // the event that was heard last, with an id
	missed []publication // published while nobody was there
	marker publication   // published when all were back: whatever comes before it was replayed

	back    *answer   // with the id of from
	gzip    []*answer // the same, with gzip accepted
	unknown *answer   // with an id that no server knows
	ahead   *answer   // with an id that is not reached yet; nil: ids are not numbers
	aheadID string

	upToDate *answer // with the newest id
	newest   string
	last     publication // what a client that is up to date hears first
}

// missedEvents is how many events are published while nobody is there, and missedBytes
// how long they are: together they are more than what proxies compress and hold.
const (
	missedEvents = 3
	missedBytes  = 2 << 10
)

// zipped is how many streams come back with gzip accepted: Caddy 2.6 holds some, and not
// others.
const zipped = 8

// unknownID is an id that belongs to no event.
const unknownID = "fastsse-check-unknown"

// comeBack leaves, publishes, and comes back in several ways.
func (s *session) comeBack(ctx context.Context) {
	c := &s.comeback
	if s.publishing() {
		c.from = s.secondLast()
		s.publisher.padding = strings.Repeat(" .", missedBytes/2)
		c.missed, _ = s.publish(ctx, missedEvents, 0)
		if s.publisher.padding = ""; len(c.missed) < missedEvents {
			return
		}
	}
	streams := s.openComebacks(ctx)
	s.settle(ctx, streams...)
	c.marker = s.publishTo(ctx, streams...)
	leave(streams...)
	s.comeUpToDate(ctx, streams)
}

// secondLast is the last event but one, if it has an id. A client that comes back
// with that id has missed the last one.
func (s *session) secondLast() *numbered {
	ours := s.here.plain.body.ours
	if len(ours) < 2 || ours[len(ours)-2].id == "" {
		return nil
	}
	return &ours[len(ours)-2]
}

func (s *session) openComebacks(ctx context.Context) []*answer {
	c := &s.comeback
	c.unknown = s.askFrom(ctx, unknownID)
	streams := []*answer{c.unknown}
	if c.from == nil {
		return streams
	}
	c.back = s.askFrom(ctx, c.from.id)
	for range zipped {
		c.gzip = append(c.gzip, s.askFrom(ctx, c.from.id, "Accept-Encoding: gzip"))
	}
	streams = append(append(streams, c.back), c.gzip...)
	if n, err := strconv.ParseUint(c.from.id, 10, 62); err == nil {
		c.aheadID = strconv.FormatUint(n+1_000_000, 10)
		c.ahead = s.askFrom(ctx, c.aheadID)
		streams = append(streams, c.ahead)
	}
	return streams
}

func (s *session) askFrom(ctx context.Context, id string, more ...string) *answer {
	return s.ask(ctx, s.here.target, request{header: append(more, "Last-Event-ID: "+id)})
}

// settle waits for the heads, and for what comes with them.
func (s *session) settle(ctx context.Context, streams ...*answer) {
	until := time.Now().Add(s.pace.head)
	for _, a := range streams {
		a.awaitHead(ctx, time.Until(until))
	}
	sleep(ctx, s.pace.grace)
}

// publishTo publishes an event and waits until all have it, and a little longer for
// events that should not come.
func (s *session) publishTo(ctx context.Context, streams ...*answer) publication {
	sent, ok := s.publish(ctx, 1, 0)
	if !ok {
		return publication{}
	}
	until := time.Now().Add(s.pace.held)
	for _, a := range streams {
		a.heard(ctx, sent[0].n, time.Until(until))
	}
	sleep(ctx, s.pace.grace)
	return sent[0]
}

// comeUpToDate comes back with the marker's id, after which there was nothing.
func (s *session) comeUpToDate(ctx context.Context, streams []*answer) {
	c := &s.comeback
	for _, a := range streams {
		if e := a.body.find(c.marker.n); e != nil && e.id != "" && s.publishing() {
			c.newest = e.id
			c.upToDate = s.askFrom(ctx, e.id)
			s.settle(ctx, c.upToDate)
			c.last = s.publishTo(ctx, c.upToDate)
			leave(c.upToDate)
			return
		}
	}
}

// noIDs is the remedy where clients have no id to come back with.
const noIDs = "give events ids, keep the recent ones, and send what came after Last-Event-ID"

func judgeResume(s *session) Finding {
	c := &s.comeback
	if c.from == nil && len(s.here.plain.body.ours) < 2 {
		return skip("no event came whose id a client could come back with")
	}
	if c.from == nil {
		return warn(noIDs, "events have no ids: a client loses what is published while it is away (%s here)", count(len(c.missed), "event"))
	}
	if !c.back.streams() {
		return fail("answer 200 to every Last-Event-ID", "came back with the id %s: %s", quote(c.from.id), c.back.statusWord())
	}
	want := c.marker.n - c.from.n
	got := c.back.body.ours
	const remedy = "send exactly what came after Last-Event-ID, once, in order"
	if gap := c.back.body.firstOf(s.GapType); gap != nil && len(got) < want {
		return warn("keep more of what was published", "told of a gap (%s) after missing %s: they are not kept", quote(gap.data), count(want-1, "event"))
	}
	switch wrong := misordered(got); {
	case missing(got, c.from.n+1, c.marker.n) > 0:
		return fail(remedy, "LOST: of %s missed, %d did not come (came: %s)", count(want-1, "event"), missing(got, c.from.n+1, c.marker.n), numbersText(got))
	case wrong != "":
		return fail(remedy, "%s (came: %s)", wrong, numbersText(got))
	case got[0].n <= c.from.n:
		return fail(remedy, "%s that the client had came again (came: %s, wanted from %d on)", count(len(got)-want, "event"), numbersText(got), c.from.n+1)
	}
	return good("the %s missed came, once, in order", count(want-1, "event"))
}

func judgeResumeGzip(s *session) Finding {
	c := &s.comeback
	if c.back == nil || missing(c.back.body.ours, c.from.n+1, c.marker.n) > 0 {
		return skip("nothing to compare with: what was missed does not come without gzip either")
	}
	held, first := 0, c.gzip[0]
	for _, a := range c.gzip {
		if missing(a.body.ours, c.from.n+1, c.marker.n) == 0 {
			continue
		}
		if held++; held == 1 {
			first = a
		}
	}
	if held > 0 {
		return fail(gzipRemedy, "a proxy buffers: %d of %s that came back with gzip accepted did not get what they had missed, %s and %d KiB, within %s (%s); without gzip it came",
			held, count(len(c.gzip), "stream"), count(len(c.missed)+1, "event"), missedEvents*missedBytes>>10, span(s.pace.held), codingOf(first))
	}
	return good("what was missed came with gzip accepted as well, %s", codingOf(first))
}

// missing is how many of the numbers from first to last have not come.
func missing(events []numbered, first, last int) int {
	come := make(map[int]bool)
	for _, e := range events {
		come[e.n] = true
	}
	n := 0
	for i := first; i <= last; i++ {
		if !come[i] {
			n++
		}
	}
	return n
}

func numbersText(events []numbered) string {
	if len(events) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, e := range events {
		if i == 20 {
			return b.String() + " …"
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(e.n))
	}
	return b.String()
}

// firstOf returns the first event of a type.
func (t *transcript) firstOf(typ string) *event {
	for i := range t.events {
		if t.events[i].typ == typ {
			return &t.events[i]
		}
	}
	return nil
}

func judgeUpToDate(s *session) Finding {
	c := &s.comeback
	if c.upToDate == nil {
		return skip("no id came that a client could come back with")
	}
	if !c.upToDate.streams() {
		return fail("answer 200 to every Last-Event-ID", "came back with the newest id %s: %s", quote(c.newest), c.upToDate.statusWord())
	}
	got := c.upToDate.body.ours
	const remedy = "replay what came after Last-Event-ID: nothing, to a client that is up to date"
	switch gap := c.upToDate.body.firstOf(s.GapType); {
	case len(got) == 0:
		return fail(remedy, "with the newest id nothing comes any more, not even events published later")
	case len(got) > 1 || got[0].n != c.last.n:
		return fail(remedy, "%s replayed to a client that has the newest id %s", count(len(got)-1, "event"), quote(c.newest))
	case gap != nil:
		return fail(remedy, "a client that has the newest id is told of a gap: %s", quote(gap.data))
	}
	return good("nothing is replayed to a client that has the newest id")
}

func judgeGap(s *session) Finding {
	c := &s.comeback
	if c.unknown == nil {
		return skip("events could not be published")
	}
	if f, amiss := s.judgeUnknown(c.unknown); amiss {
		return f
	}
	if f, amiss := s.judgeAhead(c.ahead); amiss {
		return f
	}
	gap := c.unknown.body.firstOf(s.GapType)
	return good("an unknown Last-Event-ID is answered with event: %s, data: %s", gap.typ, quote(gap.data))
}

// judgeAhead finds that a client waits in vain if its id is ahead of the newest. Ids
// are ahead after a restart of a server that counts from one.
func (s *session) judgeAhead(a *answer) (Finding, bool) {
	c := &s.comeback
	const remedy = "compare Last-Event-ID with the newest id, and say that something was missed if it is ahead"
	switch {
	case a == nil, a.body.find(c.marker.n) != nil, a.body.firstOf(s.GapType) != nil:
		return Finding{}, false
	case !a.streams():
		return fail(remedy, "the id %s, ahead of the newest as after a restart of the server: %s", quote(c.aheadID), a.whyNoStream()), true
	}
	return fail(remedy, "with the id %s, ahead of the newest as after a restart of the server, nothing comes any more, and the client is not told", quote(c.aheadID)), true
}

// judgeUnknown finds that a client is not told that it may have lost events.
func (s *session) judgeUnknown(a *answer) (Finding, bool) {
	c := &s.comeback
	remedy := fmt.Sprintf("send event: %s before anything else when Last-Event-ID cannot be resumed from (-gap-type if it is called otherwise)", s.GapType)
	got := a.body.ours
	gap := a.body.firstOf(s.GapType)
	switch {
	case a.head.status == 0:
		return skip("%s to an unknown Last-Event-ID", a.statusWord()), true
	case !a.streams():
		return fail(remedy, "an unknown Last-Event-ID is answered with %s: an EventSource closes for good", a.head.statusText()), true
	case gap != nil && (len(got) == 0 || a.body.indexOf(gap) < got[0].index):
		return Finding{}, false
	case gap != nil:
		return fail(remedy, "event: %s comes only after other events", gap.typ), true
	case s.publisher == nil || s.refused != nil:
		return skip("nothing came after an unknown Last-Event-ID; needs -publish-url to see what comes next"), true
	case len(got) == 0:
		return fail(remedy, "with an unknown Last-Event-ID nothing comes, not even events published later"), true
	case len(got) > 1:
		return warn(remedy, "an unknown Last-Event-ID gets %s replayed, and is not told that earlier ones may be lost", count(len(got)-1, "event")), true
	case c.from == nil:
		return warn(remedy, "events have no ids, and clients that come back are not told that they may have missed some"), true
	}
	return fail(remedy, "LOST SILENTLY: with an unknown Last-Event-ID the stream goes on as if nothing had been missed"), true
}

// indexOf is the index of one of t's events.
func (t *transcript) indexOf(e *event) int {
	for i := range t.events {
		if &t.events[i] == e {
			return i
		}
	}
	return len(t.events)
}
