package launch

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// mostSaid is how much of a server's output is kept, in bytes.
const mostSaid = 2048

// tail passes on what a server writes, and keeps the last of it. Errors of the writer
// that it passes to are ignored, so that they do not stop the server.
type tail struct {
	to io.Writer

	mu   sync.Mutex // guards last, and the order of writes
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	t.last = t.last[max(len(t.last)-mostSaid, 0):]
	if t.to != nil {
		_, _ = t.to.Write(p)
	}
	return len(p), nil
}

// String returns the last lines in a form to append to an error, "" if there are none.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.last)), "\n")
	lines = lines[max(len(lines)-mostLines, 0):]
	if lines[0] == "" {
		return ""
	}
	return "; its last output:\n\t" + strings.Join(lines, "\n\t")
}

const mostLines = 10

// firstLine hands on the first line that is written to it, and passes on the rest.
type firstLine struct {
	said chan<- string // takes one
	rest io.Writer

	line []byte
	over bool // it has been handed on
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.over {
		return f.rest.Write(p)
	}
	line, rest, over := bytes.Cut(p, []byte("\n"))
	f.line = append(f.line, line...)
	if over {
		f.over = true
		f.said <- strings.TrimSpace(string(f.line))
		_, _ = f.rest.Write(rest)
	}
	return len(p), nil
}
