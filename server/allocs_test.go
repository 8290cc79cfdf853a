//go:build !race

package server_test

import (
	"testing"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/fastsse/fastsse/streamwriter"
)

// Publish allocates the id that it returns, and nothing for its readers. (Not counted:
// the segments of the log, which hold many events each. The race detector allocates
// where the code does not.)
//
// Not parallel: it counts the process's allocations.
func TestPublishAllocatesItsID(t *testing.T) {
	tests := map[string][][]string{
		"nobody reads":   nil,
		"one reader":     {{"t/a"}},
		"readers of all": {{"t/a"}, {"t/a"}, {"t/a", "t/b"}, {"t/*"}},
	}
	for name, readers := range tests {
		t.Run(name, func(t *testing.T) {
			s := servertest.New(t, server.Config{})
			for _, topics := range readers {
				s.Open(topics...)
			}
			e := streamwriter.Event{Type: "score", Data: soak.Filler[:100]}
			if n := testing.AllocsPerRun(1000, func() {
				if _, err := s.Hub.Publish("t/a", e); err != nil {
					t.Fatal(err)
				}
			}); n != 1 {
				t.Errorf("%v allocations per event, want 1", n)
			}
		})
	}
}
