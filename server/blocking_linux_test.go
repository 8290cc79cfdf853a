package server_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
)

// blockingChild is set in the environment of the process whose sockets are in
// blocking mode: if a write to one blocks, all of it may stand still.
const blockingChild = "FASTSSE_TEST_BLOCKING_CHILD"

// An application that asks for a connection's descriptor (to set an option, say)
// puts its socket into blocking mode, most likely without knowing.
func TestASocketInBlockingModeStopsNobody(t *testing.T) {
	t.Parallel()
	if os.Getenv(blockingChild) == "" {
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), blockingChild+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("the process with blocking sockets: %v, %v\n%s", err, ctx.Err(), out)
		}
		return
	}
	for _, kind := range append(twoKinds, followTCP) {
		kind.listen = func(t *testing.T) (net.Listener, dialer) {
			ln, dial := listenTCP(t)
			return inBlockingMode{ln}, dial
		}
		t.Run(kind.name, func(t *testing.T) {
			h := newHarness(t, kind, setup{config: server.Config{
				WriteTimeout: -1, Shards: 1,
				Retention: []server.Retention{{Topics: "*", Bytes: 64 << 20}},
			}})
			stalled, other := h.stall("a"), h.open("b")
			h.publish("b", numbers(1, 20)...)
			other.expect(numbers(1, 20)...)
			runtime.GC()
			if kind.parked {
				h.publish("a", largeEvent(manyLarge+1))
				if got, _ := stalled.read(); numberOf(t, got) != 1 {
					t.Errorf("the stalled reader got %.20q first", got.Data)
				}
			}
			start := time.Now()
			h.hub.Close(context.Background())
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("Close took %v", took)
			}
		})
	}
}
