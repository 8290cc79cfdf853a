package check

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/load"
)

// comeback is what clients got that left, missed some events, and came back.
type comeback struct {
	from   event         // that was heard last; none: it has no id
	missed []publication // published while nobody was there
	marker int           // published when all were back: whatever comes before it was replayed

	back    answer         // with the id of from
	gzip    [zipped]answer // the same, with gzip accepted
	unknown answer         // with an id that no server knows
	ahead   answer         // with an id that is not reached yet, if ids are numbers
	aheadID string

	upToDate answer // with the newest id
	newest   string
	last     int // what a client that is up to date hears first
}

const (
	// missedEvents are published while nobody is there. Together they are more than what
	// proxies compress and hold.
	missedEvents, missedBytes = 3, 2 << 10

	// zipped streams come back with gzip accepted: Caddy 2.6 holds some, and not others.
	zipped = 8

	unknownID = "fastsse-check-unknown" // of no event
)

// comeBack leaves, publishes, and comes back in several ways.
func (s *session) comeBack(ctx context.Context) {
	c := &s.comeback
	if s.publishes() {
		// A client that comes back with the id of the last but one has missed the last.
		if ours := s.here.plain.text.ours; len(ours) > 1 && ours[len(ours)-2].id != "" {
			c.from = ours[len(ours)-2]
		}
		s.publisher.padding = strings.Repeat(".", missedBytes)
		c.missed, _ = s.publish(ctx, missedEvents, 0)
		if s.publisher.padding = ""; len(c.missed) < missedEvents {
			return
		}
	}
	streams := []*answer{&c.unknown, &c.back, &c.ahead}
	s.askFrom(ctx, &c.unknown, unknownID)
	if c.from.n > 0 {
		s.askFrom(ctx, &c.back, c.from.id)
		for i := range c.gzip {
			streams = append(streams, &c.gzip[i])
			s.ask(ctx, &c.gzip[i], &s.here.endpoint, request{header: http.Header{"Accept-Encoding": {"gzip"}, "Last-Event-ID": {c.from.id}}})
		}
		if n, err := strconv.ParseUint(c.from.id, 10, 62); err == nil {
			c.aheadID = strconv.FormatUint(n+1_000_000, 10)
			s.askFrom(ctx, &c.ahead, c.aheadID)
		}
	}
	c.marker = s.publishTo(ctx, streams...)
	for _, a := range streams {
		if id := a.text.find(c.marker).id; c.newest == "" && s.publishes() {
			c.newest = id
		}
	}
	if c.newest != "" {
		s.askFrom(ctx, &c.upToDate, c.newest)
		c.last = s.publishTo(ctx, &c.upToDate)
	}
}

// askFrom asks for the stream after an event; empty: from now on.
func (s *session) askFrom(ctx context.Context, a *answer, id string) {
	header := http.Header{"Last-Event-ID": {id}}
	if id == "" {
		header = nil
	}
	s.ask(ctx, a, &s.here.endpoint, request{header: header})
}

// publishTo waits for the heads and for what comes with them, publishes an event, waits
// until all have it, and a little longer for events that should not come. Then it leaves.
func (s *session) publishTo(ctx context.Context, streams ...*answer) (n int) {
	s.await(ctx, s.pace.head, hasHead, streams...)
	load.Pause(ctx, s.pace.grace)
	if sent, ok := s.publish(ctx, 1, 0); ok {
		n = sent[0].n
		s.await(ctx, s.pace.held, func(a *answer) bool { return a.text.find(n).n > 0 }, streams...)
		load.Pause(ctx, s.pace.grace)
	}
	s.leave(streams...)
	return n
}

// lost is how many did not come of what was published after from, up to the marker.
func (c *comeback) lost(a *answer) (n int) {
	for i := c.from.n + 1; i <= c.marker; i++ {
		if a.text.find(i).n == 0 {
			n++
		}
	}
	return n
}

