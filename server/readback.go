package server

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/socket"
	"github.com/fastsse/fastsse/server/backplane"
)

// readBack is a stream that begins with events which the logs no longer hold: they are read
// from the broker, a page at a time, on the goroutine that opens the stream, until the
// stream's position is one that the logs hold. It is used by one goroutine.
type readBack struct {
	relay   *relay
	epoch   *epoch
	stream  *delivery.Admission // its position is set when the read-back is done
	gone    func() bool         // whether the client has left
	lastID  string
	address string // of the peer; empty: not known

	limit int    // how many entries are read next
	after uint64 // the entries up to it were read
	next  uint64 // the position: the sequence of the next event
	block []byte // what the stream is sent next, framed
	begun bool   // the stream has its opening: a gap is told in the stream
	gap   bool   // a gap was told, or the opening has to tell it, and no event came since
	done  bool   // the logs hold what follows
	said  int64  // when something was sent last, in milliseconds

	events, replayed int64 // in block: all, and those from before the stream opened
}

// errNotNow is why a stream cannot begin now: what it has missed cannot be read.
var errNotNow = errors.New("the backplane cannot be read")

// behind finds what a stream is to be sent before what the logs hold: nil if that is
// nothing. gap is why the stream would begin with a gap event if there were no broker, and
// is returned as it is. a's position may be changed.
func (h *Hub) behind(e *epoch, a *delivery.Admission, gap, lastID string) (*readBack, string, error) {
	if h.relay == nil {
		return nil, gap, nil
	}
	if lastID != "" && e.doubts(a.Stream.Next-1) {
		forgotten, _ := e.history.Forgotten()
		a.Stream.Next = max(a.Stream.Next, forgotten+1)
		a.Stream.Live = max(a.Stream.Live, a.Stream.Next)
		return nil, cursor.GapEvicted, nil
	}
	switch gap {
	case cursor.GapAhead:
		ahead, err := h.relay.ahead(e, a, lastID)
		if ahead || err != nil {
			gap = ""
		}
		return nil, gap, err
	case cursor.GapEvicted:
		next := a.Stream.Next
		b := &readBack{relay: h.relay, epoch: e, stream: a, lastID: lastID, next: next, after: max(entryOf(next), 1) - 1, limit: firstPage}
		h.relay.readBacks.Add(1)
		a.ToldLost = 0
		if err := b.load(); err != nil {
			return nil, gap, err
		}
		if !b.gap {
			gap = ""
		}
		b.begun, b.gap = true, false
		return b, gap, nil
	}
	return nil, gap, nil
}

// ahead reports whether a position that this hub has not reached is one of the broker's
// stream: the client has read further at another hub. The stream then begins there.
func (r *relay) ahead(e *epoch, a *delivery.Admission, lastID string) (bool, error) {
	_, seq, _ := eventlog.ParseID(lastID)
	if e.doubts(seq) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(r.reading, readTimeout)
	defer cancel()
	if !r.turn(ctx) {
		return false, errNotNow
	}
	defer r.over()
	st, err := r.stateOf(ctx, e)
	switch {
	case errors.Is(err, backplane.ErrOtherEpoch):
		r.lookAgain() // when the client comes back, the hub has that epoch, too
		return false, errNotNow
	case err != nil:
		return false, errNotNow
	case st.Last < entryOf(seq):
		return false, nil
	}
	a.Stream.Next = seq + 1
	a.Stream.Live = max(a.Stream.Live, seq+1)
	a.ToldLost = 0
	return true, nil
}

// readTimeout is how long an opening stream waits for one answer of the broker.
const readTimeout = 5 * time.Second

// mostBlock is how many bytes a block has, but for the end of its last event: what a client
// that takes nothing keeps in memory.
const mostBlock = 64 << 10

