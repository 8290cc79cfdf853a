package check

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// breach is how often a rule of the format was broken, and the first case of it.
type breach struct {
	count   int
	example string
}

func (t *text) breaks(rule int, example string) {
	b := &t.breaches[rule]
	if b.count++; b.count == 1 {
		b.example = example[:min(len(example), 200)]
	}
}

// The rules of the format.
const (
	notUTF8 = iota
	strayBOM
	leadingBOM
	misspelt
	bareLine
	idWithNUL
	unknownField
	tooLong
	typeWithoutData
	commentBlock
	rules
)

// breaches are what to find if a rule is broken. The number of lines follows, and the first.
var breaches = [rules]Finding{
	notUTF8:         fail("encode everything as UTF-8: clients replace every wrong byte", "not UTF-8"),
	strayBOM:        fail("write no byte order mark", "a byte order mark inside the stream: clients ignore the line that begins with it"),
	leadingBOM:      warn("write none: simple clients lose the first field because of it", "begins with a byte order mark"),
	misspelt:        fail("write data:, event:, id: and retry: as they are spelt here", "a field name that no client knows (names must be exact: no leading space, no capitals)"),
	bareLine:        fail("an event's data has a line break in it: split it at CRLF, CR and LF, and begin each line with data:", "text that is not a field, and that every client drops"),
	idWithNUL:       fail("leave NUL out of ids", "an id with a NUL, which clients ignore"),
	unknownField:    warn("put it into the data; or a line break in the data has to begin a new data: line", "a field that no client knows"),
	tooLong:         warn("send a reference in place of large data", "an event of more than 1 MiB (some clients of Go stop for good at 64 KiB), after which nothing was read here"),
	typeWithoutData: warn("send a data line with it, be it empty (data:)", "an event without data, which no client dispatches"),
	commentBlock:    warn("end a heartbeat with one line break, not two (\": .\\n\"): the next event's blank line does for both", "a comment followed by a blank line: openai-go before 3.43 takes that for an empty event, and stops"),
}

// breach is the finding for the first of the rules, from one to another, that was broken, in
// the worst of the streams.
func (s *session) breach(from, to int) Finding {
	for rule := from; rule <= to; rule++ {
		var worst breach
		for _, a := range s.plainStreams() {
			if b := a.text.breaches[rule]; b.count > worst.count {
				worst = b
			}
		}
		if f := breaches[rule]; worst.count > 0 {
			f.Found += fmt.Sprintf(", in %s: %s", count(worst.count, "line"), quote(worst.example))
			return f
		}
	}
	return Finding{}
}

// plainStreams are the streams whose bodies were read as they came.
func (s *session) plainStreams() []*answer {
	all := []*answer{&s.here.first, &s.here.plain, &s.comeback.back, &s.comeback.upToDate}
	return slices.DeleteFunc(all, func(a *answer) bool { return !a.streams() })
}

