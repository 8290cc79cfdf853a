package fastsse

import (
	"bytes"
	"io"
)

// Feed gives a Decoder without a reader the next bytes of its stream, which may end
// anywhere: inside a line, or between the CR and the LF of its end. Next, NextBlock and
// NextRaw then return what is complete with them, and io.EOF when there is no more; with
// the next Feed they go on. Nothing is lost if Feed is called before that.
//
// b is borrowed: it must not change until Next has returned an error, or until Feed or
// Reset is called, and what Next returns is a part of it where possible. The Decoder
// copies what b holds of an unfinished event, and no more, so that many Decoders can be
// fed from one large buffer.
//
// It panics if the Decoder has a reader. After an [ErrTooLong] it does nothing.
func (d *Decoder) Feed(b []byte) {
	if d.done {
		d.begin()
	}
	switch {
	case d.borrowed && d.start == len(d.buf):
		d.borrow(b)
	case d.r != nil:
		panic("fastsse: Feed to a Decoder that has a reader; use new(fastsse.Decoder)")
	case d.err != nil:
	case d.start == len(d.buf) && len(d.fed) == 0:
		d.borrow(b)
	default:
		d.keep(d.fed) // what Next has not come to
		d.fed = b
	}
}

// Reset prepares d for the answer that a client gets when it has connected again: d reads
// it from r, or is fed it if r is nil. What was unfinished is dropped. The last event ID and the
// reconnection time are kept, as an EventSource keeps them, as well as the number of
// comments, MaxEvent and the buffers.
func (d *Decoder) Reset(r io.Reader) {
	buf := d.buf[:0]
	if d.borrowed {
		buf = d.own[:0]
	}
	*d = Decoder{
		MaxEvent: d.MaxEvent, r: r, buf: buf, own: buf, joined: d.joined, held: d.held,
		block: Received{ID: d.id}, id: d.id, retry: d.retry, hasRetry: d.hasRetry, comments: d.comments,
	}
}

// takeFed goes on with what was fed: where it is, if nothing is held. Otherwise it adds
// a line of it to what is held, so that no more is copied than the block's own bytes. It
// returns io.EOF if there is nothing.
func (d *Decoder) takeFed() error {
	switch {
	case len(d.fed) == 0:
		if d.borrowed {
			d.keep(nil)
		}
		return io.EOF
	case d.start == len(d.buf):
		d.borrow(d.fed)
		d.fed = nil
		return nil
	}
	n := len(d.fed)
	if lf := bytes.IndexByte(d.fed, '\n'); lf >= 0 {
		n = lf + 1
	}
	if cr := bytes.IndexByte(d.fed[:n], '\r'); cr >= 0 {
		n = cr + 1
	}
	d.become(append(d.buf[d.start:], d.fed[:n]...))
	d.own, d.fed = d.buf, d.fed[n:]
	return nil
}

// borrow replaces buf, of which nothing is held, by b.
func (d *Decoder) borrow(b []byte) {
	d.buf, d.borrowed = b, true
	d.start, d.scan, d.noLF, d.noCR = 0, 0, 0, 0
}

// keep copies what is held, and more behind it, to memory of the Decoder's own.
func (d *Decoder) keep(more []byte) {
	d.become(append(append(d.own[:0], d.buf[d.start:]...), more...))
	d.own, d.borrowed = d.buf, false
}
