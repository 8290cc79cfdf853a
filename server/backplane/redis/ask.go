package redis

import (
	"context"
	"fmt"
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
		if a.err != nil && ctx.Err() != nil {
			a.err = fmt.Errorf("%w: %w", context.Cause(ctx), a.err)
		}
		return a.value, a.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}
