package redis

import (
	"context"
	"crypto/rand"
	_ "embed" // the scripts
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/fastsse/fastsse/server/backplane"
)

// mostEntryBytes is how large an entry may be. Redis's own limit is 512 MiB
// (proto-max-bulk-len), beyond which it closes the connection without a word.
const mostEntryBytes = 64 << 20

var (
	//go:embed epoch.lua
	epochLua string
	//go:embed append.lua
	appendLua string

	appendScript = redis.NewScript(epochLua + appendLua)
)

// Append stores an entry: see backplane.Backplane. An entry may have up to 64 MiB. It
// takes one round trip; a script that Redis has not seen yet takes two.
func (b *Backplane) Append(ctx context.Context, key string, entry []byte) (uint64, error) {
	if err := b.acceptable(ctx, key, entry); err != nil {
		return 0, err
	}
	keys := []string{b.stream}
	if key != "" {
		keys = append(keys, b.stream+":key:"+key)
	}
	// A string, because the goroutine of ask may write it after Append has returned.
	args := []any{newEpoch(), string(entry), backplane.Window.Milliseconds(), b.maxEntries, b.lookAtBytes(len(entry))}
	seq, err := ask(ctx, func(ctx context.Context) (string, error) {
		return appendScript.Run(ctx, b.client, keys, args...).Text()
	})
	if _, certain := refusal(err); certain {
		err = fmt.Errorf("%w: %w", backplane.ErrRefused, err)
	}
	if err != nil {
		return 0, b.failed("append to", err)
	}
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return 0, b.failed("append to", fmt.Errorf("the answer %q is not a sequence", seq))
	}
	return n, nil
}

// acceptable returns an error if there is no need to ask Redis.
func (b *Backplane) acceptable(ctx context.Context, key string, entry []byte) error {
	switch {
	case ctx.Err() != nil:
		return b.failed("append to", fmt.Errorf("%w: %w", backplane.ErrRefused, context.Cause(ctx)))
	case len(key) > backplane.MostKeyBytes:
		return b.failed("append to", fmt.Errorf("%w: the idempotency key has %d bytes, which are more than %d; shorten it",
			backplane.ErrRefused, len(key), backplane.MostKeyBytes))
	case len(entry) > mostEntryBytes:
		return b.failed("append to", fmt.Errorf("%w: %w: the entry has %d bytes, which are more than %d; publish less at a time",
			backplane.ErrRefused, backplane.ErrTooLarge, len(entry), mostEntryBytes))
	}
	return nil
}

// lookAtBytes returns maxBytes if the script is to look how much memory the stream takes,
// and else 0. It looks about once in maxBytes/64 that are stored, because a look takes time
// in proportion to what is kept. It is drawn, so that processes need not know of each other.
func (b *Backplane) lookAtBytes(size int) int64 {
	if b.maxBytes == 0 {
		return 0
	}
	const overhead = 64 // of small entries in a stream, in bytes, at most
	if mathrand.Int64N(b.maxBytes/64+1) > int64(size+overhead) {
		return 0
	}
	return b.maxBytes
}

// newEpoch returns an epoch for a stream that may have to be made.
func newEpoch() string { return strings.ToLower(rand.Text()[:8]) }
