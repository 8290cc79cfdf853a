package delivery

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
)

// Writer is an application's own stream.
type Writer interface {
	SendEncoded(block []byte) error
	SetWriteDeadline(t time.Time) error
	Context() context.Context
}

// Follow drives a stream inside an application's own, with this goroutine, until one of
// them has ended. why names the end of the application's stream by the cause of its
// Context. A *NotHeld is as that of Hold; any error besides says what failed.
func (d *Delivery) Follow(w Writer, a *Admission, why func(cause error) cursor.Reason) (*NotHeld, error) {
	h := newHandle(nil, w.SetWriteDeadline)
	p := d.newPump(a, h)
	p.write, p.left = w.SendEncoded, w.Context().Done()
	head := a.Rest
	a.Rest = nil
	sh := d.pickShard()
	if err := sh.admit(a); err != nil {
		held := &NotHeld{Why: d.notAdmitted(sh, err)}
		if errors.Is(err, ErrClosed) {
			held.Rest = cursor.AppendFarewell(nil, a.Framing, d.host.Limits.Retry)
			return held, nil
		}
		return held, startError(sh, err)
	}
	d.countPumped("follow")
	h.reason = cursor.Failed // of a panic: run returns any other
	defer sh.pumpDone(h)
	h.reason = p.run(head)
	if h.reason == cursor.Client {
		cause := context.Cause(w.Context())
		if errors.Is(cause, os.ErrDeadlineExceeded) { // before all else that it may be as well
			h.reason = p.gaveUp()
		} else {
			h.reason = why(cause)
		}
	}
	if _, bound := h.detach(); bound {
		_ = w.SetWriteDeadline(time.Time{}) // fails only where it is not needed any more
	}
	return nil, nil
}
