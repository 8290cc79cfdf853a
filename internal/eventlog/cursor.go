package eventlog

// Cursor is where a reader stands in what a topic or a subtree holds, found without
// a lock. The zero value is past the last event.
type Cursor struct {
	Segment *Segment // where the event is
	Frame   *Frame   // nil: past the last one

	log    *log
	view   []*Segment // of the log…
	blocks []*block   // …or of an index
	page   int        // which of them
	At     int        // index in it
}

// Seek finds the first event at or after next that t may still give.
func (t *Topic) Seek(next uint64) (p Cursor) {
	if t.sub != nil {
		if x := t.sub.index.Load(); x != nil {
			p.blocks, p.page, p.At = x.seek(next)
			p.settleIndexed()
		}
		return p
	}
	l := t.log.Load()
	if l == nil {
		return p
	}
	ok := false
	p.log = l
	if p.view, p.page, p.At, ok = l.seek(max(next, t.evicted.Load()+1)); ok {
		p.Segment = p.view[p.page]
		p.Frame = &p.Segment.Frames[p.At]
	}
	return p
}

// Next moves on to the next event.
func (p *Cursor) Next() {
	p.At++
	if p.blocks != nil {
		p.settleIndexed()
		return
	}
	// Fast path: it is in the same segment.
	if fs := p.Segment.Visible(); p.At < len(fs) {
		p.Frame = &fs[p.At]
		return
	}
	p.page++
	p.At, p.Segment, p.Frame = 0, nil, nil
	if p.page < len(p.view) {
		p.Segment = p.view[p.page]
		p.Frame = &p.Segment.Visible()[0] // a segment is in no view before its first frame
	}
}

// settleIndexed finds the event of the entry where the place is, or of the first
// after it whose topic still has the event: the watermarks tell of the others.
func (p *Cursor) settleIndexed() {
	for ; p.page < len(p.blocks); p.page++ {
		es := p.blocks[p.page].visible()
		for ; p.At < len(es); p.At++ {
			if seg, f, ok := es[p.At].event(); ok {
				p.Segment, p.Frame = seg, f
				return
			}
		}
		p.At = 0
	}
	p.Segment, p.Frame = nil, nil
}

// topic is whose the event is, in an index.
func (p *Cursor) topic() *Topic { return p.blocks[p.page].entries[p.At].topic }

// MayHaveEphemerals reports whether an event that is never replayed was ever appended
// to the topic.
func (p *Cursor) MayHaveEphemerals() bool { return p.log.ephemerals.Load() > 0 }