func (s *session) judgeText(check check) {
	var sum text
	position := ""
	for _, a := range s.plainStreams() {
		t := &a.text
		sum.lf, sum.crlf, sum.cr, sum.comments = sum.lf+t.lf, sum.crlf+t.crlf, sum.cr+t.cr, sum.comments+t.comments
		sum.count, sum.blocks, sum.bare, sum.retries = sum.count+t.count, sum.blocks+t.blocks, sum.bare+t.bare, append(sum.retries, t.retries...)
		position = cmp.Or(position, t.lastID)
	}
	no := s.noStream()
	check("text", no, s.breach(notUTF8, leadingBOM), good("UTF-8, without a byte order mark"))
	const lf = "end every line with LF"
	lines := sum.lf + sum.crlf + sum.cr
	check("line-ends", no,
		when(lines == 0, skip("no line came")),
		when(sum.cr > 0, warn(lf, "%s of %d end in a lone CR: allowed, but many clients do not know it", count(sum.cr, "line"), lines)),
		when(sum.lf > 0 && sum.crlf > 0, warn(lf, "mixed: %d LF, %d CRLF", sum.lf, sum.crlf)),
		when(sum.crlf > 0, good("CRLF")),
		good("LF"))
	check("fields", no, s.breach(misspelt, unknownField), good("none but data, event, id, retry and comments"))
	bare := ""
	if sum.bare > 0 {
		bare = fmt.Sprintf("; %d set an id or a retry, without data", sum.bare)
	}
	check("blocks", no, s.unfinished(), s.breach(tooLong, typeWithoutData),
		when(sum.blocks == 0, skip("none came")),
		good("every block ends with a blank line (%s came)%s", count(sum.count, "event"), bare))
	check("comments", no, s.breach(commentBlock, commentBlock),
		when(sum.comments == 0, good("none")),
		good("%s, none with a blank line of its own", count(sum.comments, "comment")))
	const retry = "send retry: 3000 when a stream opens"
	wrong := when(len(sum.retries) == 0, warn(retry, "none is sent: each client waits as long as it likes (Chrome 3 s, Firefox 5 s)"))
	for _, value := range sum.retries {
		ms, err := strconv.ParseInt(value, 10, 64)
		wrong = first(wrong,
			when(value == "", fail(retry, "an empty retry, which some clients read as 0")),
			when(strings.Trim(value, "0123456789") != "", fail(retry, "retry: %s is not only digits, so clients ignore it", quote(value))),
			when(err != nil || ms > 60_000, warn(retry, "retry: %s ms: clients are away for more than a minute", value)),
			when(ms == 0, fail(retry, "retry: 0: clients reconnect in a hot loop, more than 40 times per second")),
			when(ms < 500, warn(retry, "retry: %d ms: when the server restarts, all its clients reconnect every %s until it is back", ms, span(time.Duration(ms)*time.Millisecond))))
	}
	check("retry", no, wrong, good("%s ms", append(sum.retries, "")[0]))
	check("ids", no, s.ids(position))
}

// unfinished finds an event without its blank line.
func (s *session) unfinished() Finding {
	const remedy = "end every event with a blank line, and write it in one go"
	for _, a := range s.plainStreams() {
		if a.text.unfinished {
			return first(
				when(a.how == whole || a.how == closed, fail(remedy, "the stream ended inside an event, which clients drop, and its id with it")),
				when(a.how == left && a.trailing() >= s.pace.head, fail(remedy, "an event was begun, and its blank line had not come %s later: clients wait for it", span(a.trailing()))))
		}
	}
	return Finding{}
}

// ids judges the ids of the published events, or of whatever came on the stream that got most.
func (s *session) ids(position string) Finding {
	const remedy = "give every event an id of its own, and resume from Last-Event-ID"
	events := s.here.plain.text.ours
	for _, t := range []*text{&s.here.first.text, &s.here.plain.text} {
		if len(s.here.plain.text.ours) == 0 && len(t.events) > len(events) {
			events = t.events
		}
	}
	with, such, twice, seen := 0, "", "", map[string]bool{"": true}
	for _, e := range events {
		if e.own {
			with++
			if seen[e.id] {
				twice = e.id
			}
			such, seen[e.id] = e.id, true
		}
	}
	all := count(len(events), "event")
	return first(
		when(len(events) == 0 && position != "", good("no event came, but the stream tells its position: id %s", quote(position))),
		when(len(events) == 0, skip("no event came; -publish-url lets the checks publish some")),
		when(with == 0, warn(remedy, "%s without an id: what a client misses while it reconnects is lost", all)),
		when(twice != "", fail(remedy, "several events have the id %s: a client that resumes from it misses some", quote(twice))),
		when(with < len(events), warn(remedy, "%d of %s have no id of their own: a client that leaves after one gets it again", len(events)-with, all)),
		good("on all of %s, such as %s", all, quote(such)))
}