// load reads the next page, and makes a block of it, or of the beginning of it.
func (b *readBack) load() error {
	ctx, cancel := context.WithTimeout(b.relay.reading, readTimeout)
	defer cancel()
	if !b.relay.turn(ctx) {
		return errNotNow
	}
	defer b.relay.over()
	page, held, err := b.relay.read(ctx, b.epoch, b.after, b.limit)
	if b.epoch.doubts(b.next - 1) {
		b.forget()
		return nil
	}
	switch {
	case errors.Is(err, backplane.ErrOtherEpoch):
		b.done = true // the epoch is about to end, and the stream with it
		return nil
	case err != nil:
		return errNotNow
	case len(page) == 0: // the logs hold all that there is
		if held > b.after+1 {
			b.lose()
		}
		b.stream.ToldLost, b.done = max(b.stream.ToldLost, b.epoch.history.Newest()), true
		return nil
	}
	b.take(page, held)
	b.done = b.held()
	return nil
}

// take adds as many entries of a page as a block has room for: what is left is read again. It
// sets how many are read next.
func (b *readBack) take(page []backplane.Entry, held uint64) {
	for i := range page {
		seq := page[i].Seq
		if seq > b.after+1 && held > b.after+1 {
			b.lose()
		}
		b.after = seq - 1 // what is missing before it is not missed twice
		if !b.add(page[i].Seq, page[i].Data) {
			b.limit = max(i, 1)
			return
		}
	}
	if len(page) == b.limit && len(b.block) < mostBlock/2 {
		b.limit = min(2*b.limit, pageLimit)
	}
}

// held reports whether the logs hold all events that follow the position.
func (b *readBack) held() bool {
	for _, t := range b.stream.Topics {
		if t.LostSince(b.next, b.stream.Stream.Live) > 0 {
			return false
		}
	}
	return true
}

// add adds the events of an entry that are for the stream, and moves the stream past it. It
// returns false if there was no room for all of them.
func (b *readBack) add(entry uint64, data []byte) bool {
	at, messages, err := readEntry(data, b.epoch.history.Epoch())
	if err != nil {
		b.lose()
	}
	age := time.Since(at).Milliseconds()
	live := b.stream.Stream.Live
	for i := range messages {
		m, seq := &messages[i], firstOf(entry)+uint64(i)
		if seq < b.next || !b.has(m.Topic) {
			continue
		}
		if len(b.block) >= mostBlock {
			return false
		}
		kept, replayed := b.epoch.history.Keeps(m.Topic, age)
		switch {
		case seq < live && (m.Ephemeral || !replayed):
		case !kept:
			b.lose()
		default:
			b.addEvent(m, seq)
		}
	}
	b.after, b.next = entry, max(b.next, endOf(entry)+1)
	return true
}

// has reports whether a topic is one of the stream's, or in one of its subtrees.
func (b *readBack) has(topic string) bool {
	for _, t := range b.stream.Topics {
		if t.Has(topic) {
			return true
		}
	}
	return false
}

// addEvent adds one event to the block.
func (b *readBack) addEvent(m *Message, seq uint64) {
	e := m.Event
	if e.ID == "" {
		e.ID = b.epoch.history.ID(seq)
	}
	b.block = b.stream.Framing.AppendControl(b.block, fastsse.AppendEvent(nil, &e))
	b.events++
	if seq < b.stream.Stream.Live {
		b.replayed++
	}
	b.next = seq + 1
	b.gap = b.gap && !b.begun
}

// lose tells the stream of a gap: in its opening, or between its events.
func (b *readBack) lose() {
	told := b.gap
	b.gap = true
	if told || !b.begun {
		return
	}
	b.block = b.stream.Framing.AppendControl(b.block,
		b.relay.hub.appendGap(b.epoch, nil, b.stream, b.next, cursor.GapEvicted, b.lastID))
}

// forget tells the stream of a gap, behind which it goes on with the logs: what it has read
// may not be what the broker has.
func (b *readBack) forget() {
	forgotten, _ := b.epoch.history.Forgotten()
	b.next, b.done = max(b.next, forgotten+1), true
	b.lose()
}

// run writes what was read, and reads on, until the logs hold the rest. It returns why the
// stream has to end before that; NoReason: it goes on.
func (b *readBack) run(write func([]byte) error) cursor.Reason {
	b.said = b.relay.hub.now()
	for {
		if err := b.flush(write); err != nil {
			return b.failed(err)
		}
		if why := b.ended(); why != cursor.NoReason {
			return why
		}
		if b.done {
			b.stream.Stream.Next, b.stream.Stream.Wrote = b.next, b.relay.hub.now()
			return cursor.NoReason
		}
		if b.load() != nil {
			if why := b.ended(); why != cursor.NoReason {
				return why
			}
			return cursor.Failed
		}
	}
}

