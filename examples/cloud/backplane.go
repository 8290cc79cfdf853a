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

// openWithin is how long the program waits for its broker when it starts.
const openWithin = 10 * time.Second

// broker is an open backplane, or none.
type broker struct {
	backplane.Backplane // nil: the hub is alone
	name                string
	close               func() error // after the hub
}

// openBroker opens what -backplane names. failed is called if it has to be started again, and
// the program with it.
func openBroker(ctx context.Context, c config, failed func(error)) (*broker, error) {
	within := openWithin
	if strings.HasPrefix(c.backplane, "embedded:") {
		within += c.grace // which the process that has the directory may take to end
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("it took longer than %v", within))
	defer cancel()
	scheme, rest, _ := strings.Cut(c.backplane, ":")
	switch scheme {
	case "":
		return &broker{close: func() error { return nil }}, nil
	case "nats", "tls":
		return opened(c, func() (*nats.Backplane, error) {
			return nats.Open(ctx, nats.Options{URL: c.backplane, Feed: c.feed})
		})
	case "redis", "rediss", "unix":
		return opened(c, func() (*redis.Backplane, error) {
			return redis.Open(ctx, redis.Options{URL: c.backplane, Feed: c.feed})
		})
	case "embedded":
		return opened(c, func() (*nats.Backplane, error) { return openEmbedded(ctx, rest, c.feed, failed) })
	}
	return nil, fmt.Errorf("-backplane %s:… is not known; give nats://HOST:4222, redis://HOST:6379/0 or embedded:DIRECTORY", scheme)
}

// kept says where the events are.
func (b *broker) kept(feed string) string {
	if b.Backplane == nil {
		return "events are kept in memory"
	}
	return fmt.Sprintf("feed %s of %s", feed, b.name)
}

// opened makes a broker of what open returns.
func opened[B interface {
	backplane.Backplane
	Close() error
}](c config, open func() (B, error)) (*broker, error) {
	b, err := open()
	if err != nil {
		return nil, fmt.Errorf("-backplane %s: %w", withoutSecrets(c.backplane), err)
	}
	return &broker{Backplane: b, name: withoutSecrets(c.backplane), close: b.Close}, nil
}

// withoutSecrets is what of a value of -backplane may be logged: of each address no user, who
// may be a token, no password, and no settings.
func withoutSecrets(name string) string {
	scheme, rest, isURL := strings.Cut(name, "://")
	if !isURL {
		return name
	}
	addresses := strings.Split(rest, ",")
	for i, a := range addresses {
		a = a[strings.LastIndex(a, "@")+1:]
		a = strings.TrimPrefix(a, scheme+"://")
		addresses[i], _, _ = strings.Cut(a, "?")
	}
	return scheme + "://" + strings.Join(addresses, ",")
}
