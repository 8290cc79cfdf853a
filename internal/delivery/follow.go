package delivery

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
)

// Writer is an application's own stream: a *streamwriter.Writer.
type Writer interface {
	SendEncoded(block []byte) error
	SetWriteDeadline(t time.Time) error
	Context() context.Context
}

// Follow runs a stream inside an application's own, on the calling goroutine, until one of
// the two has ended. why maps the cause of the Writer's Context to a reason. back is when
// the client is to come back, if the hub has ended the stream. A *NotHeld means the same as
// Hold's; with it, an error says what failed, if anything did.
func (d *Delivery) Follow(w Writer, a *Admission, why func(cause error) cursor.Reason) (back time.Duration, notHeld *NotHeld, err error) {
	h := newHandle(nil, w.SetWriteDeadline)
	p := d.newPump(a, h)
	p.write, p.left = w.SendEncoded, w.Context().Done()
	head := a.Rest
	a.Rest = nil
	sh := d.pickShard()
	if err := sh.admit(a); err != nil {
		held := &NotHeld{Why: d.notAdmitted(sh, err)}
		if errors.Is(err, ErrClosed) {
			return 0, held, nil
		}
		return 0, held, startError(sh, err)
	}
	d.countPumped("follow")
	h.reason = cursor.Failed // if run panics
	defer sh.pumpDone(h)
	h.reason = p.run(head)
	if h.reason == cursor.Client {
		cause := context.Cause(w.Context())
		if errors.Is(cause, os.ErrDeadlineExceeded) { // first: the cause may wrap others, too
			h.reason = p.gaveUp()
		} else {
			h.reason = why(cause)
		}
	}
	if _, bound := h.detach(); bound {
		_ = w.SetWriteDeadline(time.Time{}) // fails only where it is no longer needed
	}
	return p.machine.Back, nil, nil
}
