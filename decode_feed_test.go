package fastsse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unsafe"
)

// An event that is all there is not copied.
func TestAFedDecoderReturnsTheBytesThatItWasFed(t *testing.T) {
	var d Decoder
	for round := range 3 {
		wire := []byte("event: t\ndata: some data\n\ndata: unfin")
		d.Feed(wire)
		if round > 0 { // what was left before is copied: it is in two pieces
			if e, err := d.Next(); err != nil || string(e.Data) != "unfin" {
				t.Fatalf("%+v, %v", e, err)
			}
		}
		e, err := d.Next()
		if err != nil || string(e.Data) != "some data" || unsafe.SliceData(e.Data) != &wire[15] {
			t.Errorf("round %d: %+v, %v; want the bytes that were fed", round, e, err)
		}
		if _, err := d.Next(); err != io.EOF {
			t.Fatal(err)
		}
		clear(wire)
		d.Feed([]byte("\n\n"))
	}
}

func TestFeedLosesNothingThatWasNotRead(t *testing.T) {
	var d Decoder
	var got []string
	for i := range 10 { // two events each time, of which one is read
		d.Feed(fmt.Appendf(nil, "%d\n\ndata: b%d\n\ndata: a", i, i))
		if e, err := d.NextBlock(); err == nil {
			got = append(got, string(e.Data))
		}
	}
	for {
		e, err := d.NextBlock()
		if err != nil {
			break
		}
		got = append(got, string(e.Data))
	}
	if want := "b0 a1 b1 a2 b2 a3 b3 a4 b4 a5 b5 a6 b6 a7 b7 a8 b8 a9 b9"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

// Thousands of Decoders may be fed from one large buffer: each holds its own unfinished
// event, and no more.
func TestAFedDecoderHoldsOnlyWhatIsUnfinished(t *testing.T) {
	var d Decoder
	wire := []byte("ata: x\n\n" + strings.Repeat("data: "+strings.Repeat("x", 100)+"\n\n", 1000) + "d")
	d.Feed([]byte("d"))
	for range 3 {
		for err := error(nil); err == nil; {
			_, err = d.Next()
		}
		if held := cap(d.buf) + cap(d.own) + cap(d.fed); held > 1024 {
			t.Errorf("%d bytes are held of one", held)
		}
		d.Feed(wire)
	}
}

func TestAFedDecoderBoundsEvents(t *testing.T) {
	for _, endless := range []string{"x", "data: x\n", ":c\n", strings.Repeat("x", 50)} {
		d := Decoder{MaxEvent: 4096}
		d.Feed([]byte("data: begun\n"))
		err := io.EOF
		for fed := 0; err == io.EOF; fed += 100 * len(endless) {
			if fed > 10_000 {
				t.Fatalf("%q: %d bytes were taken", endless, fed)
			}
			_, err = d.Next()
			d.Feed([]byte(strings.Repeat(endless, 100)))
		}
		if !errors.Is(err, ErrTooLong) {
			t.Errorf("%q: %v", endless, err)
		}
	}
}

// What follows an event that was too long is not taken for a stream.
func TestAFedDecoderStopsAtAnEventThatIsTooLong(t *testing.T) {
	d := Decoder{MaxEvent: 4096}
	d.Feed([]byte("data: " + strings.Repeat("x", 5000)))
	for i := range 3 {
		raw, b, err := d.NextRaw()
		if want := []int{5006, 0, 0}[i]; len(raw) != want || b != nil || !errors.Is(err, ErrTooLong) {
			t.Errorf("got %d bytes, %+v, %v; want %d", len(raw), b, err, want)
		}
		d.Feed([]byte("\n\ndata: a\n\n"))
	}
	d.Reset(nil)
	d.Feed([]byte("data: a\n\n"))
	if e, err := d.Next(); err != nil || string(e.Data) != "a" {
		t.Errorf("after Reset: %+v, %v", e, err)
	}
}

func TestFeedToADecoderWithAReaderPanics(t *testing.T) {
	defer func() {
		if what := fmt.Sprint(recover()); !strings.Contains(what, "new(fastsse.Decoder)") {
			t.Errorf("panic %q, want one that says what to do", what)
		}
	}()
	NewDecoder(strings.NewReader("")).Feed(nil)
}

// A client that comes back reads a new answer, and knows what it knew.
func TestResetKeepsThePositionAndDropsWhatIsUnfinished(t *testing.T) {
	const broken = "\ufeffid: 1\nretry: 7\ndata: a\n\n:\nid: 2\nevent: t\nretry: 8\ndata: lost\r"
	fed := &Decoder{}
	fed.Feed([]byte(broken))
	for name, d := range map[string]*Decoder{"read": NewDecoder(strings.NewReader(broken)), "fed": fed} {
		for _, want := range []error{nil, io.EOF} {
			if _, err := d.Next(); err != want {
				t.Fatal(err)
			}
		}
		// With a byte order mark again, and without the LF of the CR above.
		const again = "\ufeff\ndata: b\n\n"
		if name == "read" {
			d.Reset(strings.NewReader(again))
		} else {
			d.Reset(nil)
			d.Feed([]byte(again))
		}
		e, err := d.Next()
		if err != nil {
			t.Fatal(err)
		}
		wait, _ := d.Retry()
		if got := fmt.Sprintf("%q %q %q %v %d", e.ID, e.Type, e.Data, wait.Milliseconds(), d.Comments()); got != `"1" "" "b" 8 1` {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestAFedDecoderDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var wire []byte
	for i := range 50 {
		wire = AppendEvent(wire, &Event{ID: fmt.Sprint(i), Type: "t", Data: bytes.Repeat([]byte("some\ndata"), i)})
	}
	var d Decoder
	read := func(b []byte) {
		d.Feed(b)
		for err := error(nil); err != io.EOF; {
			if _, err = d.Next(); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
	}
	allocs := testing.AllocsPerRun(20, func() {
		for b := wire; len(b) > 0; b = b[min(len(b), 99):] { // most end inside a line
			read(b[:min(len(b), 99)])
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for 50 events, want none", allocs)
	}
}
