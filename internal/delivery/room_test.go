//go:build !race

// The race detector makes everything larger.

package delivery

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/fastsse/fastsse"
)

// What a parked stream takes of the heap: with a topic that all share and one of its
// own, before and after a burst on the shared one, and with sixteen of its own. The
// bounds are the project's (docs/design.md).
func TestStreamsOfSeveralTopicsStaySmall(t *testing.T) {
	const streams = 20_000
	kilobyte := fastsse.Event{Data: bytes.Repeat([]byte("x"), 1000)}
	own := func(i, of int) (names []string) {
		for k := range of {
			names = append(names, fmt.Sprintf("tenant/42/user/%06d/%02d", i, k))
		}
		return names
	}
	for _, c := range []struct {
		name   string
		topics func(i int) []string
		most   float64
	}{
		{"one that all share", func(int) []string { return []string{"global"} }, 128},
		{"one that all share and its own", func(i int) []string { return append(own(i, 1), "global") }, 1500},
		{"sixteen of its own", func(i int) []string { return own(i, 16) }, 4096},
		{"sixteen subtrees of its own", func(i int) []string {
			names := own(i, 16)
			for k := range names {
				names[k] += "/*"
			}
			return names
		}, 8192},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSinks(t, Limits{})
			s.publish(t, 100, "global")
			before := heapInUse()
			for i := range streams {
				s.open(c.topics(i)...)
			}
			check := func(when string) {
				t.Helper()
				size := (heapInUse() - before) / streams
				t.Logf("%s: %.0f B per stream", when, size)
				if size > c.most {
					t.Errorf("%s: %.0f B per stream, want at most %.0f", when, size, c.most)
				}
			}
			check("before a burst")
			for range 40 {
				s.publishOne(t, "global", &kilobyte)
			}
			s.turn()
			check("after a burst")
			runtime.KeepAlive(s)
		})
	}
}
