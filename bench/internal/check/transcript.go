package check

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// transcript reads a body according to WHATWG HTML section 9.2.6 as it comes, and
// notes where it breaks the rules. The zero value is at the body's start.
type transcript struct {
	line    []byte // the line that is not complete
	lineAt  time.Time
	afterCR bool // the last line ended in CR: an LF that follows belongs to it
	begun   bool // a line was read: a byte order mark can no longer lead

	block  block
	lastID string

	run      string // events with this mark were published here
	ours     []numbered
	events   []event
	count    int // events, also those that are not kept
	comments int
	blocks   int      // blank lines that ended something
	bare     int      // of these, blocks without data, comments aside: they set an id or a retry
	retries  []string // values of retry lines, as they were sent
	ends     struct{ lf, crlf, cr int }
	flaws    [flaws]flaw
}

// event is an event that a client dispatches.
type event struct {
	at   time.Time
	id   string // that sticks with it
	own  bool   // it has an id line
	typ  string // "message" unless named
	data string
}

// numbered is an event that was published here: the n-th of the run, the
// index-th that came.
type numbered struct {
	event
	n, index int
}

// block is what has come since the last blank line.
type block struct {
	fields   int
	comments int
	data     []string
	hasData  bool
	typ      string
	id       string
	hasID    bool
}

// flawKind is a way to break the rules of the format.
type flawKind int

const (
	notUTF8 flawKind = iota
	leadingBOM
	strayBOM
	unknownField
	misspeltField
	bareLine
	idWithNUL
	typeWithoutData
	commentBlock
	flaws
)

// flaw is how often a rule was broken, and the first case of it.
type flaw struct {
	count   int
	example string
}

// Bounds on what is kept of a stream, which may never end.
const (
	mostEvents  = 10_000
	mostRetries = 100
	mostData    = 1 << 10
	mostLine    = 1 << 20
)

const byteOrderMark = "\ufeff"

// feed reads the next bytes of the body, which came at the given time.
func (t *transcript) feed(p []byte, at time.Time) {
	for len(p) > 0 {
		if t.afterCR && p[0] == '\n' {
			t.afterCR = false
			t.ends.cr--
			t.ends.crlf++
			p = p[1:]
			continue
		}
		t.afterCR = false
		n := bytes.IndexAny(p, "\r\n")
		if n < 0 {
			t.keep(p, at)
			return
		}
		t.keep(p[:n], at)
		t.endLine(p[n], at)
		p = p[n+1:]
	}
}

// keep adds to the line that is not complete. Beyond a bound the rest is dropped: only
// a data line is so long.
func (t *transcript) keep(p []byte, at time.Time) {
	t.line = append(t.line, p[:min(len(p), mostLine-len(t.line))]...)
	t.lineAt = at
}

func (t *transcript) endLine(end byte, at time.Time) {
	if end == '\r' {
		t.afterCR = true
		t.ends.cr++
	} else {
		t.ends.lf++
	}
	line := string(t.line)
	t.line, t.lineAt = t.line[:0], at
	if !utf8.ValidString(line) && len(line) < mostLine {
		t.flaw(notUTF8, line)
	}
	if rest, ok := strings.CutPrefix(line, byteOrderMark); ok {
		line = t.byteOrderMark(line, rest)
	}
	t.begun = true
	t.read(line, at)
}

// byteOrderMark notes a line that begins with one, and returns it as a client
// reads it: only at the very start is it dropped.
func (t *transcript) byteOrderMark(line, rest string) string {
	if t.begun {
		t.flaw(strayBOM, line)
		return line
	}
	t.flaw(leadingBOM, line)
	return rest
}

// read reads a whole line.
func (t *transcript) read(line string, at time.Time) {
	switch {
	case line == "":
		t.endBlock(at)
		return
	case line[0] == ':':
		t.comments++
		t.block.comments++
		return
	}
	t.block.fields++
	name, value, colon := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "data":
		t.block.addData(value)
	case "event":
		t.block.typ = value
	case "id":
		t.readID(value, line)
	case "retry":
		if len(t.retries) < mostRetries {
			t.retries = append(t.retries, value)
		}
	default:
		t.flaw(strangeField(name, colon), line)
	}
}

func (b *block) addData(value string) {
	b.hasData = true
	if len(b.data) < mostData {
		b.data = append(b.data, value[:min(len(value), mostData)])
	}
}

func (t *transcript) readID(value, line string) {
	if strings.Contains(value, "\x00") {
		t.flaw(idWithNUL, line)
		return
	}
	t.block.id, t.block.hasID = value, true
}

// strangeField says what is wrong with a field that no client knows: a known name
// misspelt, an unknown name, or text that was not meant to be a field.
func strangeField(name string, colon bool) flawKind {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "data", "event", "id", "retry":
		return misspeltField
	}
	if !colon || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return bareLine
	}
	return unknownField
}

// endBlock dispatches what the block holds.
func (t *transcript) endBlock(at time.Time) {
	b := t.block
	t.block = block{}
	if b.hasID {
		t.lastID = b.id
	}
	switch {
	case b.hasData:
		t.dispatch(&b, at)
	case b.typ != "":
		t.flaw(typeWithoutData, "event: "+b.typ)
	case b.fields > 0:
		t.bare++
	case b.comments > 0:
		t.flaw(commentBlock, ":")
	}
	if b.fields > 0 || b.comments > 0 {
		t.blocks++
	}
}

func (t *transcript) dispatch(b *block, at time.Time) {
	typ := b.typ
	if typ == "" {
		typ = "message"
	}
	data := strings.Join(b.data, "\n")
	e := event{at: at, id: t.lastID, own: b.hasID, typ: typ, data: data[:min(len(data), mostData)]}
	if n, ok := numberOf(e.data, t.run); ok && t.run != "" {
		t.ours = append(t.ours, numbered{e, n, t.count})
	}
	if t.count++; t.count <= mostEvents {
		t.events = append(t.events, e)
	}
}

// find returns the n-th event that was published here, if it has come.
func (t *transcript) find(n int) *numbered {
	for i := range t.ours {
		if t.ours[i].n == n {
			return &t.ours[i]
		}
	}
	return nil
}

func (t *transcript) flaw(k flawKind, example string) {
	f := &t.flaws[k]
	if f.count++; f.count == 1 {
		f.example = example[:min(len(example), 200)]
	}
}

// unfinished reports whether an event has begun that no blank line has ended.
func (t *transcript) unfinished() bool {
	return t.block.hasData || len(t.line) > 0 && t.line[0] != ':'
}
