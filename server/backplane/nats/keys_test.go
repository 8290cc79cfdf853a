//go:build unix

package nats

import (
	"context"
	"testing"
)

// TestKeysOfHeldEntriesOutliveARestart kills a server that has dropped an entry: see the
// package's doc about keys.
func TestKeysOfHeldEntriesOutliveARestart(t *testing.T) {
	p := startProcess(t, t.TempDir(), freePorts(t, 1)[0], "")
	o := Options{URL: p.url, MaxMessages: 3}
	publish := func(b *Backplane, key string) uint64 {
		t.Helper()
		seq, err := b.Append(context.Background(), key, []byte("an entry"))
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	b := openEmbedded(t, o)
	dropped := publish(b, "dropped")
	for range 4 {
		publish(b, "")
	}
	held := publish(b, "held")
	if seq := publish(b, "dropped"); seq != dropped {
		t.Errorf("the key of a dropped entry, before a restart: entry %d, want %d", seq, dropped)
	}
	b.Close()
	p.kill()
	p.start()
	b = openEmbedded(t, o)
	if seq := publish(b, "held"); seq != held {
		t.Errorf("the key of an entry that is held: entry %d, want %d", seq, held)
	}
	if seq := publish(b, "dropped"); seq == dropped {
		t.Errorf("the key of an entry that was dropped is known after a restart: the package's doc and docs/rough-edges.md say that it is not")
	}
}
