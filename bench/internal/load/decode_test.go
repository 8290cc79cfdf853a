package load

import (
	"slices"
	"strings"
	"testing"

	"github.com/fastsse/fastsse"
)

func TestDecodeCallsWithEachEventOnceItIsComplete(t *testing.T) {
	var d fastsse.Decoder
	var got []string
	for _, piece := range []string{"data: on", "e\n\ndata: two\ndata: lines\r", "\n\r", "\n:\n\nid: 7\n\ndata\n\ndata: unfinished"} {
		b := []byte(piece)
		if err := decode(&d, b, func(_ []byte, b *fastsse.Received) {
			if b.HasData {
				got = append(got, string(b.Data))
			}
		}); err != nil {
			t.Fatal(err)
		}
		clear(b)
	}
	if want := []string{"one", "two\nlines", ""}; !slices.Equal(got, want) || d.LastEventID() != "7" {
		t.Errorf("events %q, id %q; want %q and 7", got, d.LastEventID(), want)
	}
}

func TestAnEventThatNeverEndsIsAnError(t *testing.T) {
	var d fastsse.Decoder
	piece := []byte("data: " + strings.Repeat("x", 1<<20) + "\n")
	for i := range 40 {
		if err := decode(&d, piece, func([]byte, *fastsse.Received) {}); err != nil {
			if i < 15 || !strings.Contains(err.Error(), "16 MiB") {
				t.Errorf("after %d MiB: %v", i, err)
			}
			return
		}
	}
	t.Error("an event of 40 MiB was taken")
}
