package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/server/backplane"
)

// Options says where a feed is. URL or Embedded is required.
type Options struct {
	// URL is of a server, or of several of one cluster, separated by commas:
	// "nats://user:password@a:4222,nats://b:4222". Servers have to be of version 2.11 or newer.
	URL string

	// Embedded is a server in this process, in place of URL: an *embedded.Server of package
	// embedded. Open starts it, and Close stops it.
	Embedded Server

	// Connect has options of the client: credentials, TLS, a name. Those about
	// reconnecting, pings and handlers of the connection's state are set by Open.
	Connect []natsio.Option

	// Feed is the name of the stream: at most 64 of A-Z, a-z, 0-9, - and _. Empty means
	// "fastsse".
	Feed string

	// Subject is what entries are published to. Empty means "fastsse.feed." and the feed.
	Subject string

	// What follows is of streams that Open makes; one that is there keeps what it has, but
	// has to have as many replicas.

	Replicas    int           // servers that keep the stream: 1, 3 or 5. Zero means 1.
	MaxAge      time.Duration // older entries are dropped. Zero means 24 h. Negative: never.
	MaxBytes    int64         // the oldest entries are dropped above this. Zero means 1 GiB. Negative: no limit.
	MaxMessages int64         // as MaxBytes, for the number of entries. Zero means 1,000,000. Negative: no limit.
}

// Server is a server that runs in this process. Package embedded has the one; it is an
// interface so that programs without it do not link nats-server.
type Server interface {
	natsio.InProcessConnProvider // connects to the server between Start and Stop

	// Start runs the server until Stop. It returns when the server answers, or soon after ctx
	// is done.
	Start(ctx context.Context) error

	Stop()
	String() string // names it in messages: "the embedded server in /var/lib/app"
}

var feedName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// withDefaults fills in what was left out, and says what is wrong.
func (o Options) withDefaults() (Options, error) {
	o.Feed = cmp.Or(o.Feed, "fastsse")
	o.Subject = cmp.Or(o.Subject, "fastsse.feed."+o.Feed)
	o.Replicas = cmp.Or(o.Replicas, 1)
	o.MaxAge = max(cmp.Or(o.MaxAge, 24*time.Hour), 0)
	o.MaxBytes = max(cmp.Or(o.MaxBytes, 1<<30), -1)
	o.MaxMessages = max(cmp.Or(o.MaxMessages, 1_000_000), -1)
	switch {
	case (o.URL == "") == (o.Embedded == nil):
		return o, errors.New("nats: open: set one of Options.URL and Options.Embedded")
	case o.Embedded != nil && o.Replicas != 1:
		return o, fmt.Errorf("nats: open: Options.Replicas is %d; an embedded server is alone, so leave it out", o.Replicas)
	case !feedName.MatchString(o.Feed):
		return o, fmt.Errorf("nats: open: Options.Feed is %q; want 1 to 64 of A-Z, a-z, 0-9, - and _", o.Feed)
	}
	return o, nil
}

// config is the stream that Open makes.
func (o Options) config() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        o.Feed,
		Description: "a feed of fastsse hubs",
		Subjects:    []string{o.Subject},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		Replicas:    o.Replicas,
		MaxAge:      o.MaxAge,
		MaxBytes:    o.MaxBytes,
		MaxMsgs:     o.MaxMessages,
		Duplicates:  keysFor(o.MaxAge),
		AllowDirect: true,
		DenyDelete:  true,
	}
}

// keysFor is the stream's window of duplicates, which may not be longer than its age.
func keysFor(age time.Duration) time.Duration {
	if age > 0 {
		return min(age, backplane.Window)
	}
	return backplane.Window
}
