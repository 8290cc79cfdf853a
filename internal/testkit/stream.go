package testkit

import (
	"io"
	"strconv"

	"github.com/fastsse/fastsse"
)

// Event is what an EventSource would dispatch, in strings: to be kept and compared.
type Event struct {
	ID   string // the last event ID at dispatch
	Type string // "message" unless named
	Data string
}

// Decoder is a [fastsse.Decoder] whose events are kept. Its fields say what the stream
// has said up to the last Next.
type Decoder struct {
	LastID   string // sticks, also from blocks without data; a client that resumes sets it to its own first
	Retry    string // the last reconnection time, in milliseconds; empty: none. May be emptied, to see whether another comes.
	Comments int

	// OnID, if set, is asked at each block without data that changes the last event
	// id. If it says so, Next returns an Event without a type.
	OnID func(id string) bool

	dec   *fastsse.Decoder
	lines *retryLines
	told  int    // of these lines, those that Next has told of
	said  string // the last id of this stream
}

// NewDecoder reads from r.
func NewDecoder(r io.Reader) *Decoder {
	lines := &retryLines{r: r}
	return &Decoder{dec: fastsse.NewDecoder(lines), lines: lines}
}

// retryLines counts the lines of r that set the reconnection time. They count when they end,
// also in a block that is not finished.
type retryLines struct {
	r     io.Reader
	n     int
	begun []byte // how the present line begins
}

func (c *retryLines) Read(b []byte) (int, error) {
	const name = "retry:"
	n, err := c.r.Read(b)
	for _, x := range b[:n] {
		switch {
		case x == '\n' || x == '\r':
			if string(c.begun) == name {
				c.n++
			}
			c.begun = c.begun[:0]
		case len(c.begun) < len(name):
			c.begun = append(c.begun, x)
		}
	}
	return n, err
}

// Next returns the next event, or the error that ended the stream.
func (d *Decoder) Next() (Event, error) {
	for {
		b, err := d.dec.NextBlock()
		d.Comments = d.dec.Comments()
		if err == nil && b.HasRetry {
			d.told++
			d.setRetry()
		}
		if err != nil {
			if d.told < d.lines.n { // in what has come of a block
				d.told = d.lines.n
				d.setRetry()
			}
			return Event{}, err
		}
		moved := d.take(string(b.ID))
		e := Event{d.LastID, string(b.Type), string(b.Data)}
		switch {
		case b.HasData && e.Type == "":
			e.Type = "message"
			fallthrough
		case b.HasData:
			return e, nil
		case moved && d.OnID != nil && d.OnID(e.ID):
			return Event{ID: e.ID}, nil
		}
	}
}

func (d *Decoder) setRetry() {
	wait, _ := d.dec.Retry()
	d.Retry = strconv.FormatInt(wait.Milliseconds(), 10)
}

// take takes the last id of the stream, and reports whether it is another one than the
// client's. A stream that has not said any leaves the client its own.
func (d *Decoder) take(said string) (moved bool) {
	if said == d.said {
		return false
	}
	moved = said != d.LastID
	d.said, d.LastID = said, said
	return moved
}

// All reads to the end of the stream.
func (d *Decoder) All() ([]Event, error) {
	var all []Event
	for {
		e, err := d.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
}
