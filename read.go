package fastsse

import (
	"io"
	"iter"
	"time"
)

// Read returns the events of the stream that r reads: those that an EventSource would
// dispatch. They are the caller's own, to keep and to change; a [Decoder] lends its
// events, and saves their allocations.
//
//	for event, err := range fastsse.Read(resp.Body) {
//		if err != nil {
//			return err
//		}
//		fmt.Printf("%s: %s\n", event.Type, event.Data)
//	}
//
// Of an event, ID is the last event ID as of it, which may be an earlier event's. Type is
// empty if the stream has given none, which means "message". Data may be nil. Retry is the
// reconnection time that the event's own block has set: zero if it has set none, or zero.
// (A Decoder tells these two apart, and has the reconnection times of blocks without data.)
//
// At the end of r, io.EOF, the loop ends, and an unfinished event is dropped. Any other
// error is yielded last, with a zero Event: that of r (io.ErrUnexpectedEOF if an HTTP
// response was cut), or one that wraps [ErrTooLong] at an unfinished event of more than
// 16 MiB. A Decoder can have another bound.
//
// Each event is yielded before more is read than r gave with its end. A loop that was
// left early reads no further, and another one over the same sequence goes on with the
// next event. Read starts no goroutine; the sequence is for one goroutine at a time.
func Read(r io.Reader) iter.Seq2[Event, error] {
	own := copies{d: NewDecoder(r)}
	return own.each
}

// copies are the events of d. They share the strings of IDs and types that stay the same.
type copies struct {
	d       *Decoder
	id, typ string
}

func (c *copies) each(yield func(Event, error) bool) {
	for {
		b, err := c.d.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			yield(Event{}, err)
			return
		}
		if !yield(c.event(b), nil) {
			return
		}
	}
}

// event copies b.
func (c *copies) event(b *Received) Event {
	if string(b.ID) != c.id {
		c.id = string(b.ID)
	}
	if string(b.Type) != c.typ {
		c.typ = string(b.Type)
	}
	var retry time.Duration
	if b.HasRetry {
		retry, _ = c.d.Retry()
	}
	return Event{ID: c.id, Type: c.typ, Data: append([]byte(nil), b.Data...), Retry: retry}
}
