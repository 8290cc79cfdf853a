package delivery

import "sync/atomic"

// lag is what a shard's sweep last found of streams that cannot be written to. Any
// goroutine may read it.
type lag struct {
	streams atomic.Int64 // how many there were
	behind  atomic.Int64 // how many events the furthest was behind
}

// lagSum is the sum of a sweep under way.
type lagSum struct{ streams, behind int64 }

// publish stores the sum of a sweep that has been once round all slots.
func (l *lag) publish(sum lagSum) {
	l.streams.Store(sum.streams)
	l.behind.Store(sum.behind)
}

// note adds a stream whose next event has that sequence, where newest is the newest.
func (l *lagSum) note(next, newest uint64) {
	l.streams++
	if next <= newest {
		l.behind = max(l.behind, int64(newest-next+1))
	}
}

// waitsAfter is how long, in milliseconds, a pump's write must have been under way for its
// stream to be lagging.
const waitsAfter = 250

// underWay is the write of a pump, for its shard's sweep.
type underWay struct {
	since atomic.Int64  // when it began, in milliseconds of the hub's clock; 0: there is none
	next  atomic.Uint64 // the stream's position
}

// begin notes that a write begins.
func (w *underWay) begin(next uint64, now int64) {
	w.next.Store(next)
	w.since.Store(max(now, 1)) // 0 would be none
}

// end notes that the write is done.
func (w *underWay) end() { w.since.Store(0) }

// waits reports whether the write has been under way for waitsAfter.
func (w *underWay) waits(now int64) bool {
	since := w.since.Load()
	return since != 0 && now-since >= waitsAfter
}
