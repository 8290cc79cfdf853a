package fault

import "time"

// pipeline is all that happens to the blocks of one stream between the upstream
// and the client. It does no I/O and has no clock: it is told the time since the
// stream opened.
type pipeline struct {
	mangler  mangler
	schedule schedule

	patience time.Duration // when the mangler has to give up the event that it holds
	blocks   []block       // what comes out of the mangler; empty between calls
	ended    bool          // nothing will come any more
}

// swapPatience is how long an event waits for one to change places with.
const swapPatience = time.Second

func newPipeline(f Faults) pipeline {
	return pipeline{mangler: newMangler(f), schedule: newSchedule(f)}
}

// take takes a block that came at now.
func (p *pipeline) take(now time.Duration, b block) {
	held := p.mangler.holding()
	p.put(now, p.mangler.take(p.blocks, b))
	if !held && p.mangler.holding() {
		p.patience = now + swapPatience
	}
}

// end says that nothing more will come.
func (p *pipeline) end(now time.Duration) {
	p.ended = true
	p.put(now, p.mangler.release(p.blocks))
}

// next returns the bytes to send at now, in one piece.
func (p *pipeline) next(now time.Duration) []byte {
	if p.mangler.holding() && now >= p.patience {
		p.put(now, p.mangler.release(p.blocks))
	}
	return p.schedule.next(now)
}

// wake returns when next will have something if nothing comes before that.
func (p *pipeline) wake() (at time.Duration, ok bool) {
	at, ok = p.schedule.wake()
	switch {
	case !p.mangler.holding():
		return at, ok
	case !ok:
		return p.patience, true
	}
	return min(at, p.patience), true
}

// done reports whether all that ever came has been sent.
func (p *pipeline) done() bool { return p.ended && p.schedule.size == 0 }

// put schedules the blocks that the mangler returned.
func (p *pipeline) put(now time.Duration, blocks []block) {
	for _, b := range blocks {
		p.schedule.put(now, b)
	}
	clear(blocks)
	p.blocks = blocks[:0]
}
