package redis

import (
	"fmt"
	"testing"

	"github.com/fastsse/fastsse/server/backplane"
)

// What one Append costs, and what several at a time cost. It would lie if the key were the
// same each time: nothing would be stored.
func BenchmarkAppend(b *testing.B) {
	for name, keyed := range map[string]bool{"without key": false, "with key": true} {
		b.Run(name, func(b *testing.B) {
			feed, entry := bench(b), make([]byte, 200)
			for i := range b.N {
				key := ""
				if keyed {
					key = fmt.Sprint(i)
				}
				if _, err := feed.Append(b.Context(), key, entry); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("in parallel", func(b *testing.B) {
		feed, entry := bench(b), make([]byte, 200)
		b.SetParallelism(16)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := feed.Append(b.Context(), "", entry); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// The time from Append to Tail's delivery, of one entry at a time.
func BenchmarkAppendToTail(b *testing.B) {
	feed, entry := bench(b), make([]byte, 200)
	state, err := feed.State(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	come := make(chan uint64, 1)
	go func() {
		_ = feed.Tail(b.Context(), backplane.Position{Epoch: state.Epoch}, func(entries []backplane.Entry) error {
			come <- entries[len(entries)-1].Seq
			return nil
		})
	}()
	for range b.N {
		if _, err := feed.Append(b.Context(), "", entry); err != nil {
			b.Fatal(err)
		}
		<-come
	}
}

func bench(b *testing.B) *Backplane {
	feed := start(b).open(b)
	b.ResetTimer()
	return feed
}
