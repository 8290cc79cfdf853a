package fault

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBlocksEndWithABlankLine(t *testing.T) {
	for _, c := range []struct {
		stream string
		blocks []string // as blocksOf has them
	}{
		{"", nil},
		{"data: a\n\n", []string{"+data: a\n\n"}},
		{"data: a\n\ndata\n\n", []string{"+data: a\n\n", "+data\n\n"}},
		{"data: a\r\n\r\nid: 1\r\ndata: b\r\n\r\n", []string{"+data: a\r\n\r\n", "+id: 1\r\ndata: b\r\n\r\n"}},
		{"data: a\r\rdata: b\r\r", []string{"+data: a\r\r", "+data: b\r\r"}},
		{"data: a\n\r\ndata: b\r\n\n", []string{"+data: a\n\r\n", "+data: b\r\n\n"}},
		{"\xef\xbb\xbfdata: a\n\n", []string{"+\xef\xbb\xbfdata: a\n\n"}},
		{":\n\n: data: x\n\n", []string{"-:\n\n", "-: data: x\n\n"}},
		{"id: 7\n\nretry: 10\n\nevent: data\n\n", []string{"-id: 7\n\n", "-retry: 10\n\n", "-event: data\n\n"}},
		{"database: x\n\n data: x\n\n", []string{"-database: x\n\n", "- data: x\n\n"}},
		{"\n\n\ndata:\n\n", []string{"-\n", "-\n", "-\n", "+data:\n\n"}},
		{"data: a\n\ndata: left", []string{"+data: a\n\n", "-data: left"}},
		{"data: a\n", []string{"-data: a\n"}},
	} {
		if got := blocksOf(t, strings.NewReader(c.stream)); !slices.Equal(got, c.blocks) {
			t.Errorf("%q: blocks %q; want %q", c.stream, got, c.blocks)
		}
	}
}

// However a stream is divided into reads, its events are the same and none of its
// bytes is lost. Only an LF may have come to the next block.
func TestBlocksWhateverTheReads(t *testing.T) {
	stream := "data: a\r\n\r\n:\r\n\r\nid: 1\r\rdata: b\rdata: c\r\rdata: d\n\ndata: e\r\n\r\n"
	whole := blocksOf(t, strings.NewReader(stream))
	bytewise := blocksOf(t, iotest.OneByteReader(strings.NewReader(stream)))
	if events(whole) != 4 || events(bytewise) != 4 {
		t.Errorf("%d events at once, %d byte by byte; want 4", events(whole), events(bytewise))
	}
	if joined(bytewise) != stream {
		t.Errorf("byte by byte: %q; want %q", joined(bytewise), stream)
	}
}

// A block that ends with a CR is returned without waiting for an LF.
func TestBlockIsCompleteAtItsCR(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go w.Write([]byte("data: a\r\r"))
	b, err := newBlockReader(r).next()
	if string(b.bytes) != "data: a\r\r" || !b.event || err != nil {
		t.Errorf("block %+v, %v", b, err)
	}
}

func TestBlocksReturnTheReadersError(t *testing.T) {
	broken := errors.New("broken")
	r := newBlockReader(io.MultiReader(strings.NewReader("data: a\n\ndata"), iotest.ErrReader(broken)))
	for _, want := range []string{"data: a\n\n", "data"} {
		if b, err := r.next(); string(b.bytes) != want || err != nil {
			t.Fatalf("block %q, %v; want %q", b.bytes, err, want)
		}
	}
	if _, err := r.next(); !errors.Is(err, broken) {
		t.Errorf("error %v; want %v", err, broken)
	}
}

func TestBlockTooLarge(t *testing.T) {
	r := newBlockReader(io.MultiReader(strings.NewReader("data: "), bytes.NewReader(make([]byte, maxBlock))))
	if _, err := r.next(); err == nil || !strings.Contains(err.Error(), "blank lines") {
		t.Errorf("error %v; want one that asks for blank lines", err)
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\n:\n\ndata: b\r\rdata"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := blocksOf(t, bytes.NewReader(stream))
		bytewise := blocksOf(t, iotest.OneByteReader(bytes.NewReader(stream)))
		if joined(whole) != string(stream) || joined(bytewise) != string(stream) {
			t.Errorf("%q became %q and %q", stream, whole, bytewise)
		}
		if want := eventsBySplitting(stream); events(whole) != want || events(bytewise) != want {
			t.Errorf("%q: %d and %d events; want %d", stream, events(whole), events(bytewise), want)
		}
	})
}

// eventsBySplitting counts events another way.
func eventsBySplitting(stream []byte) (n int) {
	s := strings.TrimPrefix(string(stream), "\xef\xbb\xbf")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	data := false
	lines := strings.Split(s, "\n")
	for _, line := range lines[:len(lines)-1] {
		switch {
		case line == "" && data:
			n, data = n+1, false
		case line == "data" || strings.HasPrefix(line, "data:"):
			data = true
		}
	}
	return n
}

// blocksOf returns a stream's blocks, events with a + before them, others with a -.
func blocksOf(t *testing.T, r io.Reader) (blocks []string) {
	t.Helper()
	for blockReader := newBlockReader(r); ; {
		b, err := blockReader.next()
		if err == io.EOF {
			return blocks
		}
		if err != nil {
			t.Fatal(err)
		}
		sign := "-"
		if b.event {
			sign = "+"
		}
		blocks = append(blocks, sign+string(b.bytes))
	}
}

func events(blocks []string) (n int) {
	for _, b := range blocks {
		if strings.HasPrefix(b, "+") {
			n++
		}
	}
	return n
}

// joined puts blocks together again.
func joined(blocks []string) string {
	var b strings.Builder
	for _, s := range blocks {
		b.WriteString(s[1:])
	}
	return b.String()
}
