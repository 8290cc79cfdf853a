package server

// place is where a reader stands in what a topic or a subtree holds, found without
// a lock.
type place struct {
	// In a log…
	view []*segment
	// …or in an index.
	blocks []*block
	entry  *indexed // the entry that seg and frm are of; nil: not looked up yet
	seg    *segment
	frm    *frame

	page int // index in view or blocks
	at   int // index in the segment's or block's
}

// seek finds the first event at or after next that t may still give.
func (t *topic) seek(next uint64) place {
	if t.sub != nil {
		x := t.sub.index.Load()
		if x == nil {
			return place{}
		}
		var p place
		p.blocks, p.page, p.at = x.seek(next)
		return p
	}
	l := t.log.Load()
	if l == nil {
		return place{}
	}
	var p place
	p.view, p.page, p.at, _ = l.seek(max(next, t.forgotten.load()+1))
	return p
}

// frame returns the segment and index entry of the event at the place, or not ok
// past the last one.
func (p *place) frame() (*segment, *frame, bool) {
	if p.blocks != nil {
		return p.indexedFrame()
	}
	for p.page < len(p.view) {
		s := p.view[p.page]
		if fs := s.visible(); p.at < len(fs) {
			return s, &fs[p.at], true
		}
		p.page++
		p.at = 0
	}
	return nil, nil, false
}

// indexedFrame is frame in an index: past entries whose topic has forgotten the
// event, which the watermarks tell of.
func (p *place) indexedFrame() (*segment, *frame, bool) {
	for p.page < len(p.blocks) {
		es := p.blocks[p.page].visible()
		for ; p.at < len(es); p.at++ {
			e := &es[p.at]
			if p.entry == e {
				return p.seg, p.frm, true
			}
			if seg, f, ok := e.find(); ok {
				p.entry, p.seg, p.frm = e, seg, f
				return seg, f, true
			}
		}
		p.page++
		p.at = 0
	}
	return nil, nil, false
}

// pass moves the place on, past the event there.
func (p *place) pass() { p.at++ }
