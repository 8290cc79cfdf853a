package redis

import (
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	s := start(t, "--requirepass", "s3cret")
	evicts := start(t, "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru")
	for name, c := range map[string]struct {
		o    Options
		says string
	}{
		"no feed":       {Options{URL: s.url()}, "Options.Feed"},
		"a brace":       {Options{URL: s.url(), Feed: "a}b"}, "Options.Feed"},
		"a URL of HTTP": {Options{URL: "http://user:s3cret@localhost", Feed: "x"}, "Options.URL"},
		"nobody there":  {Options{URL: "redis://127.0.0.1:" + freePort(t), Feed: "x"}, "connection refused; look whether Redis listens there"},
		"no password":   {Options{URL: s.url(), Feed: "x"}, "give user and password"},
		"a wrong one":   {Options{URL: "redis://:wrong@127.0.0.1:" + s.port, Feed: "x"}, "password in Options.URL is wrong"},
		"it evicts":     {Options{URL: evicts.url(), Feed: "x"}, "set it to noeviction"},
	} {
		_, err := Open(t.Context(), c.o)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: Open returns %v; want it to say %q", name, err, c.says)
		}
	}
}

func TestOpenNeedsRedis7(t *testing.T) {
	for version, want := range map[string]bool{"6.2.14": false, "7.0.15": true, "10.0.0": true} {
		if err := suits("# Server\r\nredis_version:" + version + "\r\nredis_mode:standalone\r\n"); (err == nil) != want {
			t.Errorf("Redis %s: %v", version, err)
		}
	}
}

func TestAUserNeedsOnlyWhatIsDocumented(t *testing.T) {
	s := start(t)
	commands := []any{"ACL", "SETUSER", "hub", "on", ">s3cret", "~fastsse:{scores}*"}
	for _, c := range strings.Fields("eval evalsha exists set xadd xgroup xinfo xread memory xlen xtrim") {
		commands = append(commands, "+"+c)
	}
	s.do(t, commands...)
	b := s.openWith(t, Options{URL: "redis://hub:s3cret@127.0.0.1:" + s.port, MaxBytes: 1 << 20})
	for range 300 {
		add(t, b, "", strings.Repeat("x", 10_000))
	}
	add(t, b, "key", "last")
	last := state(t, b).Last
	if got := follow(t, b, last-1).await(t, 1); texts(got) != "301:last" {
		t.Errorf("Tail has %s", texts(got))
	}
}

func TestTheOldestEntriesAreDropped(t *testing.T) {
	s := start(t)
	for name, c := range map[string]struct {
		o      Options
		size   int
		within func(entries, bytes int64) bool
	}{
		"beyond MaxEntries": {Options{MaxEntries: 200}, 10, func(n, _ int64) bool { return n >= 200 && n < 400 }},
		"beyond MaxBytes":   {Options{MaxBytes: 1 << 20}, 10_000, func(_, bytes int64) bool { return bytes > 1<<19 && bytes < 2<<20 }},
		"without bounds":    {Options{MaxEntries: -1, MaxBytes: -1}, 1000, func(n, _ int64) bool { return n > 500 }},
	} {
		t.Run(name, func(t *testing.T) {
			s.do(t, "FLUSHALL")
			b := s.openWith(t, c.o)
			raw := s.raw(t)
			for i := range 1000 {
				add(t, b, "", strings.Repeat("x", c.size))
				entries, bytes := raw.XLen(t.Context(), b.stream).Val(), raw.MemoryUsage(t.Context(), b.stream, 0).Val()
				if i >= 500 && !c.within(entries, bytes) {
					t.Fatalf("after %d: %d entries in %d bytes are kept", i+1, entries, bytes)
				}
			}
			now := state(t, b)
			if n := raw.XLen(t.Context(), b.stream).Val(); now.Last != 1000 || int64(now.Last-now.First+1) != n {
				t.Errorf("%d entries are kept, the state is %+v", n, now)
			}
			if got := read(t, b, 0, 1); got[0].Seq != now.First {
				t.Errorf("the oldest is %d, the state is %+v", got[0].Seq, now)
			}
		})
	}
}

func TestCloseEndsTails(t *testing.T) {
	b := start(t).open(t)
	f := follow(t, b, 0)
	add(t, b, "", "one")
	f.await(t, 1)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := testkit.Receive(t, "Tail returns", f.ended); err == nil {
		t.Error("Tail returns nil")
	}
}
