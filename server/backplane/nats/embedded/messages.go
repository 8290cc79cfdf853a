package embedded

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// messages is a logger of nats-server. It hands errors to the Server's Logger, and the first
// that is the end of all storing to its Failed.
type messages struct {
	server *Server
	fatal  atomic.Pointer[string] // why the server does not start

	mu     sync.Mutex // guards what follows
	last   string     // that was logged
	at     time.Time  // when
	failed bool
}

// sameWithin is for how long an error that comes again is not logged: one that is met by each
// Append would fill the disk that is short.
const sameWithin = time.Minute

func (m *messages) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	m.fatal.CompareAndSwap(nil, &text)
}

// Errorf may be called with locks of nats-server held, so Failed is called on a goroutine of
// its own.
func (m *messages) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	remedy, ends := remedyOf(text)
	log, fail := m.note(text, ends)
	if log {
		m.server.logf("nats: %v: %s%s", m.server, text, remedy)
	}
	if fail && m.server.Failed != nil {
		go m.server.Failed(fmt.Errorf("nats: %v: %s%s", m.server, text, remedy))
	}
}

// note says whether to log a text, and whether it is the first that ends all storing.
func (m *messages) note(text string, ends bool) (log, fail bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	log = text != m.last || time.Since(m.at) >= sameWithin
	if log {
		m.last, m.at = text, time.Now()
	}
	fail = ends && !m.failed
	m.failed = m.failed || ends
	return log, fail
}

// remedyOf says what to do about an error of nats-server, if that is known, and whether
// nothing is stored from then on until the server is started again.
func remedyOf(text string) (remedy string, ends bool) {
	for _, part := range []string{"ritical write error", "will be DISABLED"} {
		if strings.Contains(text, part) {
			return "; it stores nothing until it is started again: make room on the disk if it is full, and restart the program", true
		}
	}
	if strings.Contains(text, "resource limits exceeded for server") {
		return "; at its start less than a quarter of what the stream and free space take together was free: make room on the disk, and restart the program", true
	}
	return "", false
}

func (*messages) Noticef(string, ...any) {}
func (*messages) Warnf(string, ...any)   {}
func (*messages) Debugf(string, ...any)  {}
func (*messages) Tracef(string, ...any)  {}
