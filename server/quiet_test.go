package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
)

// forgetOthers publishes to many other topics, and has them forgotten.
func forgetOthers(h *harness, round int) {
	h.t.Helper()
	for i := range 300 {
		h.publish(fmt.Sprintf("other/%d/%d", round, i), strings.Repeat("x", 1000))
	}
}

// A stream that gets nothing for hours still stands at the present: its client is
// told so, and may come back without a gap however much others have lost.
func TestQuietStreamsAreToldTheirPosition(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Heartbeat: 20 * time.Millisecond, MaxHistoryBytes: 64 << 10}})
		quiet := h.openWith(request{topics: []string{"quiet", "quiet/*"}})
		old := h.openWith(request{topics: []string{"quiet"}, proto: "HTTP/1.0"})
		for round := range 3 {
			forgetOthers(h, round)
			present := sequence(t, h.hub.LastID())
			for _, c := range []*client{quiet, old} {
				if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
				// Not to the last event: what is still held raises no alarm.
				c.dec.OnID = func(id string) bool { return sequence(t, id)+100 > present }
				if e, err := c.dec.Next(); err != nil || e.Type != "" {
					t.Fatalf("waiting for a position near %d: %+v, %v", present, e, err)
				}
			}
		}
		at := quiet.dec.LastID
		quiet.leave()
		forgetOthers(h, 9)
		back := h.resume(at, "quiet")
		h.publish("quiet", "1")
		back.expect("1")
	})
}

// sequence is the number in a native id.
func sequence(t *testing.T, id string) int {
	t.Helper()
	n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil {
		t.Fatalf("id %q: %v", id, err)
	}
	return n
}
