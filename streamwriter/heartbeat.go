package streamwriter

import "time"

// What a Writer does when the clock says so: heartbeats, and the end by age.

// tick is called by the clock. It returns when the next call is due, or zero for never,
// and does not block.
func (w *Writer) tick(now time.Time) time.Time {
	if w.ctx.Err() != nil {
		return time.Time{}
	}
	if !w.dies.IsZero() && !now.Before(w.dies) {
		w.cancel(ErrMaxAge)
		return time.Time{}
	}
	if w.opts.Heartbeat > 0 && !now.Before(w.silentSince().Add(w.opts.Heartbeat)) {
		w.tryBeat()
	}
	return w.due(now)
}

// due is when the clock should look at w next.
func (w *Writer) due(now time.Time) time.Time {
	if w.opts.Heartbeat == 0 {
		return w.dies
	}
	at := w.silentSince().Add(w.opts.Heartbeat)
	if !at.After(now) { // no heartbeat could be sent now
		at = now.Add(w.opts.Heartbeat)
	}
	if !w.dies.IsZero() && w.dies.Before(at) {
		at = w.dies
	}
	return at
}

func (w *Writer) silentSince() time.Time { return time.Unix(0, w.wrote.Load()) }

// tryBeat sends a heartbeat if that can be done without waiting.
func (w *Writer) tryBeat() {
	if !w.mu.TryLock() {
		return // something is being written: it is not silent
	}
	if w.out.writable == nil {
		go func() {
			defer w.mu.Unlock()
			_ = w.writeLocked(heartbeat)
		}()
		return
	}
	defer w.mu.Unlock()
	if w.out.writable() {
		_ = w.writeLocked(heartbeat) // a failure ends the stream by itself
	}
}

var heartbeat = AppendComment(nil, "")
