package fastsse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// received reads all of a stream: what each block was, and how it ended.
func received(r io.Reader, blocks bool) (list []string, err error) {
	d := NewDecoder(r)
	next := d.Next
	if blocks {
		next = d.NextBlock
	}
	for {
		e, err := next()
		if err != nil {
			wait, _ := d.Retry()
			return append(list, fmt.Sprintf("last %q, retry %v", d.LastEventID(), wait)), err
		}
		list = append(list, fmt.Sprintf("%q %q %q", e.ID, e.Type, e.Data))
	}
}

// The wire rules of WHATWG HTML, section 9.2.6, however the bytes arrive.
func TestDecoderFollowsTheWireRules(t *testing.T) {
	for _, tt := range []struct{ wire, want string }{
		{"", `last "", retry 0s`},
		{"data: a\n\n", `"" "" "a"; last "", retry 0s`},
		{"data:a\ndata:  b\n\n", `"" "" "a\n b"; last "", retry 0s`},
		{"data\n\n", `"" "" ""; last "", retry 0s`},
		{"data\ndata\n\n", `"" "" "\n"; last "", retry 0s`},
		{"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", `"" "" "a"; last "", retry 0s`},
		{"data: a\r\r\ndata: b\r\n\r\ndata: c\n\n", `"" "" "a"; "" "" "b"; "" "" "c"; last "", retry 0s`},
		{"event: x\ndata: a\n\ndata: b\n\n", `"" "x" "a"; "" "" "b"; last "", retry 0s`},
		{"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", `"1" "" "a"; "1" "" "b"; "" "" "c"; last "", retry 0s`},
		{"id: 1\n\nid: 2\n", `last "1", retry 0s`},
		{"id: a\x00b\ndata: a\n\n", `"" "" "a"; last "", retry 0s`},
		{"retry: 1500\n\nretry: 1x\n\nretry\n\n", `last "", retry 1.5s`},
		{"retry: 99999999999999999999999\n\n", ``},
		{": hello\n:\n\ndata: a\n: between\ndata: b\n\n", `"" "" "a\nb"; last "", retry 0s`},
		{"Data: a\nfoo: b\nevent: x\n\ndata: c\n\n", `"" "" "c"; last "", retry 0s`},
		{"data: unfinished\nid: 7\n", `last "", retry 0s`},
		{"event: x\nevent\ndata: a\n\n", `"" "" "a"; last "", retry 0s`},
		{":" + strings.Repeat("c", 10_000) + "\ndata: " + strings.Repeat("d", 100_000) + "\n\ndata: e\n\n", ``},
	} {
		for name, r := range map[string]io.Reader{
			"at once":      strings.NewReader(tt.wire),
			"byte by byte": iotest.OneByteReader(strings.NewReader(tt.wire)),
			"half by half": iotest.HalfReader(strings.NewReader(tt.wire)),
			"with its end": iotest.DataErrReader(strings.NewReader(tt.wire)),
		} {
			got, err := received(r, false)
			if err != io.EOF {
				t.Errorf("%.40q %s: %v", tt.wire, name, err)
			}
			if joined := strings.Join(got, "; "); tt.want != "" && joined != tt.want {
				t.Errorf("%.40q %s: %s, want %s", tt.wire, name, joined, tt.want)
			}
		}
	}
}

func TestDecoderTellsOfBlocksWithoutData(t *testing.T) {
	got, _ := received(strings.NewReader(": c\n\nid: 1\n\nretry: 5\n\n\n\nevent: x\n\ndata: a\n\n"), true)
	want := `"1" "" ""; "1" "" ""; "1" "x" ""; "1" "" "a"; last "1", retry 5ms`
	if joined := strings.Join(got, "; "); joined != want {
		t.Errorf("got %s, want %s", joined, want)
	}
}

// An event arrives with its blank line: nothing after it is waited for.
func TestDecoderDoesNotWaitForMore(t *testing.T) {
	for _, end := range []string{"\n\n", "\r\r", "\r\n\r", "\r\n\n"} {
		r, w := io.Pipe()
		go func() { _, _ = w.Write([]byte("data: a" + end)) }()
		d := NewDecoder(r)
		done := make(chan error, 1)
		go func() {
			_, err := d.Next()
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%q: %v", end, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%q: the event does not arrive", end)
		}
		w.Close()
	}
}

