package server_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/server"
)

// verdict checks one visit against the ledger. It reads the visit from its
// beginning to its end, and then asks for what was due and did not come.
type verdict struct {
	*soakRound
	v *session

	from   uint64 // what the client may get lies beyond
	due    uint64 // what it must get lies beyond: more than from after an ambiguous id
	last   uint64 // where the stream stands
	reach  uint64 // up to here all that is due must have come
	got    map[uint64]bool
	told   []loss
	opened time.Duration // from then on the stream was surely there
	events bool          // one has come
}

// loss is what a gap tells of: anything beyond from, up to to.
type loss struct{ from, to uint64 }

// judge returns what is wrong with a visit, or nil.
func (r *soakRound) judge(v *session) error {
	if len(v.got) == 0 && v.end != "clean" {
		return nil // it may never have been a stream
	}
	d := &verdict{soakRound: r, v: v, got: map[uint64]bool{}, opened: math.MaxInt64}
	if len(v.got) > 0 {
		d.opened = v.got[0].At
	}
	if err := d.opening(); err != nil {
		return err
	}
	for i, got := range v.got {
		if err := d.receive(i, got); err != nil {
			return fmt.Errorf("block %d, %v: %w", i+1, got, err)
		}
	}
	if r.drained && v.wasEnded() && v.ended > r.drainBegan && d.endedByDrain() {
		d.reach = max(d.reach, r.drainSeq)
	}
	return d.complete()
}

// wasEnded says whether the hub may have ended the stream: those of clients that are no
// EventSource it cuts.
func (v *session) wasEnded() bool {
	return v.end == "clean" || v.other && v.path != "/follow" && v.end == "cut"
}

// endedByDrain says whether the stream got to its end through Drain. Of Follow
// nobody hears why it ended: there it is known where nobody can fall behind.
func (d *verdict) endedByDrain() bool {
	if d.v.path == "/follow" {
		return d.plan.whole && len(d.v.got) > 0
	}
	return d.endings[d.v.number] == server.ReasonDrain
}

// opening finds where the stream has to start.
func (d *verdict) opening() error {
	id := d.v.lastID
	if seq, ok := d.book.native(id); ok && d.v.foreign == "" {
		d.from, d.due = seq, seq
	} else if bearers := d.bearers(id); len(bearers) > 0 {
		// Which of them the client has seen nobody can say, if they are several.
		d.from, d.due = bearers[0].seq, bearers[len(bearers)-1].seq
	}
	d.last, d.reach = d.from, d.from
	if len(d.v.got) == 0 {
		return nil
	}
	first := d.v.got[0]
	switch {
	case id == "" && first.Kind != soak.Position:
		return fmt.Errorf("a fresh stream begins with %v, not with its position", first)
	case id == "":
		seq, ok := d.book.native(first.ID)
		if !ok || seq < d.v.floor || seq > d.book.head(first.At) {
			return fmt.Errorf("a fresh stream is at %s; the hub was at %d before and at most at %d after", first.ID, d.v.floor, d.book.head(first.At))
		}
		d.from, d.due, d.last, d.reach = seq, seq, seq, seq
	case d.v.foreign != "" && (first.Kind != soak.Gap || first.Reason != d.v.foreign):
		return fmt.Errorf("came with the id %q and got %v first, not a gap %s", id, first, d.v.foreign)
	}
	return nil
}

// bearers returns the events of the visit's topics that bear a publisher's id.
func (d *verdict) bearers(id string) []*posting {
	return slices.DeleteFunc(slices.Clone(d.book.byOwn[id]), func(p *posting) bool { return !d.wants(p.topic) })
}

func (d *verdict) wants(topic string) bool {
	return slices.ContainsFunc(d.v.topics, func(pattern string) bool { return soak.Matches(pattern, topic) })
}

// receive takes the ith block.
func (d *verdict) receive(i int, got soak.Receipt) error {
	switch got.Kind {
	case soak.Gap:
		return d.gap(i, got)
	case soak.Position:
		return d.position(got)
	case soak.Hello:
		if d.events || d.v.path == "/follow" {
			return fmt.Errorf("what OnOpen sends comes before any event of a topic")
		}
		return nil
	}
	return d.event(got)
}

// gap checks that a gap may be, and notes what it accounts for.
func (d *verdict) gap(i int, got soak.Receipt) error {
	seq, ok := d.book.native(got.ID)
	head := d.book.head(got.At)
	if !ok || seq > head {
		return fmt.Errorf("its id is no position of this hub, whose head was at most %d", head)
	}
	if err := d.mayBe(i, got); err != nil {
		return err
	}
	if i == 0 && got.Reason != "evicted" && got.Reason != "slow" { // it starts again from what is held
		d.from, d.due, d.last, d.reach = 0, 0, 0, 0
	}
	if seq < d.last {
		return fmt.Errorf("its id lies before the stream's position %d", d.last)
	}
	d.told = append(d.told, loss{d.last, head})
	d.last = seq
	d.reach = max(d.reach, seq)
	return nil
}

