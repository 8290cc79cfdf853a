package server

// place is where a reader stands in what a topic or a subtree holds, found without
// a lock. The zero value is past the last event.
type place struct {
	seg *segment // where the event is
	frm *frame   // nil: past the last one

	log    *log
	view   []*segment // of the log…
	blocks []*block   // …or of an index
	page   int        // which of them
	at     int        // index in it
}

// seek finds the first event at or after next that t may still give.
func (t *topic) seek(next uint64) (p place) {
	if t.sub != nil {
		if x := t.sub.index.Load(); x != nil {
			p.blocks, p.page, p.at = x.seek(next)
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
	if p.view, p.page, p.at, ok = l.seek(max(next, t.forgotten.load()+1)); ok {
		p.seg = p.view[p.page]
		p.frm = &p.seg.frames[p.at]
	}
	return p
}

// next moves on to the next event.
func (p *place) next() {
	p.at++
	if p.blocks != nil {
		p.settleIndexed()
		return
	}
	// Fast path: it is in the same segment.
	if fs := p.seg.visible(); p.at < len(fs) {
		p.frm = &fs[p.at]
		return
	}
	p.page++
	p.at, p.seg, p.frm = 0, nil, nil
	if p.page < len(p.view) {
		p.seg = p.view[p.page]
		p.frm = &p.seg.visible()[0] // a segment is in no view before its first frame
	}
}

// settleIndexed finds the event of the entry where the place is, or of the first
// after it whose topic still has the event: the watermarks tell of the others.
func (p *place) settleIndexed() {
	for ; p.page < len(p.blocks); p.page++ {
		es := p.blocks[p.page].visible()
		for ; p.at < len(es); p.at++ {
			if seg, f, ok := es[p.at].find(); ok {
				p.seg, p.frm = seg, f
				return
			}
		}
		p.at = 0
	}
	p.seg, p.frm = nil, nil
}

// topic is whose the event is, in an index.
func (p *place) topic() *topic { return p.blocks[p.page].entries[p.at].topic }
