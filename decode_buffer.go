package fastsse

// letGo lets go of the lines before a comment, if they are an id and a reconnection time
// alone. A server may send these ahead of an event, and then heartbeats for days.
func (d *Decoder) letGo() {
	b := &d.block
	if b.HasData || len(b.Type) > 0 {
		return
	}
	if d.hasID && !d.early {
		d.held = append(d.held[:0], b.ID...)
		b.ID, d.early = d.held, true
	}
	d.start = d.scan
}

// makeRoom lets the block begin at the front of a buffer that has room.
func (d *Decoder) makeRoom() {
	if cap(d.buf)-len(d.buf) > 0 && d.start == 0 {
		return
	}
	held := d.buf[d.start:]
	to := d.buf[:0]
	if len(held) >= cap(d.buf)/2 {
		to = make([]byte, 0, max(2*cap(d.buf), smallestReadSize))
	}
	d.become(append(to, held...))
}

// become replaces buf by b, which begins with what is held. The block's parts move along.
func (d *Decoder) become(b []byte) {
	if d.hasID && !d.early {
		d.block.ID = d.moved(d.block.ID, b)
	}
	if !d.several {
		d.block.Data = d.moved(d.block.Data, b)
	}
	d.block.Type = d.moved(d.block.Type, b)
	d.buf = b
	d.scan -= d.start
	d.noLF -= d.start
	d.noCR -= d.start
	d.start = 0
}

// moved returns where part, which is a part of buf, is in b.
func (d *Decoder) moved(part, b []byte) []byte {
	if len(part) == 0 {
		return nil
	}
	from := cap(d.buf) - cap(part) - d.start
	return b[from : from+len(part)]
}
