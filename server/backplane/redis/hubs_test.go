//go:build unix

package redis

import (
	"syscall"
	"testing"

	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/server/backplane/backplanetest/hubs"
)

func TestHubs(t *testing.T) {
	t.Parallel()
	hubs.Run(t, func(t testing.TB) *backplanetest.Feed {
		s := start(t)
		stream := s.open(t).stream
		return &backplanetest.Feed{
			Open:   func(t testing.TB) backplane.Backplane { return s.open(t) },
			Kill:   s.kill,
			Start:  func() { s.run(t) },
			Stall:  func() { s.signal(t, syscall.SIGSTOP) },
			Wake:   func() { s.signal(t, syscall.SIGCONT) },
			Purge:  func() { s.do(t, "XTRIM", stream, "MAXLEN", "0") },
			Remake: func() { s.do(t, "DEL", stream); s.open(t) },
		}
	})
}
