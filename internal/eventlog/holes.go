package eventlog

// What a history does not hold because it was never given it: events of a log of record
// elsewhere that are older than the history, or that were dropped there before they could
// be read.

// Lose notes that the history is not given the events between the newest one and seq, and
// raises the newest sequence to seq. Every topic counts as one that may have lost some of
// them. It returns the topics and subtrees that have readers, which must be notified. It
// may be called by any goroutine.
func (h *History) Lose(seq uint64) (read []*Topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq <= h.seq {
		return nil
	}
	h.tombstones.raiseFloor(seq) // first: topics that are made from here on have it
	h.registry.each(func(t *Topic) {
		t.noteEvicted(seq, false)
		if t.Readers.Load() > 0 {
			read = append(read, t)
		}
	})
	h.seq = seq
	h.committed.Store(seq)
	return read
}

// Forget is Lose for a log of record that has other events than the history was given: those
// up to seq, which is no less than the newest one, are handed out no more. Streams that are
// not past it are told of a gap, in which their clients get the position goOn: coming back
// would give them nothing.
func (h *History) Forget(seq, goOn uint64) (read []*Topic) {
	h.goOn.Raise(goOn)
	h.forgotten.Raise(seq) // before a stream can see the loss
	return h.Lose(seq)
}

// Forgotten returns the arguments of the last Forget; zeros if there was none.
func (h *History) Forgotten() (seq, goOn uint64) { return h.forgotten.Load(), h.goOn.Load() }

// Keeps reports whether the history's rules let a topic keep an event of that age, in
// milliseconds, and whether the topic's events are replayed at all. It may be called by any
// goroutine.
func (h *History) Keeps(topic string, age int64) (kept, replayed bool) {
	w := &h.classOf(topic).window
	return age < (int64(w.Age)+1)*1000, !w.Ephemeral
}
