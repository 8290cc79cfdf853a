package nats

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	auditEvery   = 4 * time.Second
	auditTimeout = 3 * time.Second
)

// intake is what the goroutine that receives a consumer's messages has done.
type intake struct {
	received atomic.Uint64
	waiting  atomic.Bool // for a message: none is in the client's buffer
	retries  int         // of receive alone
}

// audit compares, from time to time, what the server has sent with what was received. The
// number of each message shows that one before it was lost; after the last one, there may be
// none for long. audit ends the context if something was sent, and did not come between two
// looks. It also finds out that the consumer is gone.
func (c *consumer) audit(ctx context.Context, cancel context.CancelCauseFunc, in *intake) {
	ticker := time.NewTicker(auditEvery)
	defer ticker.Stop()
	suspect, before := false, uint64(0)
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		sent, err := c.sent(ctx)
		if err != nil {
			cancel(fmt.Errorf("ask the server how much it has sent: %w", err))
			return
		}
		have := in.received.Load()
		missing := sent > have && in.waiting.Load()
		if missing && suspect && have == before {
			cancel(fmt.Errorf("messages were lost on their way: the server has sent %d, and %d came", sent, have))
			return
		}
		suspect, before = missing, have
	}
}

func (c *consumer) sent(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	info, err := c.Info(ctx)
	if err != nil {
		return 0, err
	}
	return info.Delivered.Consumer, nil
}
