package redis

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/fastsse/fastsse/server/backplane"
)

// How long Redis may take. What it does not answer within answerWithin is an error, so
// that a server that hangs is noticed within 10 seconds.
const (
	dialWithin   = 3 * time.Second
	blockFor     = 2 * time.Second // of XREAD: so often the epoch of a quiet feed is compared
	readWithin   = blockFor + 3*time.Second
	answerWithin = 8 * time.Second // all of it: connecting and the answer
)

// Options says which feed to open, and how much of it is kept.
type Options struct {
	// URL names the server: redis://user:password@host:port/database, rediss:// for TLS,
	// unix://path for a socket. It may have the other settings that go-redis reads in a URL
	// (pool_size, say), except time limits and retries, which are the package's own.
	URL string

	// Feed names the feed. Hubs with the same feed have the same events. 1 to 64 of
	// letters, digits and "._-".
	Feed string

	// MaxEntries is how many entries are kept, about: Redis drops the oldest when there are a
	// hundred or so more. Zero means 100,000, negative any number.
	MaxEntries int

	// MaxBytes is how much memory of Redis the feed may take, about, besides idempotency
	// keys. It is compared about once in MaxBytes/64 that are stored; one entry is always
	// kept. Zero means 256 MiB, negative any amount.
	MaxBytes int64
}

// Backplane is a feed in Redis. All methods may be called by any goroutine.
type Backplane struct {
	client     *redis.Client
	feed, addr string // for errors
	stream     string // the stream's key
	maxEntries int    // 0: any number
	maxBytes   int64  // 0: any amount
}

var _ backplane.Backplane = (*Backplane)(nil)

// Open connects to Redis, checks that it can hold a feed, and makes the feed if it does not
// exist. The caller has to call Close. ctx is for Open alone.
func Open(ctx context.Context, o Options) (*Backplane, error) {
	b, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if err := b.check(ctx); err != nil {
		_ = b.client.Close()
		return nil, b.failed("open", err)
	}
	return b, nil
}

// Close closes the connections. Calls that have not returned fail, and so do later ones. The
// feed stays as it is. A second Close returns an error.
func (b *Backplane) Close() error { return b.client.Close() }

// prepare returns a Backplane that has not connected yet.
func prepare(o Options) (*Backplane, error) {
	if !isFeed(o.Feed) {
		return nil, fmt.Errorf("redis: open feed %q: Options.Feed must be 1 to 64 of letters, digits and \"._-\"", o.Feed)
	}
	settings, err := redis.ParseURL(o.URL)
	if err != nil { // it may quote a password
		return nil, fmt.Errorf("redis: open feed %q: Options.URL is not of the form redis://user:password@host:port/database", o.Feed)
	}
	limit(settings)
	return &Backplane{
		client:     redis.NewClient(settings),
		feed:       o.Feed,
		addr:       settings.Addr,
		stream:     "fastsse:{" + o.Feed + "}",
		maxEntries: max(orDefault(o.MaxEntries, 100_000), 0),
		maxBytes:   max(orDefault(o.MaxBytes, 256<<20), 0),
	}, nil
}

// limit sets how long the client waits. It never tries again: an Append could store an
// entry twice.
func limit(s *redis.Options) {
	s.MaxRetries, s.DialerRetries = -1, 1
	s.DialTimeout, s.ReadTimeout, s.WriteTimeout, s.PoolTimeout = dialWithin, readWithin, readWithin, readWithin
	s.ContextTimeoutEnabled = true
	s.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	dial := redis.NewDialer(s)
	s.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, &dialError{err}
		}
		return conn, nil
	}
}

func isFeed(s string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return len(s) >= 1 && len(s) <= 64 && strings.Trim(s, allowed) == ""
}

func orDefault[N int | int64](n, zero N) N {
	if n == 0 {
		return zero
	}
	return n
}

// check connects, looks at the server's settings, and makes the feed if there is none.
func (b *Backplane) check(ctx context.Context) error {
	info, err := ask(ctx, func(ctx context.Context) (string, error) { return b.client.Info(ctx).Result() })
	switch {
	case err == nil:
		err = suits(info)
	case redis.IsPermissionError(err):
		err = nil // what it may not ask, it finds out when it is used
	}
	if err != nil {
		return err
	}
	_, err = b.state(ctx)
	return err
}

// suits returns an error if a server cannot hold a feed. info is its answer to INFO.
func suits(info string) error {
	version := field(info, "redis_version")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < 7 {
		return fmt.Errorf("it is Redis %s; a feed needs Redis 7.0 or later", version)
	}
	policy := field(info, "maxmemory_policy")
	if bound := field(info, "maxmemory"); bound != "" && bound != "0" && policy != "noeviction" {
		return fmt.Errorf("its maxmemory-policy is %s, by which it may drop the feed or idempotency keys; set it to noeviction", policy)
	}
	return nil
}

// field returns the value of a line "name:value" of an answer to INFO; nothing if there is none.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
