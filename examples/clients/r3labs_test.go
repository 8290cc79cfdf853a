package clients

import (
	"context"
	"testing"

	"github.com/fasthttp/router"
	"github.com/r3labs/sse/v2"
)

// Its Subscribe returns at a clean end, and comes back after a cut.
func TestR3labsComesBack(t *testing.T) {
	f := newFeed(t, router.New())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- sse.NewClient(f.URL+"/events?topic=r3labs").SubscribeRawWithContext(ctx, func(e *sse.Event) {
			if len(e.Data) > 0 { // a block without data is an empty event to it
				f.took("r3labs", string(e.Data))
			}
		})
	}()
	f.comeBack("r3labs")
	cancel()
	<-ended
}
