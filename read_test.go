package fastsse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// readAll reads all of a stream, and the error that has ended it.
func readAll(r io.Reader) (list []Event, last error) {
	for e, err := range Read(r) {
		if err != nil {
			last = err
			continue
		}
		list = append(list, e)
	}
	return list, last
}

func TestReadYieldsWhatAnEventSourceWouldDispatch(t *testing.T) {
	for _, wire := range streams {
		want := readBySpec(wire)
		for _, r := range []io.Reader{strings.NewReader(wire), iotest.OneByteReader(strings.NewReader(wire))} {
			list, err := readAll(r)
			var got []specEvent
			for _, e := range list {
				got = append(got, specEvent{e.ID, cmpType(e.Type), string(e.Data)})
			}
			if err != nil || !slices.Equal(got, want.Events) {
				t.Errorf("%q: %+v, %v; want %+v", wire, got, err, want.Events)
			}
		}
	}
}

// cmpType is the type under which a browser dispatches.
func cmpType(of string) string {
	if of == "" {
		return "message"
	}
	return of
}

// What a caller does with an event changes no other, and no later one changes it.
func TestEventsOfReadAreTheCallersOwn(t *testing.T) {
	var wire []byte
	for i := range 1000 {
		wire = AppendEvent(wire, &Event{ID: fmt.Sprint("id-", i/2), Type: fmt.Sprint("type-", i/3), Data: fmt.Append(nil, "data ", i, "\nof several lines")})
	}
	var list []Event
	for e, err := range Read(iotest.HalfReader(bytes.NewReader(wire))) {
		if err != nil {
			t.Fatal(err)
		}
		e.Data = append(e.Data, " and more"...)
		e.Data[0] = 'D'
		list = append(list, e)
	}
	clear(wire)
	for i, e := range list {
		got := fmt.Sprintf("%s %s %s", e.ID, e.Type, e.Data)
		if want := fmt.Sprintf("id-%d type-%d Data %d\nof several lines and more", i/2, i/3, i); got != want {
			t.Fatalf("event %d is %q, want %q", i, got, want)
		}
	}
	if len(list) != 1000 {
		t.Errorf("%d events, want 1000", len(list))
	}
}

func TestReadYieldsTheErrorOfItsReaderLast(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		r    io.Reader
		want error
	}{
		{strings.NewReader("data: a\n\nid: 7\ndata: lost"), nil},
		{io.MultiReader(strings.NewReader("data: a\n\ndata: lost"), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		{io.MultiReader(strings.NewReader("data: a\n\n"), iotest.ErrReader(broken)), broken},
		{io.MultiReader(strings.NewReader("data: a\n\n:"), endless{}), ErrTooLong},
	} {
		list, err := readAll(tt.r)
		if len(list) != 1 || string(list[0].Data) != "a" || !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%+v, %v; want one event and %v", list, err, tt.want)
		}
	}
}

type endless struct{}

func (endless) Read(to []byte) (int, error) {
	for i := range to {
		to[i] = 'x'
	}
	return len(to), nil
}

// counted counts the calls of Read.
type counted struct {
	io.Reader
	reads int
}

func (c *counted) Read(to []byte) (int, error) {
	c.reads++
	return c.Reader.Read(to)
}

func TestALoopThatIsLeftReadsNoFurther(t *testing.T) {
	r := &counted{Reader: io.MultiReader(strings.NewReader("data: a\n\ndata: b\n\n"), strings.NewReader("data: c\n\n"))}
	events := Read(r)
	for i, want := range []string{"a", "b", "c"} {
		for e, err := range events {
			if err != nil || string(e.Data) != want {
				t.Fatalf("%q, %v; want %q", e.Data, err, want)
			}
			break
		}
		if reads := []int{1, 1, 2}[i]; r.reads != reads {
			t.Errorf("after %q it has read %d times, want %d", want, r.reads, reads)
		}
	}
	for e, err := range events {
		t.Errorf("after the last event: %+v, %v", e, err)
	}
}

func TestRetryOfReadIsThatOfTheEventsBlock(t *testing.T) {
	list, err := readAll(strings.NewReader("retry: 1\n\ndata: a\n\nretry: 2\ndata: b\n\nretry: 0\ndata: c\n\nretry: x\ndata: d\n\n"))
	var got []time.Duration
	for _, e := range list {
		got = append(got, e.Retry/time.Millisecond)
	}
	if err != nil || !slices.Equal(got, []time.Duration{0, 2, 0, 0}) {
		t.Errorf("%v ms, %v", got, err)
	}
}

// One allocation for the data of an event, and one for an ID or a type that is another
// than before.
func TestReadAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var wire []byte
	for i := range 1000 {
		wire = AppendEvent(wire, &Event{ID: fmt.Sprint("id-", i), Type: "delta", Data: []byte("some\ndata")})
	}
	r := bytes.NewReader(wire)
	allocs := testing.AllocsPerRun(5, func() {
		r.Reset(wire)
		for _, err := range Read(r) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs > 2*1000+20 {
		t.Errorf("%v allocations for 1000 events, want two for each", allocs)
	}
}
