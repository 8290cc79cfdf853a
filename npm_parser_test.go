package fastsse

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// The Decoder against npm's eventsource-parser, which others wrote and most clients of
// node use. It departs from the standard, or from what a Decoder tells, in these ways and
// no others:
//
//   - a byte order mark is dropped by who decodes UTF-8 for it: here before it is asked;
//   - it holds a line that ends in CR at the end of a piece until another line end comes, and an
//     event with it: it is given such a piece together with the next one, and at the end of a
//     stream an LF more, which belongs to that line end;
//   - an event has its own id or none, where a Decoder's has the last one; the ids of blocks
//     without data it does not tell;
//   - it does not tell of blocks without data otherwise either, but of their reconnection times;
//   - a reconnection time has no bound: it may be 1e+26 ms, or Infinity.
//
// Bytes that are not UTF-8 are no difference: see testdata/eventsource-parser.mjs.

// npmStream is a stream as it is given to both.
type npmStream struct {
	wire   []byte
	pieces [][]byte
}

// asked returns the pieces that the parser is given.
func (s npmStream) asked() (list [][]byte) {
	mark := 0
	if bytes.HasPrefix(s.wire, []byte("\xef\xbb\xbf")) {
		mark = 3
	}
	var held []byte
	for _, piece := range s.pieces {
		n := min(mark, len(piece))
		mark -= n
		held = append(held, piece[n:]...)
		if !bytes.HasSuffix(held, []byte("\r")) {
			list, held = append(list, held), nil
		}
	}
	if len(held) > 0 {
		list = append(list, append(held, '\n'))
	}
	return list
}

// npmSaid is what the parser has said of a stream.
type npmSaid struct {
	Events   []npmEvent
	Retry    json.Number
	Comments int
}

type npmEvent struct {
	ID         *string
	Type, Data string
	Retry      json.Number // the last until then
	Comments   int         // until then
}

func (e *npmEvent) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.ID, &e.Type, &e.Data, &e.Retry, &e.Comments})
}

// npmParser is a process of node.
type npmParser struct {
	to   io.Writer
	from *bufio.Reader
}

func newNPMParser(t testing.TB) *npmParser {
	t.Helper()
	cmd := nodeCommand(t, "eventsource-parser.mjs")
	to, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		to.Close()
		_ = cmd.Wait()
	})
	return &npmParser{to, bufio.NewReader(from)}
}

// ask is what the parser says of each stream.
func (p *npmParser) ask(t testing.TB, streams []npmStream) (said []npmSaid) {
	t.Helper()
	question := make([]byte, 4)
	for _, s := range streams {
		pieces := s.asked()
		question = binary.BigEndian.AppendUint32(question, uint32(len(pieces)))
		for _, piece := range pieces {
			question = append(binary.BigEndian.AppendUint32(question, uint32(len(piece))), piece...)
		}
	}
	binary.BigEndian.PutUint32(question, uint32(len(question)-4))
	if _, err := p.to.Write(question); err != nil {
		t.Fatal(err)
	}
	var length [4]byte
	_, err := io.ReadFull(p.from, length[:])
	answer := make([]byte, binary.BigEndian.Uint32(length[:]))
	if err == nil {
		_, err = io.ReadFull(p.from, answer)
	}
	if err == nil {
		err = json.Unmarshal(answer, &said)
	}
	if err != nil || len(said) != len(streams) {
		t.Fatalf("%d answers to %d questions, %v", len(said), len(streams), err)
	}
	return said
}

// same holds a Decoder against what the parser has said of a stream.
func (said npmSaid) same(s npmStream) error {
	d := NewDecoder(readPieces(s.pieces))
	last, events := "", said.Events
	for {
		b, err := d.NextBlock()
		if err != nil {
			break
		}
		id := latin1(b.ID)
		if b.HasData {
			if len(events) == 0 {
				return fmt.Errorf("event %q %q %q, of which it knows nothing", b.ID, b.Type, b.Data)
			}
			if err := events[0].same(d, b, id, last); err != nil {
				return err
			}
			events = events[1:]
		}
		last = id
	}
	if len(events) > 0 {
		return fmt.Errorf("%d events less, the next is %+v", len(events), events[0])
	}
	return sameTotals(d, said.Retry, said.Comments)
}

func (e npmEvent) same(d *Decoder, b *Received, id, last string) error {
	if e.ID != nil {
		last = *e.ID
	}
	if id != last || latin1(b.Type) != e.Type || latin1(b.Data) != e.Data {
		return fmt.Errorf("event %q %q %q; it has %q %q %q", id, b.Type, b.Data, last, e.Type, e.Data)
	}
	return sameTotals(d, e.Retry, e.Comments)
}

