package server_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

// BenchmarkPublishToABackplane publishes to a broker in memory, from one goroutine or many,
// at one hub or at both of two: what a hub adds to the broker's time. The memory holds all
// entries, so that long runs are slower.
func BenchmarkPublishToABackplane(b *testing.B) {
	for _, hubs := range []int{1, 2} {
		for _, publishers := range []int{1, 16, 512} {
			b.Run(fmt.Sprintf("hubs=%d/publishers=%d", hubs, publishers), func(b *testing.B) {
				memory := backplanetest.NewMemory()
				var all []*server.Hub
				for range hubs {
					h, err := server.New(server.Config{Backplane: memory.Open()})
					if err != nil {
						b.Fatal(err)
					}
					defer h.Close(context.Background())
					all = append(all, h)
				}
				e := streamwriter.Event{Data: []byte("data")}
				b.ReportAllocs()
				b.ResetTimer()
				done := make(chan error)
				for p := range publishers {
					go func() {
						var err error
						for i := p; i < b.N && err == nil; i += publishers {
							_, err = all[p%hubs].Publish("a", e)
						}
						done <- err
					}()
				}
				for range publishers {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
