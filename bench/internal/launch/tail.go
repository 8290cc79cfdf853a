package launch

import (
	"io"
	"strings"
	"sync"
)

const (
	mostSaid  = 2048 // bytes of a server's output that are kept…
	mostLines = 10   // …and lines of these that an error has
)

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
