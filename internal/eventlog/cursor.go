package eventlog

// Cursor is a reader's place in what a topic or a subtree holds. It takes no lock, and
// keeps the segments and blocks of its view in memory. The zero value is past the last
// event.
type Cursor struct {
	Segment *Segment // that holds the event
	Frame   *Frame   // the event; nil: past the last one

	log    *log
	view   []*Segment // of the log…
	blocks []*block   // …or of an index
	page   int        // index in view or blocks
	At     int        // index in that segment's frames, or that block's entries
}

// Seek finds the first event at or after next that t still holds. It may be called by
// any goroutine.
func (t *Topic) Seek(next uint64) (c Cursor) {
	if t.sub != nil {
		if x := t.sub.index.Load(); x != nil {
			c.blocks, c.page, c.At = x.seek(next)
			c.settleIndexed()
		}
		return c
	}
	l := t.log.Load()
	if l == nil {
		return c
	}
	ok := false
	c.log = l
	if c.view, c.page, c.At, ok = l.seek(max(next, t.evicted.Load()+1)); ok {
		c.Segment = c.view[c.page]
		c.Frame = &c.Segment.Frames[c.At]
	}
	return c
}

// Next moves the cursor to the next event. It must not be past the last one.
func (c *Cursor) Next() {
	c.At++
	if c.blocks != nil {
		c.settleIndexed()
		return
	}
	// Fast path: it is in the same segment.
	if fs := c.Segment.Visible(); c.At < len(fs) {
		c.Frame = &fs[c.At]
		return
	}
	c.page++
	c.At, c.Segment, c.Frame = 0, nil, nil
	if c.page < len(c.view) {
		c.Segment = c.view[c.page]
		c.Frame = &c.Segment.Visible()[0] // a segment is in no view before its first frame
	}
}

// settleIndexed finds the event of the entry at which the cursor stands, or of the first
// entry after it whose topic still holds the event. The watermarks have the others.
func (c *Cursor) settleIndexed() {
	for ; c.page < len(c.blocks); c.page++ {
		es := c.blocks[c.page].visible()
		for ; c.At < len(es); c.At++ {
			if seg, f, ok := es[c.At].event(); ok {
				c.Segment, c.Frame = seg, f
				return
			}
		}
		c.At = 0
	}
	c.Segment, c.Frame = nil, nil
}

// topic is the topic of the event; the cursor must be one of an index.
func (c *Cursor) topic() *Topic { return c.blocks[c.page].entries[c.At].topic }

// MayHaveEphemerals reports whether an ephemeral event was ever appended to the log. The
// cursor must not be one of an index.
func (c *Cursor) MayHaveEphemerals() bool { return c.log.ephemerals.Load() > 0 }