// flush writes the block. If there is none for long, it writes the position: a client whose
// connection breaks need not begin anew, and sees that the stream is alive.
func (b *readBack) flush(write func([]byte) error) error {
	const long = 1000 // milliseconds
	now := b.relay.hub.now()
	if len(b.block) == 0 {
		if b.done || now-b.said < long {
			return nil
		}
		b.block = b.stream.Framing.AppendControl(nil,
			b.stream.Stream.Client.AppendDataless(nil, fastsse.AppendID(nil, b.epoch.history.ID(b.next-1))))
	}
	if err := write(b.block); err != nil {
		return err
	}
	c := &b.relay.hub.counters
	c.readBack.Add(b.events)
	c.readBackReplayed.Add(b.replayed)
	b.said, b.block, b.events, b.replayed = now, nil, 0, 0
	return nil
}

// ended returns why the stream is to end now.
func (b *readBack) ended() cursor.Reason {
	h, s := b.relay.hub, &b.stream.Stream
	switch state := b.epoch.state(delivery.State(h.state.Load())); {
	case state == delivery.Closed:
		return cursor.HubClosed
	case state != delivery.Open:
		return cursor.Drained
	case b.epoch.delivery.Kicked(b.stream, b.address):
		return cursor.Kicked
	case s.Dies != 0 && h.now() >= s.Dies:
		return cursor.MaxAge
	case b.gone():
		return cursor.Client
	}
	return cursor.NoReason
}

// writeWithin is how long a write may take; 0: for ever. A stream that is to end by then has
// as much time to take the rest as one that is not read back.
func (b *readBack) writeWithin() time.Duration {
	h, s := b.relay.hub, &b.stream.Stream
	most := h.cfg.WriteTimeout
	if s.Dies == 0 {
		return most
	}
	left := time.Duration(max(s.Dies-h.now(), 0))*time.Millisecond + delivery.LingerFor
	if most <= 0 {
		return left
	}
	return min(most, left)
}

// failed returns why a write has failed.
func (b *readBack) failed(err error) cursor.Reason {
	if why := b.ended(); why != cursor.NoReason {
		return why
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return cursor.Timeout
	}
	return cursor.Client
}

// begin makes the stream's opening the beginning of what is written.
func (b *readBack) begin() {
	b.block = append(b.stream.Rest, b.block...)
	b.stream.Rest = nil
}

// readBack writes the opening of the stream and what is read back for it, and reports
// whether the stream goes on.
func (o *opening) readBack(c net.Conn, a *delivery.Admission, b *readBack) bool {
	if b.address = o.remote; b.address == "" && c.RemoteAddr() != nil {
		b.address = c.RemoteAddr().String()
	}
	b.begin()
	why, broken := o.write(c, b)
	if why == cursor.NoReason {
		return true
	}
	o.hub.abandon(o.epoch, a, why)
	if !broken {
		o.hub.writeLast(c, a.Framing.AppendFarewell(nil, o.hub.cfg.Retry, a.Stream.Client))
	}
	return false
}

// write writes a read-back to the connection. It returns why the stream has to end, and
// whether a write has failed.
func (o *opening) write(c net.Conn, b *readBack) (why cursor.Reason, broken bool) {
	socket.Unblock(c) // else a deadline would not end a write
	writes := &bound{set: c.SetWriteDeadline}
	defer writes.release() // before a farewell has a deadline of its own, and before c is parked
	stop := context.AfterFunc(b.relay.reading, func() { writes.cut(time.Now().Add(cutWithin)) })
	defer stop()
	var gone atomic.Bool
	b.gone = gone.Load
	if unwatch, ok := socket.Watch(c, func() { gone.Store(true); writes.cut(time.Unix(1, 0)) }); ok {
		defer unwatch()
	}
	why = b.run(func(p []byte) error {
		err := writes.arm(b.writeWithin())
		if err == nil {
			_, err = c.Write(p)
		}
		broken = broken || err != nil
		return err
	})
	return why, broken || gone.Load()
}
