package nats

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Backplane is a feed on JetStream. It implements backplane.Backplane. Its methods may be
// called by any goroutine.
type Backplane struct {
	options Options // with defaults
	server  Server  // in this process, or nil
	conn    *natsio.Conn
	js      jetstream.JetStream

	// The client's own lock is held while it writes or connects, for seconds if the server
	// is silent. These are known without it.
	connected atomic.Bool
	address   atomic.Value // string: the server, or those that are tried, without passwords

	gets chan struct{} // holds a token per answer to get that is on its way

	mu   sync.Mutex    // guards lost
	lost chan struct{} // closed, and replaced, when the connection is lost
}

const (
	pingEvery    = 2 * time.Second // a server that answers none of two is gone
	answerWithin = 7 * time.Second // of a call that is not Append or Tail, unless its context ends before
	writeWithin  = 2 * time.Second // a server that takes nothing for that long is gone
)

var errLost = errors.New("the connection to the server was lost")

// Open connects to the feed, and makes its stream if it is missing. ctx is for the time that
// this takes. The caller calls Close.
func Open(ctx context.Context, o Options) (*Backplane, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.Embedded != nil {
		if err := o.Embedded.Start(ctx); err != nil {
			return nil, err
		}
	}
	b, err := connect(ctx, o)
	if err != nil && o.Embedded != nil {
		o.Embedded.Stop()
	}
	return b, err
}

// connect opens a feed, of a server in this process, which runs, if there is one. Close stops
// that.
func connect(ctx context.Context, o Options) (*Backplane, error) {
	b := &Backplane{options: o, server: o.Embedded, lost: make(chan struct{}), gets: make(chan struct{}, mostGets)}
	options := append([]natsio.Option{natsio.Name("fastsse")}, o.Connect...)
	options = append(options,
		natsio.MaxReconnects(-1),
		natsio.ReconnectWait(100*time.Millisecond),
		natsio.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		natsio.ReconnectBufSize(-1), // what cannot be sent fails at once, and is not sent later
		natsio.PingInterval(pingEvery),
		natsio.MaxPingsOutstanding(2),
		natsio.Timeout(2*time.Second),
		natsio.FlusherTimeout(writeWithin),
		natsio.ReconnectOnFlusherError(), // else a message that was written in part would stay so
		natsio.DisconnectErrHandler(func(*natsio.Conn, error) { b.loseConnection() }),
		natsio.ReconnectHandler(func(c *natsio.Conn) { b.haveConnection(c) }),
		natsio.ClosedHandler(func(*natsio.Conn) { b.loseConnection() }),
	)
	if b.server != nil {
		options = append(options, natsio.InProcessServer(b.server))
	}
	b.address.Store(redacted(o.URL))
	b.connected.Store(true) // as it is after Connect, unless the handler says otherwise
	var err error
	if b.conn, err = natsio.Connect(o.URL, options...); err != nil {
		return nil, fmt.Errorf("nats: connect to %s: %w; %s", b.where(), withoutURL(err), connectRemedy(err))
	}
	b.address.Store(b.conn.ConnectedUrlRedacted())
	if b.js, err = jetstream.New(b.conn, jetstream.WithDefaultTimeout(2*askEvery)); err == nil {
		err = b.prepare(ctx)
	}
	if err != nil {
		b.conn.Close()
		return nil, err
	}
	return b, nil
}

// withoutURL is an error without the URL that it may quote, and the password in that.
func withoutURL(err error) error {
	if bad := new(url.Error); errors.As(err, &bad) {
		return bad.Err
	}
	return err
}

// where names the server in messages, without a password.
func (b *Backplane) where() string {
	if b.server != nil {
		return b.server.String()
	}
	return b.address.Load().(string)
}

// redacted is a list of URLs without users, passwords and tokens.
func redacted(urls string) string {
	list := strings.Split(urls, ",")
	for i, text := range list {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Host == "" {
			return "the servers of Options.URL"
		}
		u.User = nil // a token is a user without a password
		list[i] = u.String()
	}
	return strings.Join(list, ",")
}

// Close ends the connection, and with it all calls, and an embedded server.
func (b *Backplane) Close() error {
	b.conn.Close()
	if b.server != nil {
		b.server.Stop()
	}
	return nil
}

func (b *Backplane) haveConnection(c *natsio.Conn) {
	b.address.Store(c.ConnectedUrlRedacted())
	b.connected.Store(true)
}

func (b *Backplane) loseConnection() {
	b.connected.Store(false)
	b.address.Store(redacted(b.options.URL))
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.lost)
	b.lost = make(chan struct{})
}

// untilLost returns a context that ends, with errLost as its cause, when the connection
// does. It has ended already if there is none.
func (b *Backplane) untilLost(ctx context.Context) (context.Context, context.CancelFunc) {
	b.mu.Lock()
	lost := b.lost
	b.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	if !b.connected.Load() {
		cancel(errLost)
	}
	go func() {
		select {
		case <-lost:
			cancel(errLost)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// reason is why a call has failed: the cause of its context if that is over.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
