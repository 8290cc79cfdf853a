package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/nats"
	"github.com/fastsse/fastsse/server/backplane/redis"
)

// feed is the name of the feed on the broker.
const feed = "fastsse"

// openWithin is how long the program waits for its broker when it starts.
const openWithin = 10 * time.Second

// openBackplane opens what -backplane names; nil: the hub is alone. The caller calls done
// when the hub is closed.
func openBackplane(ctx context.Context, name string) (b backplane.Backplane, done func() error, err error) {
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	scheme, rest, _ := strings.Cut(name, ":")
	switch scheme {
	case "":
		return nil, func() error { return nil }, nil
	case "nats", "tls":
		return opened(nats.Open(ctx, nats.Options{URL: name, Feed: feed}))
	case "redis", "rediss", "unix":
		return opened(redis.Open(ctx, redis.Options{URL: name, Feed: feed}))
	case "embedded":
		return opened(nats.Open(ctx, nats.Options{Embedded: &nats.Embedded{Dir: rest}, Feed: feed}))
	}
	return nil, nil, fmt.Errorf("-backplane %q is not known; give nats://HOST:4222, redis://HOST:6379/0 or embedded:DIRECTORY", name)
}

// opened returns b and what closes it, but no nil pointer as a Backplane.
func opened[B interface {
	backplane.Backplane
	Close() error
}](b B, err error) (backplane.Backplane, func() error, error) {
	if err != nil {
		return nil, nil, err
	}
	return b, b.Close, nil
}
