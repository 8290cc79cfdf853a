package load

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/ssetest"
)

// streams are event streams with things that are easy to get wrong.
var streams = map[string]string{
	"lf":               "id: 1\ndata: one\n\ndata:two\n\n",
	"crlf":             "id: 1\r\ndata: one\r\n\r\ndata: two\r\n\r\n",
	"cr":               "id: 1\rdata: one\r\rdata: two\r\r",
	"mixed":            "data: one\r\n\ndata: two\n\rdata: three\r\r\ndata: four\n\n",
	"bom":              "\ufeffdata: one\n\n\ufeffdata: no field\n\n",
	"two boms":         "\ufeff\ufeffdata: no field\n\ndata: one\n\n",
	"half a bom":       "\xef\xbbdata: no field\n\ndata: one\n\n",
	"bom alone":        "\ufeff\n\ndata: one\n\n",
	"nul in the id":    "id: 1\n\nid: 2\x003\ndata: one\n\n",
	"nul in the data":  "data: a\x00b\n\n",
	"id stays":         "id: 1\n\ndata: one\n\nid: 2\n\n",
	"id is taken back": "id: 1\ndata: one\n\nid\ndata: two\n\n",
	"empty id":         "id: 1\ndata: one\n\nid:\n\n",
	"id of two":        "id: 1\nid: 2\ndata: one\n\n",
	"comments":         ": hb\n\n:\ndata: one\n: between\ndata: two\n\n:\n\n",
	"several lines":    "data: one\ndata: two\ndata\n\n",
	"empty data":       "data\n\ndata:\n\ndata: \n\n",
	"empty first":      "data\ndata: two\n\n",
	"spaces":           "data:  one\n\n data: no field\n\ndata : no field\n\n",
	"colons":           "data: a:b: c\n\n",
	"no data":          "event: x\n\nid: 7\nevent: y\n\n",
	"unfinished":       "id: 1\ndata: one\n\nid: 2\nretry: 7\ndata: two\n",
	"unfinished line":  "id: 1\ndata: one\n\nid: 2\ndata: two",
	"retry":            "retry: 100\n\nretry: 20x\n\nretry:\n\nretry: -5\n\nretry: 1 \n\n",
	"retry without":    "retry: 100\nretry\nretry:300\n",
	"long retry":       "retry: 99999999999999999999999999\n\n",
	"case":             "Data: one\nID: 1\n\n",
	"longer names":     "database: one\nids: 1\ndat: x\n\n",
}

func TestDecoderAgreesWithTheSpec(t *testing.T) {
	for name, wire := range streams {
		t.Run(name, func(t *testing.T) {
			for step := 1; step <= len(wire); step++ {
				checkDecoder(t, wire, func() int { return step })
			}
		})
	}
}

// However the bytes arrive, the same events come out, and the same id and retry
// time are left.
func FuzzDecoder(f *testing.F) {
	for _, wire := range streams {
		f.Add(wire, uint64(1))
	}
	f.Fuzz(func(t *testing.T, wire string, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		checkDecoder(t, wire, func() int { return 1 + rng.IntN(1+rng.IntN(40)) })
	})
}

// checkDecoder feeds wire in pieces, and compares with the spec's decoder.
func checkDecoder(t *testing.T, wire string, piece func() int) {
	t.Helper()
	spec := ssetest.NewDecoder(strings.NewReader(wire))
	events, err := spec.All()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, e := range events {
		first, _, _ := strings.Cut(e.Data, "\n")
		want = append(want, first)
	}
	var d decoder
	feedPieces(t, &d, wire, piece, func(data []byte) { got = append(got, string(data)) })
	if !slices.Equal(got, want) {
		t.Fatalf("%q: events %q, want %q", wire, got, want)
	}
	if string(d.lastID) != spec.LastID {
		t.Fatalf("%q: last id %q, want %q", wire, d.lastID, spec.LastID)
	}
	if retry, given := specRetry(spec.Retry); d.retry != retry || d.hasRetry != given {
		t.Fatalf("%q: retry %v, %v; want %v, %v", wire, d.retry, d.hasRetry, retry, given)
	}
	if d.restart(); string(d.lastID) != spec.LastID || len(d.begun) > 0 || d.hasData || d.hasID || d.afterCR {
		t.Fatalf("%q: after a restart %+v", wire, d)
	}
}

// feedPieces feeds pieces that are overwritten afterwards, as a buffer is.
func feedPieces(t *testing.T, d *decoder, wire string, piece func() int, event func(data []byte)) {
	t.Helper()
	for len(wire) > 0 {
		n := min(piece(), len(wire))
		b := []byte(wire[:n])
		if err := d.feed(b, event); err != nil {
			t.Fatal(err)
		}
		for i := range b {
			b[i] = '#'
		}
		wire = wire[n:]
	}
}

func specRetry(text string) (retry time.Duration, given bool) {
	if text == "" {
		return 0, false
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms > int64(maxRetry/time.Millisecond) {
		return maxRetry, true
	}
	return time.Duration(ms) * time.Millisecond, true
}

func TestDecoderBoundsALine(t *testing.T) {
	var d decoder
	piece := make([]byte, 1<<20)
	for i := range 20 {
		if err := d.feed(piece, nil); err != nil {
			if i < 8 {
				t.Errorf("refused after %d MiB", i)
			}
			return
		}
	}
	t.Error("a line of 20 MiB was taken")
}
