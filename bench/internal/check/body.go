package check

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// plainStreams are the streams whose bodies were read as they came.
func (s *session) plainStreams() []*answer {
	var all []*answer
	for _, a := range []*answer{s.here.first, s.here.plain, s.comeback.back, s.comeback.upToDate} {
		if a.streams() {
			all = append(all, a)
		}
	}
	return all
}

// flaw is how often the body broke a rule, in the worst of the streams.
func (s *session) flaw(k flawKind) flaw {
	var worst flaw
	for _, a := range s.plainStreams() {
		if f := a.body.flaws[k]; f.count > worst.count {
			worst = f
		}
	}
	return worst
}

// total adds up a number over the streams.
func (s *session) total(number func(*transcript) int) int {
	n := 0
	for _, a := range s.plainStreams() {
		n += number(&a.body)
	}
	return n
}

// blame is the finding for a kind of flaw.
type blame struct {
	kind   flawKind
	say    func(remedy, format string, args ...any) Finding
	found  string // followed by the number of lines, and the first
	remedy string
}

// blameOf makes a finding of the first of these flaws that was seen.
func (s *session) blameOf(list []blame) (Finding, bool) {
	for _, b := range list {
		if f := s.flaw(b.kind); f.count > 0 {
			return b.say(b.remedy, "%s, in %s: %s", b.found, count(f.count, "line"), quote(f.example)), true
		}
	}
	return Finding{}, false
}

func judgeText(s *session) Finding {
	f, amiss := s.blameOf([]blame{
		{notUTF8, fail, "not UTF-8", "encode everything as UTF-8: clients replace every wrong byte"},
		{strayBOM, fail, "a byte order mark inside the stream: clients ignore the line that begins with it", "write no byte order mark"},
		{leadingBOM, warn, "begins with a byte order mark", "write none: simple clients lose the first field because of it"},
	})
	if amiss {
		return f
	}
	return good("UTF-8, without a byte order mark")
}

func judgeLineEnds(s *session) Finding {
	lf := s.total(func(t *transcript) int { return t.ends.lf })
	crlf := s.total(func(t *transcript) int { return t.ends.crlf })
	cr := s.total(func(t *transcript) int { return t.ends.cr })
	const remedy = "end every line with LF"
	switch {
	case lf+crlf+cr == 0:
		return skip("no line came")
	case cr > 0:
		return warn(remedy, "%s of %d end in a lone CR: allowed, but many clients do not know it", count(cr, "line"), lf+crlf+cr)
	case lf > 0 && crlf > 0:
		return warn(remedy, "mixed: %d LF, %d CRLF", lf, crlf)
	case crlf > 0:
		return good("CRLF")
	}
	return good("LF")
}

func judgeFields(s *session) Finding {
	f, amiss := s.blameOf([]blame{
		{misspeltField, fail, "a field name that no client knows (names must be exact: no leading space, no capitals)", "write data:, event:, id: and retry: as they are spelt here"},
		{bareLine, fail, "text that is not a field, and that every client drops", "an event's data has a line break in it: split it at CRLF, CR and LF, and begin each line with data:"},
		{idWithNUL, fail, "an id with a NUL, which clients ignore", "leave NUL out of ids"},
		{unknownField, warn, "a field that no client knows", "put it into the data; or a line break in the data has to begin a new data: line"},
	})
	if amiss {
		return f
	}
	return good("none but data, event, id, retry and comments")
}

func judgeBlocks(s *session) Finding {
	for _, a := range s.plainStreams() {
		if f, amiss := s.judgeUnfinished(a); amiss {
			return f
		}
	}
	if f := s.flaw(typeWithoutData); f.count > 0 {
		return warn("send a data line with it, be it empty (data:)", "%s without data, which no client dispatches: %s", count(f.count, "event"), quote(f.example))
	}
	events := s.total(func(t *transcript) int { return t.count })
	if s.total(func(t *transcript) int { return t.blocks }) == 0 {
		return skip("none came")
	}
	found := fmt.Sprintf("every block ends with a blank line (%s came)", count(events, "event"))
	if bare := s.total(func(t *transcript) int { return t.bare }); bare > 0 {
		found += fmt.Sprintf("; %d set an id or a retry, without data", bare)
	}
	return good("%s", found)
}

