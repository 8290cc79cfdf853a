//go:build unix

package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/nats/embedded"
)

// admin is a client of JetStream, as an operator has one.
func admin(t testing.TB, url string) jetstream.JetStream {
	t.Helper()
	conn, err := natsio.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// launched starts a server whose JetStream need not answer, and returns the address of it.
func launched(t testing.TB, dir, more string) (address string) {
	t.Helper()
	p := startProcess(t, dir, freePorts(t, 1)[0], more)
	for ctx := within(t); ctx.Err() == nil; {
		conn, err := natsio.Connect(p.url)
		if err == nil {
			conn.Close()
		}
		if err == nil || errors.Is(err, natsio.ErrAuthorization) {
			return strings.TrimPrefix(p.url, "nats://")
		}
	}
	t.Fatal("the server does not answer")
	return ""
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	limit := func(bytes string) string {
		return fmt.Sprintf("jetstream { store_dir: %q, max_file_store: %s }", dir, bytes)
	}
	users := launched(t, t.TempDir(), `authorization { user: me, password: secret }`)
	bare := launched(t, t.TempDir(), `jetstream: disabled`)
	small := launched(t, dir, limit("1MB"))
	nobody := fmt.Sprint("127.0.0.1:", freePorts(t, 1)[0])
	for url, says := range map[string]string{
		"nats://" + users:            "user and password",
		"nats://me:wrong@" + users:   "user and password",
		"tls://me:secret@" + users:   "nats:// in place of tls://",
		"nats://" + bare:             "start the server with -js",
		"nats://" + small:            "set that lower",
		"nats://me:secret@" + nobody: "look whether a NATS server listens",
	} {
		b, err := Open(within(t), Options{URL: url})
		if err == nil {
			b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open of %s: %v; want an error that says %q", url, err, says)
		}
	}
	b, err := Open(within(t), Options{URL: "nats://" + small, MaxBytes: 500_000})
	if err != nil {
		t.Errorf("with a smaller MaxBytes: %v", err)
	} else {
		b.Close()
	}
}

// A server that has more than it may keep, as one whose disk was full when it started.
func TestAServerAboveItsLimitSaysSo(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePorts(t, 1)[0]
	p := startProcess(t, dir, port, "")
	o := Options{URL: p.url}
	b := mustOpen(t, o)
	if _, err := b.Append(within(t), "", make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	b.Close()
	p.kill()
	startProcess(t, dir, port, fmt.Sprintf("jetstream { store_dir: %q, max_file_store: 1000 }", dir))
	b = mustOpen(t, o)
	defer b.Close()
	_, err := b.Append(within(t), "", make([]byte, 1000))
	if !errors.Is(err, backplane.ErrRefused) || !strings.Contains(err.Error(), "make room, and restart the server") {
		t.Errorf("Append: %v; want ErrRefused, and the remedy", err)
	}
}

// More is asked for than any disk has.
func TestAnEmbeddedServerOnASmallDiskSaysHowMuchItNeeds(t *testing.T) {
	b, err := Open(within(t), Options{Embedded: &embedded.Server{Dir: t.TempDir()}, MaxBytes: 3 << 60})
	if err == nil {
		b.Close()
		t.Fatal("a stream of 3 EiB was made")
	}
	if want := "4611686018427387908 bytes have to be free"; !strings.Contains(err.Error(), want) {
		t.Errorf("%v; want %q", err, want)
	}
}

// A stream that discards what is new keeps what it has when it is full, and who publishes is
// told that nothing was stored. A key that was stored before is found.
func TestAFullStreamThatDiscardsWhatIsNewRefuses(t *testing.T) {
	t.Parallel()
	p := startProcess(t, t.TempDir(), freePorts(t, 1)[0], "")
	for i, limit := range []func(c *jetstream.StreamConfig){
		func(c *jetstream.StreamConfig) { c.MaxMsgs = 2 },
		func(c *jetstream.StreamConfig) { c.MaxBytes = 2500 },
	} {
		o, err := Options{URL: p.url, Feed: fmt.Sprint("full", i)}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		c := o.config()
		c.Discard = jetstream.DiscardNew
		limit(&c)
		if _, err := admin(t, p.url).CreateStream(within(t), c); err != nil {
			t.Fatal(err)
		}
		b := mustOpen(t, o)
		t.Cleanup(func() { b.Close() })
		for n := range uint64(2) {
			if seq, err := b.Append(within(t), fmt.Sprint("key", n), make([]byte, 1000)); err != nil || seq != n+1 {
				t.Fatalf("Append returned %d, %v", seq, err)
			}
		}
		_, err = b.Append(within(t), "third", make([]byte, 1000))
		if !errors.Is(err, backplane.ErrRefused) || !strings.Contains(err.Error(), "--discard=old") {
			t.Errorf("Append to a full stream: %v; want ErrRefused, and the remedy", err)
		}
		if seq, err := b.Append(within(t), "key1", make([]byte, 1000)); err != nil || seq != 2 {
			t.Errorf("Append with a key that was stored returned %d, %v; want 2", seq, err)
		}
		if s, err := b.State(context.Background()); err != nil || s.First != 1 || s.Last != 2 {
			t.Errorf("State is %+v, %v; want the first two entries", s, err)
		}
	}
}
