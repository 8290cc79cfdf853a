//go:build unix

package nats

import (
	"testing"

	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/server/backplane/backplanetest/hubs"
)

func TestHubs(t *testing.T) {
	t.Parallel()
	hubs.Run(t, func(t testing.TB) *backplanetest.Feed {
		p := startProcess(t, t.TempDir(), freePorts(t, 1)[0], "")
		o := Options{URL: p.url}
		f := feedOf(t, o, []string{p.dir()}, func(t testing.TB) *Backplane { return mustOpen(t, o) })
		f.Kill, f.Start = p.kill, p.start
		f.Stall, f.Wake = p.stall, p.wake
		return f
	})
}
