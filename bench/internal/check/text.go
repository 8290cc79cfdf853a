package check

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fastsse/fastsse"
)

// text is what a body says: its events, as clients hear them, and its breaches of the
// rules of the format.
type text struct {
	run string // events with this mark were published here

	ours         []event
	events       []event
	count        int // events, also those that are not kept
	lastID       string
	comments     int
	blocks       int           // blank lines that ended something
	bare         int           // of these, blocks without data, comments aside: they set an id or a retry
	retries      []string      // values of retry lines, as they were sent
	retry        time.Duration // the last one, as clients take it; 0: none
	lf, crlf, cr int           // ends of lines
	breaches     [rules]breach

	begun      bool // a line was read: a byte order mark can no longer lead
	endedCR    bool // the last part ended in CR: an LF that follows belongs to it
	unfinished bool // at its end an event has begun that no blank line has ended
}

// event is an event that a client dispatches, the index-th that came. The zero event is
// none.
type event struct {
	index int
	n     int // of the events that were published here, from 1
	at    time.Time
	id    string // that sticks with it
	own   bool   // it has an id line
	typ   string // "message" unless named
	data  string
}

// Bounds on what is kept of a stream, which may never end.
const (
	mostEvents  = 10_000
	mostRetries = 100
	mostData    = 1 << 10
	mostEvent   = 1 << 20
)

// read reads a body to its end, which is never nil. What changes t is done by note.
func (t *text) read(r io.Reader, note func(change func(now time.Time))) error {
	d := fastsse.NewDecoder(r)
	d.MaxEvent = mostEvent
	for {
		raw, b, err := d.NextRaw()
		note(func(now time.Time) {
			t.part(raw, b, now)
			t.comments, t.lastID = d.Comments(), d.LastEventID()
			t.retry, _ = d.Retry()
			if errors.Is(err, fastsse.ErrTooLong) {
				t.breaks(tooLong, string(raw))
			}
		})
		if errors.Is(err, fastsse.ErrTooLong) {
			if _, err = io.Copy(io.Discard, r); err == nil {
				err = io.EOF
			}
		}
		if err != nil {
			return err
		}
	}
}

// part notes what came up to a blank line, and what it says; b is nil for what is left at
// the end.
func (t *text) part(raw []byte, b *fastsse.Received, now time.Time) {
	t.countEnds(raw)
	lines := strings.FieldsFunc(string(raw), func(c rune) bool { return c == '\n' || c == '\r' })
	if n := len(lines) - 1; b == nil && n >= 0 && !bytes.ContainsAny(raw[len(raw)-1:], "\r\n") {
		t.unfinished = lines[n][0] != ':'
		lines = lines[:n]
	}
	names := make(map[string]bool) // of the fields
	for _, line := range lines {
		names[t.line(line)] = true
	}
	delete(names, "") // of comments
	switch {
	case b == nil:
		t.unfinished = t.unfinished || names["data"]
		return
	case len(lines) == 0:
		return
	case b.HasData:
		t.dispatch(b, names["id"], now)
	case len(b.Type) > 0:
		t.breaks(typeWithoutData, "event: "+string(b.Type))
	case len(names) > 0:
		t.bare++
	default:
		t.breaks(commentBlock, ":")
	}
	t.blocks++
}

func (t *text) countEnds(raw []byte) {
	if len(raw) == 0 {
		return
	}
	if t.endedCR && raw[0] == '\n' {
		t.cr, t.crlf, raw = t.cr-1, t.crlf+1, raw[1:]
	}
	crlf := bytes.Count(raw, []byte("\r\n"))
	t.lf, t.cr, t.crlf = t.lf+bytes.Count(raw, []byte("\n"))-crlf, t.cr+bytes.Count(raw, []byte("\r"))-crlf, t.crlf+crlf
	t.endedCR = bytes.HasSuffix(raw, []byte("\r"))
}

// line notes what is wrong with a line, and returns the name of its field; empty: it has
// none.
func (t *text) line(line string) string {
	if !utf8.ValidString(line) {
		t.breaks(notUTF8, line)
	}
	if rest, ok := strings.CutPrefix(line, "\ufeff"); ok && t.begun {
		t.breaks(strayBOM, line)
	} else if ok {
		t.breaks(leadingBOM, line)
		line = rest
	}
	t.begun = true
	name, value, colon := strings.Cut(line, ":")
	lower := strings.ToLower(strings.TrimSpace(name))
	switch {
	case name == "data", name == "event", name == "":
	case name == "id" && strings.Contains(value, "\x00"):
		t.breaks(idWithNUL, line)
	case name == "id":
	case name == "retry":
		if len(t.retries) < mostRetries {
			t.retries = append(t.retries, strings.TrimPrefix(value, " "))
		}
	case slices.Contains([]string{"data", "event", "id", "retry"}, lower):
		t.breaks(misspelt, line)
	case !colon || strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		t.breaks(bareLine, line)
	default:
		t.breaks(unknownField, line)
	}
	return name
}

func (t *text) dispatch(b *fastsse.Received, own bool, now time.Time) {
	data := string(b.Data[:min(len(b.Data), mostData)])
	e := event{index: t.count, n: numberOf(data, t.run), at: now, id: string(b.ID), own: own, typ: cmp.Or(string(b.Type), "message"), data: data}
	if e.n > 0 {
		t.ours = append(t.ours, e)
	}
	if t.count++; t.count <= mostEvents {
		t.events = append(t.events, e)
	}
}

// find returns the n-th event that was published here, if it has come.
func (t *text) find(n int) (e event) {
	if i := slices.IndexFunc(t.ours, func(e event) bool { return e.n == n }); i >= 0 {
		e = t.ours[i]
	}
	return e
}

// firstOf returns the first event of a type, if one has come.
func (t *text) firstOf(typ string) (e event) {
	if i := slices.IndexFunc(t.events, func(e event) bool { return e.typ == typ }); i >= 0 {
		e = t.events[i]
	}
	return e
}

// mark is the data of the n-th event that a run publishes. It means the same in JSON, in a
// form and in a URL.
func mark(run string, n int) string { return "check-" + run + "-" + strconv.Itoa(n) + "." }

// numberOf finds the number of an event of this run in its data, wherever the server
// has put it; 0: it is not of this run.
func numberOf(data, run string) int {
	_, rest, found := strings.Cut(data, "check-"+run+"-")
	digits, _, _ := strings.Cut(rest, ".")
	if n, err := strconv.Atoi(digits); found && run != "" && err == nil {
		return n
	}
	return 0
}
