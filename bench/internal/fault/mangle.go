package fault

// mangler leaves out, repeats and swaps events by count. It has no clock and no
// socket: blocks go in, blocks come out.
type mangler struct {
	drop, duplicate, reorder counter

	sent uint64  // events handed on, copies not counted
	held []block // an event, and its copy, that the next event is to overtake

	dropped, duplicated, reordered uint64 // events so far
}

func newMangler(f Faults) mangler {
	return mangler{
		drop:      counter{every: uint64(f.Drop)},
		duplicate: counter{every: uint64(f.Duplicate)},
		reorder:   counter{every: uint64(f.Reorder)},
	}
}

// take appends to dst the blocks to send now that b has come.
func (m *mangler) take(dst []block, b block) []block {
	switch {
	case !b.event:
		return append(dst, b)
	case m.drop.hit():
		m.dropped++
		return dst
	}
	event := []block{b}
	if m.duplicate.hit() {
		m.duplicated++
		event = append(event, b)
	}
	return m.swap(dst, event)
}

// swap holds the events that are to be overtaken, and lets others pass.
func (m *mangler) swap(dst, event []block) []block {
	hit := m.reorder.hit()
	switch {
	case m.holding():
		m.reordered++
		return m.release(m.send(dst, event))
	case hit:
		m.held = event
		return dst
	}
	return m.send(dst, event)
}

// holding reports whether an event waits for the next.
func (m *mangler) holding() bool { return len(m.held) > 0 }

// release appends to dst the event that waits, if one does.
func (m *mangler) release(dst []block) []block {
	event := m.held
	m.held = nil
	return m.send(dst, event)
}

// send numbers an event with its copies.
func (m *mangler) send(dst, event []block) []block {
	if len(event) > 0 {
		m.sent++
	}
	for _, b := range event {
		b.n = m.sent
		dst = append(dst, b)
	}
	return dst
}

// counter finds every n-th of something. With n of zero it finds none.
type counter struct{ every, seen uint64 }

func (c *counter) hit() bool {
	c.seen++
	return c.every > 0 && c.seen%c.every == 0
}