// mayBe says whether there can be such a gap at the ith block.
func (d *verdict) mayBe(i int, got soak.Receipt) error {
	native := false
	if d.v.foreign == "" {
		_, native = d.book.native(d.v.lastID)
	}
	switch {
	case i > 0 && (got.Reason != "slow" || d.config.SlowSubscribers != server.Skip):
		return fmt.Errorf("that is no gap for the middle of a stream")
	case i == 0 && d.v.lastID == "":
		return fmt.Errorf("a fresh stream has missed nothing")
	case i == 0 && d.v.foreign != "" && got.Reason == d.v.foreign:
		return nil
	case i == 0 && native && got.Reason != "evicted" && !(got.Reason == "slow" && d.config.SlowSubscribers == server.Skip):
		return fmt.Errorf("the id %s is one that this hub gave", d.v.lastID)
	case d.nothingForgotten() && len(d.bearers(d.v.lastID)) < 2:
		return fmt.Errorf("nothing of these topics was ever forgotten")
	}
	return nil
}

// nothingForgotten says whether the hub still holds all events of the visit's
// topics. Of a subtree that is sure only where nothing at all is forgotten: what
// other topics forgot may lie in its tombstone.
func (d *verdict) nothingForgotten() bool {
	return d.plan.whole || !slices.ContainsFunc(d.v.topics, func(t string) bool {
		return !d.kept(t) || strings.HasSuffix(t, "*")
	})
}

// kept says whether a topic's or subtree's own log keeps all of the round.
func (d *verdict) kept(pattern string) bool {
	return d.plan.whole || d.plan.keeps && strings.HasPrefix(pattern, "k/")
}

// position checks an id block without data: up to there the client has all.
func (d *verdict) position(got soak.Receipt) error {
	seq, ok := d.book.native(got.ID)
	switch {
	case !ok:
		return fmt.Errorf("that is no position of this hub")
	case seq < d.last:
		return fmt.Errorf("it lies before the stream's position %d", d.last)
	case seq > d.book.head(got.At):
		return fmt.Errorf("the hub was at most at %d then", d.book.head(got.At))
	}
	d.last = seq
	d.reach = max(d.reach, seq)
	return nil
}

// event checks that an event is one of the ledger, for this client, and now.
func (d *verdict) event(got soak.Receipt) error {
	d.events = true
	p := d.find(got)
	switch {
	case p == nil:
		return fmt.Errorf("nobody published that")
	case p.sum != got.Sum || p.size != got.Size:
		return fmt.Errorf("its data is not that of %v", p)
	case !d.wants(p.topic):
		return fmt.Errorf("%v is of none of the stream's topics", p)
	case p.seq <= d.last:
		return fmt.Errorf("%v comes at the position %d: twice, or out of order", p, d.last)
	case p.ephemeral && p.end < d.v.asked:
		return fmt.Errorf("%v was replayed", p)
	case p.start > got.At:
		return fmt.Errorf("%v came before it was published", p)
	}
	d.last = p.seq
	d.reach = max(d.reach, p.seq)
	d.got[p.seq] = true
	return nil
}

// find returns the posting of an event. One with an id of the publisher's own
// is known by its data as well, if several bear the id.
func (d *verdict) find(got soak.Receipt) *posting {
	if seq, ok := d.book.native(got.ID); ok {
		p := d.book.bySeq[seq]
		if p != nil && p.own != "" {
			return nil
		}
		return p
	}
	var found *posting
	for _, p := range d.bearers(got.ID) {
		if found == nil || (p.sum == got.Sum && p.size == got.Size && (found.sum != got.Sum || found.seq <= d.last)) {
			found = p
		}
	}
	return found
}

// complete says which event was due, and neither came nor was told of as lost.
func (d *verdict) complete() error {
	var missing []*posting
	for _, pattern := range d.v.topics {
		for _, p := range d.book.between(pattern, d.due, d.reach) {
			if !d.got[p.seq] && d.isDue(p) && !d.wasTold(p, pattern) {
				missing = append(missing, p)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.SortFunc(missing, func(a, b *posting) int { return cmp.Compare(a.seq, b.seq) })
	missing = slices.Compact(missing)
	last := missing[len(missing)-1]
	return fmt.Errorf("LOST: %d events that were due between %d and %d did not come, and no gap says so: first %v, last %v",
		len(missing), d.due, d.reach, missing[0], last)
}

// isDue says whether the stream had a right to p: an ephemeral event only if it
// was there when that was published.
func (d *verdict) isDue(p *posting) bool { return !p.ephemeral || p.start > d.opened }

// wasTold says whether a gap tells of p: not if the log that the stream reads
// it from has forgotten nothing.
func (d *verdict) wasTold(p *posting, pattern string) bool {
	return !d.kept(pattern) && slices.ContainsFunc(d.told, func(e loss) bool {
		return p.seq > e.from && p.seq <= e.to
	})
}
