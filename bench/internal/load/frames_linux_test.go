package load

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Whatever streams are sent, and however it is cut up, comparing with frames counts what
// decoding all of it counts, at the same times, and leaves the clients with the same last event id
// and reconnection time.
func TestFramesCountWhatDecodingCounts(t *testing.T) {
	compared := 0
	for seed := range uint64(200) {
		by, letter := newFanOut(seed), newFanOut(seed)
		letter.meter.frames = nil
		by.run(t)
		letter.run(t)
		by.same(t, letter)
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
		if by.compared() {
			compared++
		}
	}
	if compared < 80 {
		t.Errorf("in %d of 200 runs half of the events were compared; want 80", compared)
	}
}

// fanOut is a meter, and what its streams are sent. Of two with the same seed, all is the same.
type fanOut struct {
	rng       *rand.Rand
	swarm     *Swarm
	meter     *meter
	published []string // blocks, in the order in which streams get them, if nothing goes wrong
	streams   []*fanStream
	wrong     float64 // the share of blocks with which something is done
	lines     string  // what ends a line
	split     bool    // chunks end anywhere
	batch     int     // blocks in a chunk; 0: there are no chunks
	clock     time.Duration
	errs      []error
}

// fanStream is a stream, and what is still to come.
type fanStream struct {
	rawStream
	blocks []string
	wire   []byte
}

func newFanOut(seed uint64) *fanOut {
	rng := rand.New(rand.NewPCG(seed, 7))
	f := &fanOut{
		rng: rng, wrong: []float64{0, 0.002, 0.05}[rng.IntN(3)], split: rng.IntN(4) == 0, batch: rng.IntN(4),
		lines: []string{"\n", "\n", "\n", "\r\n", "\r"}[rng.IntN(5)], clock: time.Hour,
		swarm: &Swarm{total: newInterval()},
	}
	lanes := 1 + rng.IntN(3)
	for range lanes {
		f.swarm.spreads = append(f.swarm.spreads, newSpread(1))
	}
	one, _ := newForm(http.MethodGet, "http://127.0.0.1/", http.Header{}, "", "Accept", "text/event-stream") // for errors
	f.swarm.forms = []*form{one}
	f.meter = newMeter(f.swarm)
	f.swarm.meters = []*meter{f.meter}
	f.publish(lanes)
	n := 2 + rng.IntN(20)
	for range n {
		f.open()
	}
	f.expect(lanes)
	return f
}

// expect has most streams open when publishing begins. The others are late.
func (f *fanOut) expect(lanes int) {
	for _, st := range f.streams {
		if st.index%7 != 6 {
			st.phase = open
			f.swarm.streams = append(f.swarm.streams, &st.stream)
		}
	}
	for lane := range lanes {
		f.swarm.Expect(lane)
	}
	for _, st := range f.swarm.streams {
		st.phase = connecting
	}
}

// publish makes events of some lanes.
func (f *fanOut) publish(lanes int) {
	next := make([]uint64, lanes)
	ids, retries, wrapped := f.rng.IntN(3), f.rng.IntN(4) == 0, f.rng.IntN(3) == 0
	for range 100 + f.rng.IntN(300) {
		lane := f.rng.IntN(lanes)
		next[lane]++
		data := string(AppendPayload(nil, lane, next[lane], f.clock-time.Duration(f.rng.IntN(1e9)), f.rng.IntN(200)))
		if wrapped {
			data = `{"text":"` + data + `"}`
		}
		block := "data: " + data + "\n\n"
		if f.rng.IntN(20) == 0 {
			block = ": said to all\n" + block
		}
		if retries || f.rng.IntN(40) == 0 {
			block = fmt.Sprintf("retry: %d\n", 1000+f.rng.IntN(2)) + block
		}
		if f.rng.IntN(30) == 0 {
			block = "event: gap\nidentity: x\n" + block
		}
		if ids > 0 && f.rng.IntN(ids) == 0 {
			block = []string{"id: " + fmt.Sprint(len(f.published)) + "\n", "id\n", "id: a\x00b\n", "id:\n", "id:x\n"}[max(f.rng.IntN(30)-25, 0)] + block
		}
		f.published = append(f.published, f.ends(block))
	}
}

// ends gives a block the run's line ends.
func (f *fanOut) ends(block string) string { return strings.ReplaceAll(block, "\n", f.lines) }