func TestDecoderBoundsEvents(t *testing.T) {
	for _, wire := range []string{
		"data: " + strings.Repeat("x", 5000),
		strings.Repeat("data: x\n", 700),
		":" + strings.Repeat("x", 5000),
	} {
		d := NewDecoder(strings.NewReader("data: first\n\n" + wire))
		d.MaxEvent = 4096
		if e, err := d.Next(); err != nil || string(e.Data) != "first" {
			t.Fatalf("%q, %v", e.Data, err)
		}
		for range 2 {
			if _, err := d.Next(); !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), "4096") {
				t.Errorf("%.20q: %v, want an error that names the bound", wire, err)
			}
		}
	}
	// Servers send lines that count for the event to come, and then heartbeats for days.
	for _, opening := range []string{"", "retry: 1\n", "id: 5\nretry: 1\n", "id: 6\n: .\nid: 5\n"} {
		quiet := opening + strings.Repeat(": heartbeat\n", 10_000)
		for _, rest := range []string{"data: a\n\n", "event: \n: .\ndata: a\n: .\n\n"} {
			read := NewDecoder(strings.NewReader("id: 5\ndata: b\n\n" + quiet + rest))
			fed := &Decoder{}
			fed.Feed([]byte("id: 5\ndata: b\n\n" + quiet + rest))
			inLines := NewDecoder(iotest.OneByteReader(strings.NewReader("id: 5\ndata: b\n\n" + quiet + rest)))
			for _, d := range []*Decoder{read, fed, inLines} {
				d.MaxEvent = 4096
				if e, err := d.Next(); err != nil || string(e.Data) != "b" {
					t.Fatalf("%+v, %v", e, err)
				}
				if e, err := d.Next(); err != nil || string(e.Data) != "a" || string(e.ID) != "5" || d.LastEventID() != "5" || e.HasRetry != strings.Contains(opening, "retry") {
					t.Errorf("%q and many heartbeats: %+v, %v", opening, e, err)
				}
				if n := cap(d.buf); d != fed && n > 2*4096 {
					t.Errorf("%q: %d bytes are held", opening, n)
				}
			}
		}
	}
}

// What a block without a blank line says is not taken when the stream ends.
func TestALineBeforeHeartbeatsIsDroppedWithItsBlock(t *testing.T) {
	d := NewDecoder(strings.NewReader("id: 1\n\nid: 2\n: .\n: .\n"))
	if _, err := d.Next(); err != io.EOF || d.LastEventID() != "1" {
		t.Errorf("%v, last event ID %q", err, d.LastEventID())
	}
}

func TestDecoderDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var wire []byte
	for i := range 50 {
		wire = AppendEvent(wire, &Event{ID: fmt.Sprint(i), Type: "t", Data: []byte("some\ndata")})
	}
	r := bytes.NewReader(wire)
	d := NewDecoder(r)
	allocs := testing.AllocsPerRun(20, func() {
		r.Reset(wire)
		for range 50 {
			if _, err := d.Next(); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for 50 events, want none", allocs)
	}
}

// A server may ask its clients to come back at once: that is not the same as to have
// asked for nothing.
func TestRetryTellsZeroFromNone(t *testing.T) {
	for wire, want := range map[string]bool{"data: a\n\n": false, "retry: x\n\n": false, "retry: 0\n\n": true} {
		d := NewDecoder(strings.NewReader(wire))
		b, err := d.NextBlock()
		if wait, set := d.Retry(); wait != 0 || set != want || b.HasRetry != want || err != nil {
			t.Errorf("%q: %v, %v, %+v, %v; want set: %v", wire, wait, set, b, err, want)
		}
	}
}

func TestDecoderCountsComments(t *testing.T) {
	d := NewDecoder(strings.NewReader(":\n: a\n\ndata: a\n:b\r\rdata: b\n: c\n: unfinished"))
	for _, want := range []int{3, 4} {
		_, err := d.Next()
		if d.Comments() != want {
			t.Errorf("%d comments, %v; want %d", d.Comments(), err, want)
		}
	}
}

// NextRaw loses no byte of a stream, and none comes twice.
func TestNextRawReturnsTheStreamAsItCame(t *testing.T) {
	const wire = "\xef\xbb\xbfdata: a\r\n\r\n:\n\n\n: data: x\r\rid: 7\n: b\n\nevent: e\ndata: c\nfoo\n\ndata: left"
	d := NewDecoder(strings.NewReader(wire))
	for _, want := range []string{
		`"\ufeffdata: a\r\n\r\n": "" "" "a" true <nil>`, `":\n\n": "" "" "" false <nil>`, `"\n": "" "" "" false <nil>`,
		`": data: x\r\r": "" "" "" false <nil>`, `"id: 7\n: b\n\n": "7" "" "" false <nil>`,
		`"event: e\ndata: c\nfoo\n\n": "7" "e" "c" true <nil>`, `"data: left": "" "" "" false EOF`, `"": "" "" "" false EOF`,
	} {
		raw, b, err := d.NextRaw()
		if b == nil {
			b = &Received{}
		}
		if got := fmt.Sprintf("%q: %q %q %q %v %v", raw, b.ID, b.Type, b.Data, b.HasData, err); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// BenchmarkDecoder is an event read from memory. What would make it lie: the bytes are
// in the cache, and come in reads of the buffer's size.
func BenchmarkDecoder(b *testing.B) {
	var wire []byte
	for range 100 {
		wire = AppendEvent(wire, &Event{ID: "k3v9x2ab-104857", Type: "score", Data: bytes.Repeat([]byte("x"), 100)})
	}
	r := bytes.NewReader(wire)
	d := NewDecoder(r)
	b.SetBytes(int64(len(wire) / 100))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%100 == 0 {
			r.Reset(wire)
		}
		if _, err := d.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
