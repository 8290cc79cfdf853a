//go:build unix

package nats

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/server/backplane/nats/embedded"
)

var _ backplane.Backplane = (*Backplane)(nil)

// fewBytes is MaxBytes where many feeds are on one server. A server sets them apart for each
// feed, of what is free on the disk: with the default, the contract's need more than 40 GiB.
const fewBytes = 64 << 20

func TestEmbeddedKeepsTheContract(t *testing.T) {
	t.Parallel()
	e := &embedded.Server{Dir: t.TempDir()}
	if err := e.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	feeds := 0
	backplanetest.Run(t, func(t testing.TB) *backplanetest.Feed {
		feeds++
		o, err := Options{Embedded: e, Feed: fmt.Sprint("feed", feeds), MaxBytes: fewBytes}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		return feedOf(t, o, []string{e.Dir}, func(t testing.TB) *Backplane {
			b, err := connect(within(t), o)
			if err != nil {
				t.Fatal(err)
			}
			b.server = nil // the test stops it
			return b
		})
	})
}

func TestServerKeepsTheContract(t *testing.T) {
	t.Parallel()
	backplanetest.Run(t, func(t testing.TB) *backplanetest.Feed {
		p := startProcess(t, t.TempDir(), freePorts(t, 1)[0], "")
		o := Options{URL: p.url}
		f := feedOf(t, o, []string{p.dir()}, func(t testing.TB) *Backplane { return mustOpen(t, o) })
		f.Kill, f.Start = p.kill, p.start
		f.Stall, f.Wake = p.stall, p.wake
		return f
	})
}

var kills = flag.Int("kills", 0, "kill a server so often while entries are appended; run alone, with -run ManyKills")

func TestManyKills(t *testing.T) {
	if *kills == 0 {
		t.Skip("takes about a second for each of -kills=N")
	}
	p := startProcess(t, t.TempDir(), freePorts(t, 1)[0], "")
	o := Options{URL: p.url}
	f := feedOf(t, o, []string{p.dir()}, func(t testing.TB) *Backplane { return mustOpen(t, o) })
	f.Kill, f.Start = p.kill, p.start
	backplanetest.Kills(t, f, *kills)
}

// The server of three that leads the stream is killed: the feed goes on without it.
func TestClusterKeepsTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("runs three servers")
	}
	t.Parallel()
	c := startCluster(t)
	feeds := 0
	backplanetest.Run(t, func(t testing.TB) *backplanetest.Feed {
		feeds++
		o := Options{URL: c.url(), Replicas: 3, Feed: fmt.Sprint("feed", feeds), MaxBytes: fewBytes}
		f := feedOf(t, o, []string{c[0].dir(), c[1].dir(), c[2].dir()}, func(t testing.TB) *Backplane { return mustOpen(t, o) })
		var killed *process
		f.Survives = true
		f.Kill = func() { killed = c.leader(t, o); killed.kill() }
		f.Start = func() { killed.start() }
		return f
	})
}

// leader is the server that leads the feed's stream.
func (c cluster) leader(t testing.TB, o Options) *process {
	b := mustOpen(t, o)
	defer b.Close()
	for ctx := within(t); ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		info, err := b.info(ctx)
		if err != nil || info.Cluster == nil {
			continue
		}
		for _, p := range c {
			if p.name == info.Cluster.Leader {
				return p
			}
		}
	}
	t.Fatalf("stream %s has no leader", o.Feed)
	return nil
}

// awaitRemoval waits until servers have removed the files of a stream that was deleted. They
// say that it is deleted before that, and then confuse them with those of the next one.
func awaitRemoval(ctx context.Context, o Options, dirs []string) error {
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
		left := 0
		for _, dir := range dirs {
			found, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "."+o.Feed))
			if err != nil {
				return err
			}
			left += len(found)
		}
		if left == 0 {
			return nil
		}
	}
	return context.Cause(ctx)
}

// feedOf is a feed with the faults that a client can cause. The servers' files are in dirs.
func feedOf(t testing.TB, o Options, dirs []string, open func(t testing.TB) *Backplane) *backplanetest.Feed {
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	admin := func(what string, do func(ctx context.Context, js jetstream.JetStream) error) func() {
		return func() {
			b := open(t)
			defer b.Close()
			if err := do(within(t), b.js); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	return &backplanetest.Feed{
		Open: func(t testing.TB) backplane.Backplane {
			b := open(t)
			t.Cleanup(func() { b.Close() })
			return b
		},
		Remake: admin("make the stream again", func(ctx context.Context, js jetstream.JetStream) error {
			if err := js.DeleteStream(ctx, o.Feed); err != nil {
				return err
			}
			if err := awaitRemoval(ctx, o, dirs); err != nil {
				return err
			}
			_, err := js.CreateStream(ctx, o.config())
			return err
		}),
		Purge: admin("purge the stream", func(ctx context.Context, js jetstream.JetStream) error {
			s, err := js.Stream(ctx, o.Feed)
			if err != nil {
				return err
			}
			return s.Purge(ctx)
		}),
	}
}

func mustOpen(t testing.TB, o Options) *Backplane {
	t.Helper()
	var (
		b   *Backplane
		err error
	)
	ctx := within(t)
	for ctx.Err() == nil { // a server that was started again may need a while
		if b, err = Open(ctx, o); err == nil {
			return b
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("Open: %v", err)
	return nil
}

// within is a context for what takes some seconds at most.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
