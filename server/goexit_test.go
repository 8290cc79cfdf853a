package server_test

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// A predicate of Kick's that ends its goroutine while streams are opening, whose clients
// leave, costs no stream its end.
func TestAPredicateThatExitsLeaksNoStream(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		var hub atomic.Pointer[server.Hub]
		var opened, closed atomic.Int64
		h := newHarness(t, kind, setup{config: server.Config{Shards: 1, Heartbeat: 200 * time.Millisecond}, subscribe: server.SubscribeOptions{
			Authorize: func(*fasthttp.RequestCtx, *server.Subscription) error {
				hub.Load().Kick(func(server.Subscriber) bool { runtime.Goexit(); return false })
				return nil
			},
			OnOpen:  func(server.Subscriber, *streamwriter.Writer) error { opened.Add(1); return nil },
			OnClose: func(server.Subscriber, server.Reason) { closed.Add(1) },
		}})
		hub.Store(h.hub)
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				for range 25 {
					conn, err := h.dial()
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = conn.Write(request{path: kind.path, topics: []string{"a"}}.bytes())
					var first [1]byte
					_, _ = conn.Read(first[:])
					conn.Close()
				}
			})
		}
		clients.Wait()
		testkit.Eventually(t, "every stream has ended, and every OnOpen has its OnClose", func() bool {
			return h.hub.Stats().Subscribers == 0 && opened.Load() == closed.Load()
		})
	})
}

// The same, and Close ends streams that are opening.
func TestAPredicateThatExitsDoesNotKeepCloseWaiting(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		for round := range 30 {
			var hub atomic.Pointer[server.Hub]
			var n atomic.Int64
			h := newHarness(t, kind, setup{config: server.Config{Shards: 1, Heartbeat: -1}, subscribe: server.SubscribeOptions{
				OnOpen: func(server.Subscriber, *streamwriter.Writer) error {
					if n.Add(1)%3 == 0 {
						hub.Load().Kick(func(server.Subscriber) bool { runtime.Goexit(); return false })
					}
					return nil
				},
			}})
			hub.Store(h.hub)
			var conns []net.Conn
			for range 40 {
				conn, err := h.dial()
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conns = append(conns, conn)
				_, _ = conn.Write(request{path: kind.path, topics: []string{"a"}}.bytes())
			}
			for h.hub.Stats().Opened < int64(round) { // Close comes earlier or later in their opening
				runtime.Gosched()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			err := h.hub.Close(ctx)
			cancel()
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			for _, c := range conns {
				c.Close()
			}
		}
	})
}
