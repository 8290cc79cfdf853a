package delivery

import (
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
)

// A drain that comes before a stream's goroutine has read that it was kicked, or after,
// changes nothing of that.
func TestADrainDoesNotUndoAKick(t *testing.T) {
	for _, read := range []bool{false, true} {
		host := newHost(Limits{})
		m := host.machine(cursor.NewWorkspace(host.History, false), 0, 0)
		s := cursor.Stream{Next: 1, Live: 1}
		h := newHandle(nil, nil)
		h.end(cursor.Ending, cursor.Kicked, cursor.Drain{})
		if read {
			h.apply(&m, &s, 0)
		}
		h.end(cursor.Draining, cursor.Drained, cursor.Drain{Until: 100})
		h.apply(&m, &s, 0)
		if s.Phase != cursor.Ending || s.Reason != cursor.Kicked {
			t.Errorf("read before: %v: phase %d for %v, want leaving, kicked", read, s.Phase, s.Reason)
		}
	}
}

// The deadline of a write that is long done is no deadline of the farewell's.
func TestALeavingStreamHasItsTimeWhateverWasSetBefore(t *testing.T) {
	var by time.Time
	h := newHandle(nil, func(t time.Time) error { by = t; return nil })
	h.writeBy = time.Now().Add(-time.Minute)
	h.end(cursor.Ending, cursor.Kicked, cursor.Drain{})
	if left := time.Until(by); left < LingerFor/2 || left > LingerFor {
		t.Errorf("it has %v, want about %v", left, LingerFor)
	}
}
