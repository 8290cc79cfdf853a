package redis

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

func TestWhatWasStoredOutlivesAKill(t *testing.T) {
	s := start(t)
	b := s.open(t)
	was := state(t, b)
	f := follow(t, b, 0)
	for i := range 100 {
		add(t, b, fmt.Sprint(i), fmt.Sprint(i))
	}
	f.await(t, 100)
	s.kill()
	if err := testkit.Receive(t, "Tail returns when the server has died", f.ended); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("Tail returns %v", err)
	}
	if _, err := b.Append(t.Context(), "", []byte("nowhere")); !errors.Is(err, backplane.ErrRefused) {
		t.Errorf("Append without a server returns %v, want ErrRefused", err)
	}
	if _, err := b.State(t.Context()); err == nil || errors.Is(err, backplane.ErrRefused) {
		t.Errorf("State without a server returns %v", err)
	}
	s.run(t)
	if now := state(t, b); now.Epoch != was.Epoch || now.Last != 100 || now.First != 1 {
		t.Errorf("the state is %+v, want the epoch %s and 1 to 100", now, was.Epoch)
	}
	if seq := add(t, b, "42", "again"); seq != 43 {
		t.Errorf("the key of sequence 43 gives %d after the restart", seq)
	}
	if seq := add(t, b, "", "next"); seq != 101 {
		t.Errorf("the next sequence is %d, want 101", seq)
	}
	if got := follow(t, b, 100).await(t, 1); texts(got) != "101:next" {
		t.Errorf("Tail goes on with %s", texts(got))
	}
}

var kills = flag.Int("kills", 0, "kill a server so often while entries are appended; run alone, with -run ManyKills")

func TestManyKills(t *testing.T) {
	if *kills == 0 {
		t.Skip("takes about a second for each of -kills=N")
	}
	s := start(t)
	backplanetest.Kills(t, &backplanetest.Feed{
		Open:  func(t testing.TB) backplane.Backplane { return s.open(t) },
		Kill:  s.kill,
		Start: func() { s.run(t) },
	}, *kills)
}

func TestAStreamThatIsMadeAgainHasAnotherEpoch(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, s *server, stream string){
		"DEL":      func(t *testing.T, s *server, stream string) { s.do(t, "DEL", stream) },
		"FLUSHALL": func(t *testing.T, s *server, _ string) { s.do(t, "FLUSHALL") },
		"a restart that forgets": func(t *testing.T, s *server, _ string) {
			s.kill()
			s.run(t)
		},
		"XGROUP DESTROY": func(t *testing.T, s *server, stream string) {
			groups, err := s.raw(t).XInfoGroups(t.Context(), stream).Result()
			if err != nil || len(groups) != 1 {
				t.Fatalf("groups %v: %v", groups, err)
			}
			s.do(t, "XGROUP", "DESTROY", stream, groups[0].Name)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, "--appendonly", "no")
			b := s.open(t)
			was := state(t, b)
			add(t, b, "key", "old")
			f := follow(t, b, 0)
			f.await(t, 1)
			lose(t, s, b.stream)
			if err := testkit.Receive(t, "Tail returns", f.ended); err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("Tail returns %v", err)
			}
			add(t, b, "key", "new") // the key is that of an entry of another stream
			again := followAt(t, b, backplane.Position{Epoch: was.Epoch})
			if err := testkit.Receive(t, "Tail of the old stream returns", again.ended); !errors.Is(err, backplane.ErrOtherEpoch) {
				t.Errorf("Tail of the old stream returns %v", err)
			}
			if got := texts(append(f.got(), again.got()...)); got != "1:old" {
				t.Errorf("Tail has delivered %s", got)
			}
			now := state(t, b)
			if now.Epoch == was.Epoch {
				t.Errorf("the epoch is still %s", now.Epoch)
			}
			entries := read(t, b, 0, 10)
			if last := entries[len(entries)-1]; string(last.Data) != "new" || last.Seq != now.Last {
				t.Errorf("stored: %s, the state is %+v", texts(entries), now)
			}
			if got := follow(t, b, 0).await(t, len(entries)); texts(got) != texts(entries) {
				t.Errorf("Tail has %s, want %s", texts(got), texts(entries))
			}
		})
	}
}

// The other stream has passed the sequence at which Tail waits before Tail can look.
func TestTailDeliversNothingOfAnotherStream(t *testing.T) {
	s := start(t)
	b, other := s.open(t), s.open(t)
	for round := range 20 {
		was := state(t, b)
		f := follow(t, b, was.Last)
		add(t, b, "", "old")
		f.await(t, 1)
		swap := s.raw(t).TxPipeline()
		swap.Del(t.Context(), b.stream)
		if round%2 == 0 { // a Redis that was told to would make it so at once
			swap.Do(t.Context(), "XGROUP", "CREATE", b.stream, fmt.Sprint("epoch-again", round), "0", "MKSTREAM")
			for range 3 {
				swap.Do(t.Context(), "XADD", b.stream, "0-*", "d", "new")
			}
		}
		if _, err := swap.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			add(t, other, "", "new")
		}
		if err := testkit.Receive(t, "Tail returns", f.ended); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("Tail returns %v", err)
		}
		if got := f.got(); len(got) != 1 || string(got[0].Data) != "old" {
			t.Fatalf("Tail has delivered %s", texts(got))
		}
		s.do(t, "DEL", b.stream)
	}
}

