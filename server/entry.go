package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fastsse/fastsse/internal/eventlog"
)

// An entry is what one PublishAll appends to the broker's stream. Numbers are unsigned
// varints, and a text is its length and its bytes:
//
//	version (a byte: 1)
//	mark    (8 random bytes, by which the hub that has appended the entry knows it again)
//	time    (when it was published, in milliseconds since 1970)
//	count   (of events, 1 to 1,000)
//	events  flags (a byte: 1 is ephemeral), topic, type, id, retry (in milliseconds), data
//
// Event i (from 0) of the entry with sequence s has the hub's sequence s*1024+i.

const (
	entryVersion   = 1
	markBytes      = 8
	ephemeralEntry = 1 // a flag

	// eventsPerEntry is how many sequences of a hub an entry has: more than mostMessages.
	eventsPerEntry = 1024
	_              = uint(eventsPerEntry - 1 - mostMessages)
)

// firstOf is the hub's sequence of the first event of an entry.
func firstOf(entry uint64) uint64 { return entry * eventsPerEntry }

// endOf is the hub's last sequence that an entry can have.
func endOf(entry uint64) uint64 { return firstOf(entry) + eventsPerEntry - 2 }

// behind is above all sequences of an entry, and above positions behind it.
func behind(entry uint64) uint64 { return endOf(entry) + 1 }

// entryOf is the sequence of the entry that has an event.
func entryOf(seq uint64) uint64 { return seq / eventsPerEntry }

// appendEntry appends the entry of messages, which were checked, to dst.
func appendEntry(dst []byte, mark uint64, at time.Time, messages []Message) []byte {
	dst = append(dst, entryVersion)
	dst = binary.LittleEndian.AppendUint64(dst, mark)
	dst = binary.AppendUvarint(dst, uint64(max(at.UnixMilli(), 0)))
	dst = binary.AppendUvarint(dst, uint64(len(messages)))
	for i := range messages {
		m := &messages[i]
		var flags byte
		if m.Ephemeral {
			flags |= ephemeralEntry
		}
		dst = append(dst, flags)
		dst = appendText(dst, m.Topic)
		dst = appendText(dst, m.Event.Type)
		dst = appendText(dst, m.Event.ID)
		dst = binary.AppendUvarint(dst, uint64(m.Event.Retry.Milliseconds()))
		dst = appendText(dst, m.Event.Data)
	}
	return dst
}

func appendText[T string | []byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// markOf returns the mark of an entry. What is no entry may have one or not.
func markOf(entry []byte) (mark uint64, ok bool) {
	if len(entry) < 1+markBytes {
		return 0, false
	}
	return binary.LittleEndian.Uint64(entry[1:]), true
}

// readEntry returns when an entry was published, and its messages, whose data are slices
// of it. epoch is that of the stream. It returns an error for what appendEntry cannot have
// made.
func readEntry(entry []byte, epoch string) (at time.Time, messages []Message, err error) {
	r := entryReader{rest: entry}
	if v := r.byte(); r.err == nil && v != entryVersion {
		return at, nil, fmt.Errorf("its version is %d, and only %d is known here; run the same release in every process", v, entryVersion)
	}
	r.skip(markBytes)
	at = time.UnixMilli(int64(r.number(math.MaxInt64 / 1000)))
	messages = make([]Message, 0, min(int(r.number(mostMessages)), 16))
	count := r.count
	for range count {
		m := r.message()
		if r.err == nil {
			r.err = checkRead(&m, epoch)
		}
		if r.err != nil {
			return at, nil, r.err
		}
		messages = append(messages, m)
	}
	switch {
	case r.err != nil:
		return at, nil, r.err
	case count == 0:
		return at, nil, errors.New("it has no events")
	case len(r.rest) > 0:
		return at, nil, fmt.Errorf("%d bytes follow its last event", len(r.rest))
	}
	return at, messages, nil
}

// checkRead returns an error if a hub cannot have published m.
func checkRead(m *Message, epoch string) error {
	if err := eventlog.CheckTopic(m.Topic); err != nil {
		return err
	}
	if err := m.Event.Validate(); err != nil {
		return err
	}
	if len(m.Event.Type) > maxTypeBytes || len(m.Event.Data) > eventlog.MostEventBytes {
		return errors.New("an event in it is too large")
	}
	if m.Event.ID == "" {
		return nil
	}
	return eventlog.CheckAlias(m.Event.ID, epoch)
}

// entryReader reads an entry from its beginning. After an error it returns zeros.
type entryReader struct {
	rest  []byte
	count int // the last number that was read
	err   error
}

var errEntryEnds = errors.New("it ends too early")

func (r *entryReader) byte() byte {
	if r.err == nil && len(r.rest) == 0 {
		r.err = errEntryEnds
	}
	if r.err != nil {
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *entryReader) skip(n int) {
	if r.err == nil && len(r.rest) < n {
		r.err = errEntryEnds
	}
	if r.err == nil {
		r.rest = r.rest[n:]
	}
}

// number reads a number that is at most so large.
func (r *entryReader) number(most uint64) uint64 {
	n, size := binary.Uvarint(r.rest)
	switch {
	case r.err != nil:
	case size <= 0:
		r.err = errEntryEnds
	case n > most:
		r.err = fmt.Errorf("a number in it, %d, is above %d", n, most)
	}
	if r.err != nil {
		r.count = 0
		return 0
	}
	r.rest, r.count = r.rest[size:], int(n)
	return n
}

// text reads a text, a slice of the entry.
func (r *entryReader) text() []byte {
	n := r.number(math.MaxInt32)
	if r.err == nil && n > uint64(len(r.rest)) {
		r.err = errEntryEnds
	}
	if r.err != nil {
		return nil
	}
	text := r.rest[:n:n]
	r.rest = r.rest[n:]
	return text
}

func (r *entryReader) message() (m Message) {
	flags := r.byte()
	if r.err == nil && flags&^ephemeralEntry != 0 {
		r.err = fmt.Errorf("an event in it has flags that are not known here (%#x)", flags)
	}
	m.Ephemeral = flags&ephemeralEntry != 0
	m.Topic = string(r.text())
	m.Event.Type = string(r.text())
	m.Event.ID = string(r.text())
	m.Event.Retry = time.Duration(r.number(math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
	m.Event.Data = r.text()
	return m
}
