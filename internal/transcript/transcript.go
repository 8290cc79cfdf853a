// Package transcript records what goes over connections, byte by byte, and holds it
// against a file in testdata/transcripts. It is for tests alone; with the flag
// -update they write their files anew.
//
// A line of a file is a line on the wire as Go quotes it, so that every byte can be
// seen, after "> " if the client sent it and "< " if the server did. What is
// repeated many times is shortened to "x"*1000. Lines in parentheses are ends: a connection's,
// or of one direction of it. Lines with # say what happens beside the connections.
//
// Where the kernel cut the bytes, and how many reads they took, leaves no trace.
package transcript

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/transcripts anew")

// Transcript is one recording. It belongs to one goroutine.
type Transcript struct {
	t     testing.TB
	text  strings.Builder
	names []string   // what is replaced, and by what, in turns
	drawn [][2]int64 // see Drawn; in milliseconds

	conns int // of this section
	conn  *Conn
	from  string // who sent raw: "> " or "< "
	raw   []byte // what is not in text yet
}

// New begins a recording.
func New(t testing.TB) *Transcript { return &Transcript{t: t} }

// Replace writes name wherever was stands in what is sent from now on, by either
// side.
func (tr *Transcript) Replace(was, name string) {
	tr.flush()
	tr.names = append([]string{was, name}, tr.names...)
}

// Drawn writes RETRY for a reconnection time of the server's from least on that is
// below limit.
func (tr *Transcript) Drawn(least, limit time.Duration) {
	tr.drawn = append(tr.drawn, [2]int64{least.Milliseconds(), limit.Milliseconds()})
}

// Section begins a part with connections of its own.
func (tr *Transcript) Section(title string) {
	tr.flush()
	tr.conn, tr.conns = nil, 0
	fmt.Fprintf(&tr.text, "=== %s\n", title)
}

// Note says what happens beside the connections.
func (tr *Transcript) Note(format string, args ...any) {
	tr.flush()
	fmt.Fprintf(&tr.text, "# "+format+"\n", args...)
}

// add notes bytes that were sent. Those that come after others from the same side
// go on where these stopped.
func (tr *Transcript) add(c *Conn, from string, b []byte) {
	if tr.conn != c || tr.from != from {
		tr.flush()
	}
	if tr.conn != c {
		fmt.Fprintf(&tr.text, "== connection %d\n", c.number)
	}
	tr.conn, tr.from = c, from
	tr.raw = append(tr.raw, b...)
}

// end notes the end of a direction.
func (tr *Transcript) end(c *Conn, from, how string) {
	tr.add(c, from, nil)
	tr.flush()
	fmt.Fprintf(&tr.text, "%s(%s)\n", from, how)
}

// flush writes out what is known of one side.
func (tr *Transcript) flush() {
	for line := range strings.SplitAfterSeq(string(tr.raw), "\n") {
		if line != "" {
			tr.text.WriteString(tr.from + quote(tr.normalized(line)) + "\n")
		}
	}
	tr.raw = tr.raw[:0]
}

// normalized is a line without what no two runs have in common.
func (tr *Transcript) normalized(line string) string {
	for i := 0; i < len(tr.names); i += 2 {
		line = strings.ReplaceAll(line, tr.names[i], tr.names[i+1])
	}
	if tr.from == "> " {
		return line
	}
	if strings.HasPrefix(line, "Date: ") && strings.HasSuffix(line, "\r\n") {
		return "Date: DATE\r\n"
	}
	if digits, ok := strings.CutPrefix(line, "retry: "); ok {
		ms, err := strconv.ParseInt(strings.TrimSuffix(digits, "\n"), 10, 64)
		for _, d := range tr.drawn {
			if err == nil && ms >= d[0] && ms < d[1] {
				return "retry: RETRY\n"
			}
		}
	}
	return line
}

// quote is strconv.Quote with long runs shortened.
func quote(line string) string {
	const long = 40
	var parts []string
	from := 0
	for i := 0; i < len(line); {
		piece, n := runAt(line[i:])
		if n >= long {
			if from < i {
				parts = append(parts, strconv.Quote(line[from:i]))
			}
			parts = append(parts, fmt.Sprintf("%q*%d", piece, n))
			i += n * len(piece)
			from = i
			continue
		}
		i++
	}
	if from < len(line) {
		parts = append(parts, strconv.Quote(line[from:]))
	}
	return strings.Join(parts, " ")
}

// runAt returns the piece, of one to three bytes, that s begins with most often, and
// how often.
func runAt(s string) (piece string, n int) {
	for size := 1; size <= min(3, len(s)); size++ {
		times := 1
		for strings.HasPrefix(s[times*size:], s[:size]) {
			times++
		}
		if times > n {
			piece, n = s[:size], times
		}
	}
	return piece, n
}

// written are the files that this process has updated: a second recording of the same
// must agree with the first.
var written sync.Map

// Check holds what was recorded against testdata/transcripts/<name>.txt.
func (tr *Transcript) Check(name string) {
	tr.t.Helper()
	tr.flush()
	path := filepath.Join("testdata", "transcripts", name+".txt")
	got := tr.text.String()
	if *update {
		if _, again := written.LoadOrStore(path, true); !again {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				tr.t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				tr.t.Fatal(err)
			}
		}
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		tr.t.Fatalf("no transcript %s: run this test with -update, and read what that writes", path)
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	// A clone may have other ends of lines.
	if was := strings.ReplaceAll(string(want), "\r\n", "\n"); got != was {
		tr.t.Errorf("the wire is not as in %s, %s\nIf it is to change, run this test with -update, and say why in CHANGELOG.md.", path, difference(was, got))
	}
}

// difference shows the first lines that differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	at := 0
	for at < len(w) && at < len(g) && w[at] == g[at] {
		at++
	}
	part := func(lines []string) string {
		return "\t" + strings.Join(lines[min(at, len(lines)):min(at+5, len(lines))], "\n\t")
	}
	before := "\t" + strings.Join(w[max(at-3, 0):at], "\n\t")
	return fmt.Sprintf("line %d:\n%s\nwant:\n%s\ngot:\n%s", at+1, before, part(w), part(g))
}