func TestFeedsOfTwoHandlesHaveOneEpoch(t *testing.T) {
	s := start(t)
	epochs := make(chan string, 8)
	handles := make([]*Backplane, cap(epochs))
	for i := range handles {
		handles[i] = s.open(t)
	}
	s.do(t, "FLUSHALL")
	for _, b := range handles {
		go func() {
			now, err := b.State(t.Context())
			if err != nil {
				t.Error(err)
			}
			epochs <- now.Epoch
		}()
	}
	first := testkit.Receive(t, "an epoch", epochs)
	for range len(handles) - 1 {
		if epoch := testkit.Receive(t, "an epoch", epochs); epoch != first {
			t.Errorf("one has the epoch %s, another %s", first, epoch)
		}
	}
}

func TestRefusedIsNotStored(t *testing.T) {
	const secret = "s3cret"
	for name, c := range map[string]struct {
		command []any
		says    string
	}{
		"no memory":        {[]any{"CONFIG", "SET", "maxmemory", "1"}, "raise Redis's maxmemory"},
		"may not SET":      {[]any{"ACL", "SETUSER", "hub", "-set"}, "ACL"},
		"may not XADD":     {[]any{"ACL", "SETUSER", "hub", "-xadd"}, "ACL"},
		"may not EVALSHA":  {[]any{"ACL", "SETUSER", "hub", "-evalsha"}, "ACL"},
		"other keys":       {[]any{"ACL", "SETUSER", "hub", "resetkeys", "~other"}, "ACL"},
		"too few replicas": {[]any{"CONFIG", "SET", "min-replicas-to-write", "1"}, "min-replicas-to-write"},
		"a replica":        {[]any{"REPLICAOF", "127.0.0.1", "1"}, "name the master"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, "--requirepass", "", "--replica-serve-stale-data", "yes")
			s.do(t, "ACL", "SETUSER", "hub", "on", ">"+secret, "~fastsse:{scores}*", "+@all")
			b := s.openWith(t, Options{URL: "redis://hub:" + secret + "@127.0.0.1:" + s.port})
			add(t, b, "", "one")
			s.do(t, c.command...)
			_, err := b.Append(t.Context(), "key", []byte("two"))
			if !errors.Is(err, backplane.ErrRefused) || !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(fmt.Sprint(err), `append to feed "scores"`) {
				t.Errorf("Append returns %v; want ErrRefused, what was attempted and %q", err, c.says)
			}
			if n, err := s.raw(t).XLen(t.Context(), b.stream).Result(); n != 1 || err != nil {
				t.Errorf("%d entries are stored (%v), want 1", n, err)
			}
		})
	}
}

func TestWhatNeedsNoServerToBeRefused(t *testing.T) {
	b := start(t).open(t)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, f := range map[string]func() (uint64, error){
		"a long key":             func() (uint64, error) { return b.Append(t.Context(), strings.Repeat("k", 129), nil) },
		"a large entry":          func() (uint64, error) { return b.Append(t.Context(), "", make([]byte, mostEntryBytes+1)) },
		"a context that is done": func() (uint64, error) { return b.Append(done, "", nil) },
	} {
		if _, err := f(); !errors.Is(err, backplane.ErrRefused) {
			t.Errorf("%s: Append returns %v, want ErrRefused", name, err)
		}
	}
	if s := state(t, b); s.Last != 0 {
		t.Errorf("something is stored: %+v", s)
	}
}

func TestAStreamOfSomebodyElseIsRefused(t *testing.T) {
	for name, command := range map[string][]any{
		"a string":      {"SET", "fastsse:{scores}", "x"},
		"other entries": {"XADD", "fastsse:{scores}", "*", "d", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			b := s.open(t)
			s.do(t, "DEL", b.stream)
			s.do(t, command...)
			if _, err := b.Append(t.Context(), "", []byte("x")); !errors.Is(err, backplane.ErrRefused) {
				t.Errorf("Append returns %v, want ErrRefused", err)
			}
			_, stateErr := b.State(t.Context())
			_, readErr := b.Read(t.Context(), backplane.Position{Epoch: "any"}, 1)
			for _, err := range []error{stateErr, readErr, b.Tail(t.Context(), backplane.Position{Epoch: "any"}, nil)} {
				if err == nil || !strings.Contains(err.Error(), "Options.Feed") {
					t.Errorf("the error %v does not name the remedy", err)
				}
			}
		})
	}
}
