package streamwriter

import (
	"bytes"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// decode reads all of wire as an EventSource would.
func decode(t testing.TB, wire []byte) (*testkit.Decoder, []testkit.Event) {
	t.Helper()
	d := testkit.NewDecoder(bytes.NewReader(wire))
	events, err := d.All()
	if err != nil {
		t.Fatalf("decode %q: %v", wire, err)
	}
	return d, events
}
