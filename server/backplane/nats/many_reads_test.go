//go:build unix

package nats

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// As many pages of large entries at the same time as a hub reads for streams: the server would
// close a connection that has more than max_pending (64 MiB) waiting.
func TestManyReadsOfLargeEntriesKeepTheConnection(t *testing.T) {
	t.Parallel()
	p := startProcess(t, t.TempDir(), freePorts(t, 1)[0], "")
	b := mustOpen(t, Options{URL: p.url})
	t.Cleanup(func() { _ = b.Close() })
	entry := make([]byte, 256<<10)
	for range 40 {
		if _, err := b.Append(within(t), "", entry); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.State(within(t))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 3 {
				if page, err := b.Read(within(t), backplane.Position{Epoch: s.Epoch}, 256); err != nil || len(page) == 0 {
					t.Errorf("%d entries, error %v", len(page), err)
				}
			}
		})
	}
	var longest time.Duration
	for i := range 20 {
		began := time.Now()
		if _, err := b.Append(within(t), "", []byte(fmt.Sprint(i))); err != nil {
			t.Errorf("Append beside them: %v", err)
		}
		longest = max(longest, time.Since(began))
	}
	all.Wait()
	if n := b.conn.Stats().Reconnects; n > 0 {
		t.Errorf("the connection was lost %d times", n)
	}
	t.Logf("the longest Append took %v", longest)
}