// judgeUnfinished finds an event without its blank line.
func (s *session) judgeUnfinished(a *answer) (Finding, bool) {
	if !a.body.unfinished() {
		return Finding{}, false
	}
	const remedy = "end every event with a blank line, and write it in one go"
	waited := a.end.at.Sub(a.body.lineAt)
	switch {
	case a.end.how == whole || a.end.how == closed:
		return fail(remedy, "the stream ended inside an event, which clients drop, and its id with it"), true
	case a.end.how == left && waited >= s.pace.head:
		return fail(remedy, "an event was begun, and its blank line had not come %s later: clients wait for it", span(waited)), true
	}
	return Finding{}, false
}

func judgeComments(s *session) Finding {
	if f := s.flaw(commentBlock); f.count > 0 {
		return warn("end a heartbeat with one line break, not two (\": .\\n\"): the next event's blank line does for both",
			"%s followed by a blank line: openai-go before 3.43 takes that for an empty event, and stops", count(f.count, "comment"))
	}
	n := s.total(func(t *transcript) int { return t.comments })
	if n == 0 {
		return good("none")
	}
	return good("%s, none with a blank line of its own", count(n, "comment"))
}

func judgeRetry(s *session) Finding {
	const remedy = "send retry: 3000 when a stream opens"
	var all []string
	for _, a := range s.plainStreams() {
		all = append(all, a.body.retries...)
	}
	if len(all) == 0 {
		return warn(remedy, "none is sent: each client waits as long as it likes (Chrome 3 s, Firefox 5 s)")
	}
	for _, value := range all {
		if f, amiss := judgeRetryValue(value, remedy); amiss {
			return f
		}
	}
	return good("%s ms", all[0])
}

func judgeRetryValue(value, remedy string) (Finding, bool) {
	if value == "" {
		return fail(remedy, "an empty retry, which some clients read as 0"), true
	}
	if strings.Trim(value, "0123456789") != "" {
		return fail(remedy, "retry: %s is not only digits, so clients ignore it", quote(value)), true
	}
	ms, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err == nil && ms == 0:
		return fail(remedy, "retry: 0: clients reconnect in a hot loop, more than 40 times per second"), true
	case err != nil || ms > 60_000:
		return warn(remedy, "retry: %s ms: clients are away for more than a minute", value), true
	case ms < 500:
		return warn(remedy, "retry: %d ms: when the server restarts, all its clients reconnect every %s until it is back", ms, span(time.Duration(ms)*time.Millisecond)), true
	}
	return Finding{}, false
}

func judgeIDs(s *session) Finding {
	const remedy = "give every event an id of its own, and resume from Last-Event-ID"
	events := s.eventsToJudge()
	if len(events) == 0 {
		for _, a := range s.plainStreams() {
			if a.body.lastID != "" {
				return good("no event came, but the stream tells its position: id %s", quote(a.body.lastID))
			}
		}
		return skip("no event came; -publish-url lets the checks publish some")
	}
	with, twice := countIDs(events)
	switch {
	case with == 0:
		return warn(remedy, "%s without an id: what a client misses while it reconnects is lost", count(len(events), "event"))
	case twice != "":
		return fail(remedy, "several events have the id %s: a client that resumes from it misses some", quote(twice))
	case with < len(events):
		return warn(remedy, "%d of %d events have no id of their own: a client that leaves after one gets it again", len(events)-with, len(events))
	}
	return good("on all of %s, such as %s", count(len(events), "event"), quote(events[0].id))
}

// countIDs says how many events have an id of their own, and which id is on
// more than one of them.
func countIDs(events []event) (with int, twice string) {
	seen := make(map[string]bool)
	for _, e := range events {
		if !e.own {
			continue
		}
		with++
		if e.id != "" && seen[e.id] {
			twice = e.id
		}
		seen[e.id] = true
	}
	return with, twice
}

// eventsToJudge are the events of the stream that got most: the published ones, or
// whatever came.
func (s *session) eventsToJudge() []event {
	a := s.here.plain
	if a.streams() && len(a.body.ours) > 0 {
		var ours []event
		for _, e := range a.body.ours {
			ours = append(ours, e.event)
		}
		return ours
	}
	if first := s.here.first; !a.streams() || len(first.body.events) > len(a.body.events) {
		a = first
	}
	return a.body.events
}