// open opens a stream, which is sent what was published, more or less.
func (f *fanOut) open() {
	st := &fanStream{blocks: slices.Clone(f.published)}
	st.meter, st.index = f.meter, len(f.streams)
	f.streams = append(f.streams, st)
	for i := 0; i < len(st.blocks); i++ {
		if f.rng.Float64() < f.wrong {
			st.blocks = f.spoil(st.blocks, i)
		}
	}
	if f.rng.IntN(4) == 0 {
		st.journal = &journal{Watching: Watching{Before: 50, Excuses: f.rng.IntN(2) == 0}, retry: -1}
	}
	f.connect(st)
}

// spoil does something with block i, or before it.
func (f *fanOut) spoil(blocks []string, i int) []string {
	insert := func(block string) []string { return slices.Insert(blocks, i, f.ends(block)) }
	switch f.rng.IntN(9) {
	case 0:
		return slices.Delete(blocks, i, i+1)
	case 1:
		return slices.Insert(blocks, i, blocks[i])
	case 2:
		j := f.rng.IntN(len(blocks))
		blocks[i], blocks[j] = blocks[j], blocks[i]
		return blocks
	case 3:
		return insert(":\n\n")
	case 4:
		return insert(": heartbeat\n")
	case 5:
		return insert("retry: 70\n\n")
	case 6:
		return insert("id: lonely\n\n")
	case 7:
		return insert([]string{"data: of others\n\n", "event: gap\ndata\n\n", "\n", "\ufeff"}[f.rng.IntN(4)])
	}
	return insert("the end")
}

// connect begins an answer, as a browser's stream does that comes again.
func (f *fanOut) connect(st *fanStream) {
	st.connects()
	f.meter.begins(&st.stream, f.clock)
	st.ans, st.wire = answer{}, []byte(head)
	if f.batch > 0 {
		st.wire = []byte(chunkedHead)
	}
	if f.rng.IntN(5) == 0 {
		st.wire = f.chunk(st.wire, "\ufeff")
	}
}

// chunk adds part of a body to what is on its way.
func (f *fanOut) chunk(wire []byte, part string) []byte {
	if f.batch == 0 {
		return append(wire, part...)
	}
	for len(part) > 0 {
		n := len(part)
		if f.split {
			n = 1 + f.rng.IntN(n)
		}
		wire, part = fmt.Appendf(wire, "%x\r\n%s\r\n", n, part[:n]), part[n:]
	}
	return wire
}

