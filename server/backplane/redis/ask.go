package redis

import (
	"context"
	"fmt"
	"time"
)

// ask calls f on a goroutine of its own, because the client does not look at ctx while it
// reads. It returns when f does, when ctx is done, or after answerWithin. f may then go on
// until the client's own time limits end it.
func ask[T any](ctx context.Context, f func(context.Context) (T, error)) (none T, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, errSlow)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := f(ctx)
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		if a.err != nil && isOver(ctx) {
			a.err = fmt.Errorf("%w: %w", context.Cause(ctx), a.err)
		}
		return a.value, a.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// isOver says whether ctx is done. A connection that has its deadline may notice it first:
// isOver then waits for the context.
func isOver(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}