func sameTotals(d *Decoder, retry json.Number, comments int) error {
	wait, set := d.Retry()
	ms, _ := retry.Float64()
	const most = float64(1<<63/10_000_000 - 1)
	if set != (retry != "") || float64(wait.Milliseconds()) != min(ms, most) || d.Comments() != comments {
		return fmt.Errorf("retry %v (%v), %d comments; it has %q, %d", wait, set, d.Comments(), retry, comments)
	}
	return nil
}

// latin1 is b as a text of one character per byte.
func latin1(b []byte) string {
	text := make([]rune, len(b))
	for i, c := range b {
		text[i] = rune(c)
	}
	return string(text)
}

// cutAt is wire in pieces of the sizes that cuts says, and the rest.
func cutAt(wire, cuts []byte) (pieces [][]byte) {
	for _, c := range cuts {
		n := 1 + int(c)
		if c >= 200 {
			n = int(c-199) * 100
		}
		if n >= len(wire) {
			break
		}
		pieces, wire = append(pieces, wire[:n]), wire[n:]
	}
	return append(pieces, wire)
}

// FuzzDecoderIsEventsourceParser needs node and the package: see npm_test.go.
func FuzzDecoderIsEventsourceParser(f *testing.F) {
	parser := newNPMParser(f)
	for _, wire := range streams {
		f.Add([]byte(wire), []byte{0, 3, 6})
	}
	f.Add([]byte("retry: "+strings.Repeat("9", 400)+"\n\n"), []byte{100})
	f.Fuzz(func(t *testing.T, wire, cuts []byte) {
		s := npmStream{wire, cutAt(wire, cuts)}
		if err := parser.ask(t, []npmStream{s})[0].same(s); err != nil {
			t.Errorf("%q in %q: %v", wire, s.pieces, err)
		}
	})
}

var npmFor = flag.Duration("npm", time.Second, "how long TestDecoderIsEventsourceParser draws streams")

// Streams that are drawn from what means something in one.
func TestDecoderIsEventsourceParser(t *testing.T) {
	parser := newNPMParser(t)
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	count, events := 0, 0
	for until := time.Now().Add(*npmFor); time.Now().Before(until); {
		batch := make([]npmStream, 200)
		for i := range batch {
			wire := drawStream(rng)
			batch[i] = npmStream{wire, cutAt(wire, drawCuts(rng))}
		}
		for i, said := range parser.ask(t, batch) {
			if err := said.same(batch[i]); err != nil {
				t.Fatalf("%q in %q: %v", batch[i].wire, batch[i].pieces, err)
			}
			count, events = count+1, events+len(said.Events)
		}
	}
	t.Logf("seed %d: %d streams of %d events", seed, count, events)
	if events < count/10 {
		t.Errorf("%d events in %d streams: too few to say anything", events, count)
	}
}

var fragments = []string{
	"\n", "\n", "\n", "\n\n", "\n\n", "\r", "\r\r", "\r\n", "\r\n\r\n", "data", "data:", "data: ", "data: ", "data: ", "id", "id:", "id: ",
	"event", "event:", "event: ", "retry", "retry:", "retry: ", ":", ": ", ":\n", " ", "  ", "0", "10", "1500", "99999999999999999999",
	"a", "b c", "x:y", "é", "\u2028", "\u0085", "\ufeff", "\xef\xbb", "\xff", "\xe2\x82", "\x00", "\t", "Data", "d", "dat", "da", "i", "e", "\v", "\x1f",
}

func drawStream(rng *rand.Rand) (wire []byte) {
	if rng.IntN(10) == 0 {
		wire = append(wire, "\ufeff"...)
	}
	for range 1 + rng.IntN(60) {
		switch rng.IntN(60) {
		case 0:
			wire = append(wire, byte(rng.IntN(256)))
		case 1:
			wire = append(wire, bytes.Repeat([]byte{'x'}, 1<<rng.IntN(14))...)
		case 2, 3, 4, 5, 6, 7, 8, 9:
			wire = append(wire, drawLine(rng)...)
		default:
			wire = append(wire, fragments[rng.IntN(len(fragments))]...)
		}
	}
	return wire
}

// drawLine is a field as servers write it, and now and then the end of its event.
func drawLine(rng *rand.Rand) (line []byte) {
	end := fragments[rng.IntN(9)]
	for range 1 + rng.IntN(3) {
		name := []string{"data: ", "data:", "data", "id: ", "event: ", "retry: ", ": "}[rng.IntN(7)]
		line = fmt.Appendf(line, "%s%d%s", name, rng.IntN(100), end)
	}
	if rng.IntN(2) == 0 {
		line = append(line, end...)
	}
	return line
}

func drawCuts(rng *rand.Rand) []byte {
	cuts := make([]byte, rng.IntN(1+rng.IntN(60)))
	most := 1 + rng.IntN(256)
	for i := range cuts {
		cuts[i] = byte(rng.IntN(most))
	}
	return cuts
}