func (s *session) judgeResume(check check) {
	const exactly, nothing, any = "send exactly what came after Last-Event-ID, once, in order", "replay what came after Last-Event-ID: nothing, to a client that is up to date", "answer 200 to every Last-Event-ID"
	c, no := &s.comeback, s.unpublished()
	got, want, lost := c.back.text.ours, c.marker-c.from.n, c.lost(&c.back)
	all, came, wrong, gap := count(want-1, "event"), numbers(got), misordered(got), c.back.text.firstOf(s.GapType)
	check("resume", no,
		when(c.from.n == 0 && len(s.here.plain.text.ours) < 2, skip("no event came whose id a client could come back with")),
		when(c.from.n == 0, warn("give events ids, keep the recent ones, and send what came after Last-Event-ID", "events have no ids: a client loses what is published while it is away (%s here)", count(len(c.missed), "event"))),
		when(!c.back.streams(), fail(any, "came back with the id %s: %s", quote(c.from.id), c.back.status())),
		when(gap.typ != "" && len(got) < want, warn("keep more of what was published", "told of a gap (%s) after missing %s: they are not kept", quote(gap.data), all)),
		when(lost > 0, fail(exactly, "LOST: of %s missed, %d did not come (came: %s)", all, lost, came)),
		when(wrong != "", fail(exactly, "%s (came: %s)", wrong, came)),
		when(len(got) > want, fail(exactly, "%s that the client had came again (came: %s, wanted from %d on)", count(len(got)-want, "event"), came, c.from.n+1)),
		good("the %s missed came, once, in order", all))
	up := c.upToDate.text.ours
	gap = c.upToDate.text.firstOf(s.GapType)
	check("up-to-date", no,
		when(c.newest == "", skip("no id came that a client could come back with")),
		when(!c.upToDate.streams(), fail(any, "came back with the newest id %s: %s", quote(c.newest), c.upToDate.status())),
		when(len(up) == 0, fail(nothing, "with the newest id nothing comes any more, not even events published later")),
		when(len(up) > 1 || c.upToDate.text.find(c.last).n == 0, fail(nothing, "%s replayed to a client that has the newest id %s", count(len(up)-1, "event"), quote(c.newest))),
		when(gap.typ != "", fail(nothing, "a client that has the newest id is told of a gap: %s", quote(gap.data))),
		good("nothing is replayed to a client that has the newest id"))
	held, shown := 0, &c.gzip[0]
	for i := range c.gzip {
		if c.lost(&c.gzip[i]) > 0 {
			held, shown = held+1, &c.gzip[i]
		}
	}
	check("gzip", no,
		when(!c.back.streams() || lost > 0, skip("nothing to compare with: what was missed does not come without gzip either")),
		when(held > 0, fail(gzipRemedy, "a proxy buffers: %d of %s that came back with gzip accepted did not get what they had missed, %s and %d KiB, within %s (%s); without gzip it came",
			held, count(zipped, "stream"), count(missedEvents+1, "event"), missedEvents*missedBytes>>10, span(s.pace.held), codingOf(shown))),
		good("what was missed came with gzip accepted as well, %s", codingOf(shown)))
	check("gap", s.noStream(), s.gap())
}

// gap finds that a client is not told that it may have lost events: one with an id that no
// server knows, or with one that is ahead of the newest, as after a restart of a server that
// counts from one.
func (s *session) gap() Finding {
	const ahead = "compare Last-Event-ID with the newest id, and say that something was missed if it is ahead"
	remedy := "send event: " + s.GapType + " before anything else when Last-Event-ID cannot be resumed from (-gap-type if it is called otherwise)"
	c, a, got := &s.comeback, &s.comeback.unknown, s.comeback.unknown.text.ours
	gap := a.text.firstOf(s.GapType)
	told, early := gap.typ != "", slices.ContainsFunc(got, func(e event) bool { return e.index < gap.index })
	id := quote(c.aheadID) + ", ahead of the newest as after a restart of the server"
	return first(
		when(a.begun.IsZero(), skip("events could not be published")),
		when(a.head.status == 0, skip("%s to an unknown Last-Event-ID", a.status())),
		when(!a.streams(), fail(remedy, "an unknown Last-Event-ID is answered with %s: an EventSource closes for good", a.status())),
		when(told && early, fail(remedy, "event: %s comes only after other events", gap.typ)),
		when(!told && !s.publishes(), skip("nothing came after an unknown Last-Event-ID; needs -publish-url to see what comes next")),
		when(!told && len(got) == 0, fail(remedy, "with an unknown Last-Event-ID nothing comes, not even events published later")),
		when(!told && len(got) > 1, warn(remedy, "an unknown Last-Event-ID gets %s replayed, and is not told that earlier ones may be lost", count(len(got)-1, "event"))),
		when(!told && c.from.n == 0, warn(remedy, "events have no ids, and clients that come back are not told that they may have missed some")),
		when(!told, fail(remedy, "LOST SILENTLY: with an unknown Last-Event-ID the stream goes on as if nothing had been missed")),
		when(c.aheadID != "" && !c.ahead.streams(), fail(ahead, "the id %s: %s", id, c.ahead.whyNoStream())),
		when(c.aheadID != "" && c.ahead.text.firstOf(s.GapType).typ == "" && c.ahead.text.find(c.marker).n == 0, fail(ahead, "with the id %s, nothing comes any more, and the client is not told", id)),
		good("an unknown Last-Event-ID is answered with event: %s, data: %s", gap.typ, quote(gap.data)))
}
