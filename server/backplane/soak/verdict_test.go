package soak_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/server"
)

// verdict checks one stream against the ledger. It reads the stream from its beginning to its
// end, and then asks for what was due and did not come. A stream is of one epoch.
type verdict struct {
	*round
	v     *session
	epoch string

	from   uint64                     // what the client must get lies beyond
	last   uint64                     // where the stream stands
	reach  uint64                     // up to here all that is due must have come
	got    map[*posting]time.Duration // when
	told   []loss
	opened time.Duration // from then on the stream was surely there
}

// loss is what a gap tells of: what lies beyond from, and was published before the gap came.
type loss struct {
	from   uint64
	at     time.Duration
	reason string
}

// judge returns what is wrong with a stream, or nil.
func (r *round) judge(v *session) error {
	if len(v.got) == 0 {
		return nil // it may never have been a stream
	}
	d := &verdict{round: r, v: v, got: map[*posting]time.Duration{}, opened: v.got[0].At}
	if !d.opening() {
		return nil // of an epoch that cannot be known: it had nothing but publishers' ids
	}
	if err := d.first(); err != nil {
		return err
	}
	for i, got := range v.got {
		if err := d.receive(i, got); err != nil {
			return fmt.Errorf("block %d, %v: %w", i+1, got, err)
		}
	}
	if err := cmp.Or(d.complete(), d.late()); err != nil {
		return err
	}
	d.countGaps()
	return nil
}

// opening finds the stream's epoch, and the position that the client came with.
func (d *verdict) opening() bool {
	for _, got := range d.v.got {
		if p, ok := native(got.ID); ok {
			if d.epoch != "" && p.epoch != d.epoch {
				d.book.blame("a stream has ids of the epochs %s and %s:\n%s", d.epoch, p.epoch, d.story(d.v))
			}
			d.epoch = cmp.Or(d.epoch, p.epoch)
		}
	}
	if d.epoch == "" {
		d.epoch = d.v.epoch
	}
	if d.v.foreign != "" {
		return d.epoch != ""
	}
	if p, ok := native(d.v.lastID); ok && p.epoch == d.epoch {
		d.from = p.seq
	} else if p := d.book.byOwn[d.v.lastID]; p != nil && d.wants(p.topic) {
		if d.from = p.at(d.epoch); d.from == 0 { // nobody was told where its batch is
			d.from = d.firstKnown()
		}
	}
	d.last, d.reach = d.from, d.from
	return d.epoch != ""
}

// at is where an epoch has the posting; 0: nowhere that is known.
func (p *posting) at(epoch string) uint64 {
	entry, ok := p.entries[epoch]
	if !ok {
		return 0
	}
	return entry*perEntry + uint64(p.i)
}

// firstKnown is before the first sequence that is known of what the stream has got.
func (d *verdict) firstKnown() uint64 {
	for _, got := range d.v.got {
		if p, ok := native(got.ID); ok {
			return p.seq - 1
		}
		if p := d.book.find(got.Data); p != nil && p.at(d.epoch) > 0 {
			return p.at(d.epoch) - 1
		}
	}
	return 0
}

func (d *verdict) wants(topic string) bool {
	return slices.ContainsFunc(d.v.topics, func(pattern string) bool { return soak.Matches(pattern, topic) })
}

// first checks how the stream begins.
func (d *verdict) first() error {
	first := d.v.got[0]
	p, isNative := native(d.v.lastID)
	gap := first.Kind == soak.Gap
	switch {
	case d.v.lastID == "" && first.Kind != soak.Position:
		return fmt.Errorf("a fresh stream begins with %v, not with its position", first)
	case d.v.lastID == "":
		return d.fresh(first)
	case d.v.foreign != "" && (!gap || first.Reason != d.v.foreign):
		return fmt.Errorf("came with the id %q and got %v first, not a gap %s", d.v.lastID, first, d.v.foreign)
	case d.v.foreign == "" && isNative && p.epoch != d.epoch && (!gap || first.Reason != "epoch"):
		return fmt.Errorf("came with the id %q of another epoch and got %v first, not a gap epoch", d.v.lastID, first)
	}
	return nil
}

// fresh checks that a fresh stream begins before all that is published from then on.
func (d *verdict) fresh(first soak.Receipt) error {
	p, ok := native(first.ID)
	if !ok {
		return fmt.Errorf("a fresh stream is at %s, which is no position", first.ID)
	}
	d.from, d.last, d.reach = p.seq, p.seq, p.seq
	for _, p := range d.book.postings[d.epoch] {
		if p.start > d.opened && p.seq <= d.from {
			return fmt.Errorf("a fresh stream begins behind %v, which was published later", p)
		}
	}
	return nil
}

// receive takes the ith block.
func (d *verdict) receive(i int, got soak.Receipt) error {
	switch got.Kind {
	case soak.Gap:
		return d.gap(i, got)
	case soak.Position:
		return d.position(got)
	case soak.Hello:
		return nil
	}
	return d.event(got)
}

