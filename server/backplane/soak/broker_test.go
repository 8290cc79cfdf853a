package soak_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	goredis "github.com/redis/go-redis/v9"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/server/backplane/nats"
	"github.com/fastsse/fastsse/server/backplane/nats/embedded"
	"github.com/fastsse/fastsse/server/backplane/redis"
)

// feed says where a feed is, and how much the broker keeps of it.
type feed struct {
	Broker  string // "nats", "redis", "embedded", "memory"
	Address string // of the server, or of what is before it
	Dir     string // of "embedded"
	Entries int    // that are kept; 0: all
}

const feedName = "soak"

// connection is a feed that is open.
type connection interface {
	backplane.Backplane
	Close() error
}

// open connects. Not for "memory".
func (f *feed) open(ctx context.Context) (connection, error) {
	o := nats.Options{Feed: feedName, MaxMessages: int64(f.Entries)}
	switch f.Broker {
	case "nats":
		o.URL = "nats://" + f.Address
		return nats.Open(ctx, o)
	case "embedded":
		o.Embedded = &embedded.Server{Dir: f.Dir}
		return nats.Open(ctx, o)
	}
	return redis.Open(ctx, redis.Options{URL: "redis://" + f.Address, Feed: feedName, MaxEntries: f.Entries})
}

// broker is what the hubs of a round have in common, and what can be done to it.
type broker struct {
	feed
	t       testing.TB
	process *process              // of "nats" and "redis"
	kills   atomic.Int64          // of the process
	memory  *backplanetest.Memory // of "memory"
}

func newBroker(t testing.TB, f feed) *broker {
	b := &broker{feed: f, t: t}
	switch f.Broker {
	case "memory":
		b.memory = backplanetest.NewMemory()
		return b
	case "embedded":
		b.Dir = t.TempDir()
		return b
	}
	b.Address = testkit.FreeAddress(t)
	if f.Broker == "nats" {
		b.process = natsProcess(t, b.Address)
	} else {
		b.process = redisProcess(t, b.Address)
	}
	t.Cleanup(b.process.kill)
	b.start()
	return b
}

func natsProcess(t testing.TB, address string) *process {
	dir := t.TempDir()
	config := filepath.Join(dir, "server.conf")
	text := fmt.Sprintf("listen: %q\njetstream { store_dir: %q }\n", address, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &process{t: t, name: "the NATS server", args: os.Args[:1], env: []string{natsVariable + "=" + config}}
}

func redisProcess(t testing.TB, address string) *process {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(err) // somePlan has looked
	}
	_, port, _ := net.SplitHostPort(address)
	return &process{t: t, name: "redis-server", args: []string{
		path, "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(),
		"--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}}
}

// start starts the server, and waits until it answers.
func (b *broker) start() {
	if err := b.process.start(); err != nil {
		b.t.Errorf("start %s: %v", b.process.name, err)
		return
	}
	var err error
	if !testkit.Soon(testkit.Patience, func() bool { err = b.ask(); return err == nil }) {
		b.t.Errorf("%s does not answer: %v\n%s", b.process.name, err, &b.process.log)
	}
}

// ask asks the server for the feed's state.
func (b *broker) ask() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.State(ctx)
	return err
}

// purge drops all entries, as an operator can.
func (b *broker) purge() error {
	switch b.Broker {
	case "memory":
		b.memory.Drop(0)
		return nil
	case "nats":
		return b.jetStream(func(ctx context.Context, js jetstream.JetStream) error {
			s, err := js.Stream(ctx, feedName)
			if err == nil {
				err = s.Purge(ctx)
			}
			return err
		})
	}
	return b.redis("XTRIM", "fastsse:{"+feedName+"}", "MAXLEN", "0")
}

// remake deletes the stream. Who asks for its state first makes it again.
func (b *broker) remake() error {
	switch b.Broker {
	case "memory":
		b.memory.Remake()
		return nil
	case "nats":
		return b.jetStream(func(ctx context.Context, js jetstream.JetStream) error { return js.DeleteStream(ctx, feedName) })
	}
	return b.redis("DEL", "fastsse:{"+feedName+"}")
}

const adminWithin = 10 * time.Second

func (b *broker) jetStream(do func(context.Context, jetstream.JetStream) error) error {
	conn, err := natsio.Connect("nats://" + b.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	return do(ctx, js)
}

func (b *broker) redis(command ...any) error {
	c := goredis.NewClient(&goredis.Options{Addr: b.Address})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	return c.Do(ctx, command...).Err()
}

// look is a handle of the round's own, which goes by no network. Not for "embedded", which one
// process has.
func (b *broker) look() (backplane.Backplane, func()) {
	if b.Broker == "memory" {
		return b.memory.Open(), func() {}
	}
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	c, err := b.open(ctx)
	if err != nil {
		b.t.Errorf("open the feed: %v", err)
		return nil, func() {}
	}
	return c, func() { _ = c.Close() }
}
