package testkit

import (
	"fmt"
	"strings"
	"sync"
)

// Log keeps what is logged. It is a fasthttp.Logger and an io.Writer. The zero Log is
// empty; it is for any number of goroutines.
type Log struct {
	mu      sync.Mutex // guards entries
	entries []string
}

// Printf adds an entry, which may be of several lines.
func (l *Log) Printf(format string, args ...any) { l.add(fmt.Sprintf(format, args...)) }

// Write adds p as an entry.
func (l *Log) Write(p []byte) (int, error) {
	l.add(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func (l *Log) add(entry string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entry)
}

// String is all that was logged, an LF after each entry.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, e := range l.entries {
		b.WriteString(e + "\n")
	}
	return b.String()
}

// Has says whether part was logged.
func (l *Log) Has(part string) bool { return strings.Contains(l.String(), part) }

// Count is how many entries hold all of words; without words, how many there are.
func (l *Log) Count(words ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, entry := range l.entries {
		all := true
		for _, word := range words {
			all = all && strings.Contains(entry, word)
		}
		if all {
			n++
		}
	}
	return n
}