// gap checks that a gap may be, and notes what it accounts for.
func (d *verdict) gap(i int, got soak.Receipt) error {
	p, ok := native(got.ID)
	if !ok {
		return fmt.Errorf("its id is no position")
	}
	if err := d.mayBe(i, got); err != nil {
		return err
	}
	if i == 0 && got.Reason != "evicted" && got.Reason != "slow" { // it starts again from what is held
		d.from, d.last, d.reach = 0, 0, 0
	}
	if p.seq < d.last {
		return fmt.Errorf("its id lies before the stream's position %d", d.last)
	}
	d.told = append(d.told, loss{from: d.last, at: got.At, reason: got.Reason})
	d.last, d.reach = p.seq, max(d.reach, p.seq)
	return nil
}

// mayBe says whether there can be such a gap at the ith block.
func (d *verdict) mayBe(i int, got soak.Receipt) error {
	p, isNative := native(d.v.lastID)
	lossy := d.plan.lossy()
	switch {
	case d.v.lastID == "" && i <= 1 && !lossy && got.Reason != "slow":
		return fmt.Errorf("a fresh stream has missed nothing")
	case i == 0 && d.v.foreign != "" && got.Reason == d.v.foreign:
	case got.Reason == "slow" && d.plan.config.SlowSubscribers == server.Skip:
	case i == 0 && got.Reason == "unknown" && !isNative:
	case i == 0 && got.Reason == "epoch" && isNative && p.epoch != d.epoch:
	case got.Reason == "evicted" && lossy && d.dropped(d.epoch, place{d.epoch, d.last}.entry(), got.At):
	case i == 0 && got.Reason == "ahead" && d.plan.remakes:
	default:
		return fmt.Errorf("there is no reason for that gap: the broker has dropped nothing")
	}
	return nil
}

// position checks an id block without data: up to there the client has all.
func (d *verdict) position(got soak.Receipt) error {
	p, ok := native(got.ID)
	switch {
	case !ok:
		return fmt.Errorf("that is no position")
	case p.seq < d.last:
		return fmt.Errorf("it lies before the stream's position %d", d.last)
	}
	d.last, d.reach = p.seq, max(d.reach, p.seq)
	return nil
}

// event checks that an event is one of the ledger, for this client, and now.
func (d *verdict) event(got soak.Receipt) error {
	p := d.book.find(got.Data)
	switch {
	case p == nil:
		return fmt.Errorf("nobody published that: %q", got.Data)
	case p.sum != got.Sum || p.size != got.Size:
		return fmt.Errorf("its data is not that of %v", p)
	case !d.wants(p.topic):
		return fmt.Errorf("%v is of none of the stream's topics", p)
	case p.own != "" && got.ID != p.own, p.own == "" && got.ID == "":
		return fmt.Errorf("its id is not that of %v", p)
	case d.has(p):
		return fmt.Errorf("TWICE: %v", p)
	case p.start > got.At:
		return fmt.Errorf("%v came before it was published", p)
	case p.ephemeral && p.stored && p.has && p.end < d.v.asked && p.node == d.v.node && (p.key == "" || !d.plan.remakes):
		return fmt.Errorf("%v was replayed by the hub that had published it", p)
	}
	d.got[p] = got.At
	seq := p.at(d.epoch)
	if seq == 0 { // only its own id is known, and nobody saw the rest of its batch
		return nil
	}
	if seq <= d.last {
		return fmt.Errorf("%v comes at the position %d: twice, or out of order", p, d.last)
	}
	d.last, d.reach = seq, max(d.reach, seq)
	return nil
}

// complete says which event was due, and neither came nor was told of as lost.
func (d *verdict) complete() error {
	missing := d.missing(func(p located) bool { return !d.wasTold(p) })
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("LOST: %d events that were due between %d and %d of %s did not come, and no gap says so: first %v at %d, last %v",
		len(missing), d.from, d.reach, d.epoch, missing[0].posting, missing[0].seq, missing[len(missing)-1].posting)
}

// missing returns the events of the stream's topics, up to where it came, that were due, have
// not come, and are as f says.
func (d *verdict) missing(f func(located) bool) (missing []located) {
	for _, pattern := range d.v.topics {
		for _, p := range d.book.between(d.epoch, pattern, d.from, d.reach) {
			if !d.has(p.posting) && d.isDue(p) && f(p) {
				missing = append(missing, p)
			}
		}
	}
	slices.SortFunc(missing, func(a, b located) int { return cmp.Compare(a.seq, b.seq) })
	return slices.CompactFunc(missing, func(a, b located) bool { return a.seq == b.seq })
}

// isDue says whether the stream had a right to p: an ephemeral event only if it was there when
// that was published.
func (d *verdict) isDue(p located) bool { return !p.ephemeral || p.start > d.opened }

func (d *verdict) has(p *posting) bool {
	_, has := d.got[p]
	return has
}

// wasTold says whether a gap tells of p.
func (d *verdict) wasTold(p located) bool {
	return slices.ContainsFunc(d.told, func(e loss) bool {
		return e.tells(p) && (e.reason != "evicted" || d.dropped(d.epoch, p.seq/perEntry, e.at))
	})
}

func (e *loss) tells(p located) bool { return p.seq > e.from && p.start < e.at }