// run sends all streams what they are sent, at different speeds.
func (f *fanOut) run(t *testing.T) {
	for left := slices.Clone(f.streams); len(left) > 0; {
		i := f.rng.IntN(len(left))
		f.send(left[i])
		f.clock += time.Duration(f.rng.IntN(1e6))
		n := min(1+f.rng.IntN(2000), len(left[i].wire))
		b := slices.Clone(left[i].wire[:n])
		left[i].wire = left[i].wire[n:]
		f.read(left[i], b)
		if len(left[i].wire) == 0 && len(left[i].blocks) == 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
}

// send adds a few blocks to what is on its way to a stream.
func (f *fanOut) send(st *fanStream) {
	for range f.rng.IntN(4) {
		n := min(max(f.batch, 1), len(st.blocks))
		st.wire = f.chunk(st.wire, strings.Join(st.blocks[:n], ""))
		st.blocks = st.blocks[n:]
	}
}

// read reads b, up to the middle of a block if the stream then ends.
func (f *fanOut) read(st *fanStream, b []byte) {
	if len(b) == 0 {
		return
	}
	err := (&epollReader{meter: f.meter}).takes(&st.rawStream, b, f.clock)
	if err == nil && f.rng.Float64() < f.wrong {
		err = st.ans.end()
	}
	if err != nil {
		f.errs = append(f.errs, err)
		f.meter.breaks(&st.stream, err, f.clock)
		f.connect(st)
	}
}

// compared reports whether half of the events were compared.
func (f *fanOut) compared() bool { return f.meter.frames.decoded*2 < f.meter.delivered }

// same fails unless both have counted the same.
func (f *fanOut) same(t *testing.T, other *fanOut) {
	t.Helper()
	for i, st := range f.streams {
		a, b := &st.stream, &other.streams[i].stream
		a.catchUp()
		if id, want := a.dec.LastEventID(), b.dec.LastEventID(); id != want || a.retry() != b.retry() {
			t.Errorf("stream %d: last event id %q, retry %v; want %q, %v", i, id, a.retry(), want, b.retry())
		}
		if !reflect.DeepEqual(a.tallies, b.tallies) || !reflect.DeepEqual(a.journal, b.journal) {
			t.Errorf("stream %d: %+v, %+v; want %+v, %+v", i, a.tallies, a.journal, b.tallies, b.journal)
		}
	}
	if !reflect.DeepEqual(f.errs, other.errs) || f.meter.lastEvent != other.meter.lastEvent || f.meter.delivered != other.meter.delivered {
		t.Errorf("%d delivered until %v, %v; want %d, %v, %v", f.meter.delivered, f.meter.lastEvent, f.errs, other.meter.delivered, other.meter.lastEvent, other.errs)
	}
	got, want := total(f.swarm), total(other.swarm)
	sameHistogram(t, "opening", got.Opening, want.Opening)
	got.Opening, want.Opening = nil, nil
	for lane := range want.Lanes {
		sameHistogram(t, "latency", got.Lanes[lane].Latency, want.Lanes[lane].Latency)
		got.Lanes[lane].Latency, want.Lanes[lane].Latency = nil, nil
		a, b := f.swarm.Spread(lane), other.swarm.Spread(lane)
		sameHistogram(t, "first reader", a.First, b.First)
		sameHistogram(t, "median reader", a.Median, b.Median)
		sameHistogram(t, "reader at 99%", a.P99, b.P99)
		sameHistogram(t, "last reader", a.Last, b.Last)
	}
	if !reflect.DeepEqual(got.Lanes, want.Lanes) || got.Other != want.Other || got.Ended != want.Ended || got.Reconnected != want.Reconnected {
		t.Errorf("%+v; want %+v", got, want)
	}
}

func sameHistogram(t *testing.T, name string, got, want *hdrhistogram.Histogram) {
	t.Helper()
	if !got.Equals(want) {
		t.Errorf("%s: %v; want %v", name, got.CumulativeDistribution(), want.CumulativeDistribution())
	}
}

// Where each stream is sent events of its own, few are remembered, and as soon as one is met
// again, all are.
func TestFramesAreNotRememberedInVain(t *testing.T) {
	m := newMeter(&Swarm{spreads: []*spread{newSpread(1)}})
	m.open = 2
	send := func(st *stream, id int, seq uint64) {
		if err := m.reads(st, fmt.Appendf(nil, "id: %d\ndata: %s\n\n", id, AppendPayload(nil, 0, seq, 0, 0)), 0); err != nil {
			t.Fatal(err)
		}
	}
	one, other := &stream{meter: m}, &stream{meter: m}
	for seq := range uint64(5000) {
		send(one, 1, seq+1)
		send(other, 2, seq+1)
	}
	if m.frames.decoded != 10_000 || m.frames.vain > 2000 {
		t.Errorf("%d events were decoded and %d remembered; want 10,000, and less than 2,000", m.frames.decoded, m.frames.vain)
	}
	for seq := range uint64(5000) {
		send(one, 1, seq+5001)
		send(other, 1, seq+5001)
	}
	if n := m.frames.decoded; n > 15_100 {
		t.Errorf("%d events were decoded, want 15,000 and a few", n)
	}
}

// What the second of two streams is sent looks like what the first was sent, and is not the
// same to it.
func TestFramesThatLookAlike(t *testing.T) {
	block := "data: " + string(AppendPayload(nil, 0, 1, 0, 0)) + "\n\n"
	for name, c := range map[string]struct{ first, second, id string }{
		"a mark that comes too late": {":\n\n" + block, block + "\ufeff" + strings.Replace(block, " 1 ", " 2 ", 1), ""},
		"a byte order mark":          {"\ufeff" + block, ":\n\n\ufeff" + block, ""},
		"an id with a NUL":           {"id: a\n\nid: x\x00\n" + block, "id: b\n\nid: x\x00\n" + block, "b"},
		"an id, and one that is not": {"id: a\n\nidentity\n" + block, "id: b\n\nidentity\n" + block, "b"},
		"the same id":                {"id: a\n\nid: a\n" + block, "id: b\n\nid: a\n" + block, "a"},
		"no id any more":             {":\n\nid\n" + block, "id: b\n\nid\n" + block, ""},
	} {
		var delivered [2]uint64
		for i := range delivered {
			m := newMeter(&Swarm{spreads: []*spread{newSpread(1)}})
			m.open = 2
			if i == 0 {
				m.frames = nil
			}
			var st *stream
			for _, wire := range []string{c.first, c.second} {
				st = &stream{meter: m}
				if err := m.reads(st, []byte(wire), 0); err != nil {
					t.Fatal(err)
				}
			}
			st.catchUp()
			if id := st.dec.LastEventID(); id != c.id {
				t.Errorf("%s: the last event id is %q, want %q", name, id, c.id)
			}
			delivered[i] = m.delivered
		}
		if delivered[0] != delivered[1] {
			t.Errorf("%s: counted %d; want %d", name, delivered[1], delivered[0])
		}
	}
}
