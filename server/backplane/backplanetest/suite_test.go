package backplanetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// wrong is a feed in memory that breaks the contract in one way.
type wrong struct {
	*Handle
	appending func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error)
	tailing   func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error
	reading   func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error)
	stating   func(h *Handle, ctx context.Context) (backplane.State, error)
}

func (w *wrong) Append(ctx context.Context, key string, entry []byte) (uint64, error) {
	if w.appending == nil {
		return w.Handle.Append(ctx, key, entry)
	}
	return w.appending(w.Handle, ctx, key, entry)
}

func (w *wrong) Tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	if w.tailing == nil {
		return w.Handle.Tail(ctx, after, deliver)
	}
	return w.tailing(w.Handle, ctx, after, deliver)
}

func (w *wrong) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	if w.reading == nil {
		return w.Handle.Read(ctx, after, limit)
	}
	return w.reading(w.Handle, ctx, after, limit)
}

func (w *wrong) State(ctx context.Context) (backplane.State, error) {
	if w.stating == nil {
		return w.Handle.State(ctx)
	}
	return w.stating(w.Handle, ctx)
}

// mistake is an implementation that breaks the contract in one way, with the check that has
// to find it and a part of what that says.
type mistake struct {
	mistake, check, says string

	faults Faults
	wrong  wrong
	feed   func(m *Memory, f *Feed)
}

var mistakes = []mistake{
	{mistake: "a tail loses entries", check: "Tail delivers what is stored and what comes", says: "Tail delivered something else", faults: Faults{Lose: true}},
	{mistake: "a tail loses entries", check: "All who read have the same order", says: "Tail delivered something else", faults: Faults{Lose: true}},
	{mistake: "a tail doubles entries", check: "Tail delivers what is stored and what comes", says: `entry 3 is 3:"entry 2", want 4:"entry 3"`, faults: Faults{Double: true}},
	{mistake: "a tail swaps entries", check: "Tail delivers what is stored and what comes", says: `entry 0 is 2:"entry 1", want 1:"entry 0"`, faults: Faults{Swap: true}},
	{mistake: "keys are forgotten", check: "A key makes Append idempotent", says: "want 1 of the first", faults: Faults{ForgetKeys: true}},
	{mistake: "keys are forgotten", check: "A key counts for appends at the same time", says: "want one sequence", faults: Faults{ForgetKeys: true}},
	{mistake: "keys are forgotten", check: "A key outlives a crash", says: "after the crash returned sequence 2, want 1", faults: Faults{ForgetKeys: true}},
	{mistake: "Last is too low", check: "State describes what is held", says: "Last:4", faults: Faults{LastLow: 1}},
	{
		mistake: "Last is too high", check: "State describes what is held", says: "Last:10",
		wrong: wrong{stating: func(h *Handle, ctx context.Context) (backplane.State, error) {
			s, err := h.State(ctx)
			if s.Last > 0 {
				s.Last += 5
			}
			return s, err
		}},
	},
	{
		mistake: "a tail stalls", check: "Tail delivers what is stored and what comes", says: `entry 3:"entry 2" is missing at the end`,
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			return h.Tail(ctx, after, func(batch []backplane.Entry) error {
				if err := deliver(batch[:min(2, len(batch))]); err != nil {
					return err
				}
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}},
	},
	{mistake: "acknowledgements are lost", check: "An appended entry is read as it was", says: "the answer to an append was lost", faults: Faults{LoseAcks: true}},
	{
		mistake: "a key counts at its handle only", check: "A key counts for every handle", says: "at another handle returned sequence 2, want 1",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			return h.Append(ctx, fmt.Sprintf("%p", h)+key, entry)
		}},
	},
	{
		mistake: "keys are cut at NUL", check: "Keys are of any kind", says: "the stream holds something else",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			key, _, _ = strings.Cut(key, "\x00")
			return h.Append(ctx, key, entry)
		}},
	},
	{
		mistake: "the empty key is a key", check: "Entries without a key are all stored", says: "the stream holds something else",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			return h.Append(ctx, "key "+key, entry)
		}},
	},
	{
		mistake: "sequences begin at 0", check: "Sequences are at least 1 and below 2^53 and rise", says: "sequence 0 was given",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			seq, err := h.Append(ctx, key, entry)
			return seq - 1, err
		}},
	},
	{
		mistake: "Append cuts entries", check: "A large entry is stored or refused", says: "but Read returns",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			return h.Append(ctx, key, entry[:min(len(entry), 100<<10)])
		}},
	},
	{
		mistake: "Append refuses and stores", check: "A large entry is stored or refused", says: "was refused, but is stored",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			seq, err := h.Append(ctx, key, entry)
			if len(entry) >= 1<<20 {
				err = refused("too large")
			}
			return seq, err
		}},
	},
	{
		mistake: "Append keeps the slice for a while", check: "Append does not keep the entry", says: "Tail delivered something else",
		wrong: wrong{appending: keeping()},
	},
	{
		mistake: "Append does not look at its context", check: "Append returns soon after its context is done", says: "want an error, soon",
		wrong: wrong{appending: func(h *Handle, _ context.Context, key string, entry []byte) (uint64, error) {
			return h.Append(context.Background(), key, entry)
		}},
	},
	{
		mistake: "Append says that it has stored what a broker that is gone has not", check: "What was acknowledged outlives a crash", says: "was acknowledged; the stream holds",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			if seq, err := h.Append(ctx, key, entry); err == nil {
				return seq, nil
			}
			h.memory.mu.Lock()
			defer h.memory.mu.Unlock()
			return h.memory.last + 1000, nil
		}},
	},
	{
		mistake: "Append refuses what is stored", check: "Append fails when the broker is gone", says: "though Append has refused it",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			seq, err := h.Append(ctx, key, entry)
			if err != nil {
				h.memory.mu.Lock()
				h.memory.appendLocked(key, entry, Faults{})
				h.memory.mu.Unlock()
			}
			return seq, err
		}},
	},
	{
		mistake: "a tail begins one too early", check: "Tail leaves out what is not after the sequence", says: "Tail delivered something else",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			after.Seq = max(after.Seq, 1) - 1
			return h.Tail(ctx, after, deliver)
		}},
	},
	{
		mistake: "a tail delivers what is stored alone", check: "Tail delivers what is stored and what comes", says: "Tail has returned <nil>",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			page, err := h.Read(ctx, after, 1000)
			if err == nil {
				err = deliver(page)
			}
			return err
		}},
	},
	{
		mistake: "a tail returns another error than its cause", check: "Tail returns the cause of its context", says: "want its cause",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			_ = h.Tail(ctx, after, deliver)
			return ctx.Err()
		}},
	},
	{
		mistake: "a tail goes on after an error", check: "Tail returns the error of deliver", says: "want the error of the first",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			return h.Tail(ctx, after, func(batch []backplane.Entry) error {
				_ = deliver(batch)
				return deliver(batch)
			})
		}},
	},
	{
		mistake: "a tail delivers from several goroutines", check: "Tail calls deliver once at a time", says: "calls of deliver run at the same time",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			return h.Tail(ctx, after, func(batch []backplane.Entry) error {
				for _, e := range copies(batch) {
					go func() { _ = deliver([]backplane.Entry{e}) }()
				}
				return nil
			})
		}},
	},
	{
		mistake: "a tail has a buffer that overflows", check: "Tail waits for a slow deliver", says: "Tail delivered something else",
		wrong: wrong{tailing: overflowing},
	},
	{
		mistake: "a tail gives up when nothing comes", check: "Tail stays while nothing comes", says: "while nothing came",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return h.Tail(ctx, after, deliver)
		}},
	},
	{
		mistake: "a page has more than the limit", check: "Read returns pages", says: "the limit was 1",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			return h.Read(ctx, after, limit+1)
		}},
	},
	{
		mistake: "a page has less than the limit", check: "Read returns pages", says: "of 7 entries returned",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			return h.Read(ctx, after, min(limit, 5))
		}},
	},
	{
		mistake: "pages overlap", check: "Read returns pages", says: "Read returned sequence",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			after.Seq = max(after.Seq, 1) - 1
			return h.Read(ctx, after, limit)
		}},
	},
	{
		mistake: "Read waits for more", check: "Read returns nothing at the end", says: "want nothing, soon",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			page, err := h.Read(ctx, after, limit)
			if len(page) == 0 {
				err = pause(ctx, 3*time.Second)
			}
			return page, err
		}},
	},
	{
		mistake: "Read hands out its own", check: "Read's entries belong to the caller", says: "is read again",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			page, err := h.memory.page(after, limit)
			return slices.Clone(page), err
		}},
	},
	{
		mistake: "Read leaves out large entries", check: "Read returns large entries", says: "is missing at the end",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			page, err := h.Read(ctx, after, limit)
			size := 0
			for i, e := range page {
				if size += len(e.Data); size > 400<<10 {
					return page[:i], err
				}
			}
			return page, err
		}},
	},
	{
		mistake: "the epoch has other characters", check: "State describes an empty stream", says: "want 1 to 32 of a-z and 0-9",
		wrong: wrong{stating: func(h *Handle, ctx context.Context) (backplane.State, error) {
			s, err := h.State(ctx)
			s.Epoch = strings.ToUpper(s.Epoch)
			return s, err
		}},
	},
	{
		mistake: "First of an empty stream is 0", check: "State describes an empty stream", says: "First above it",
		wrong: wrong{stating: func(h *Handle, ctx context.Context) (backplane.State, error) {
			s, err := h.State(ctx)
			if s.First > s.Last {
				s.First = 0
			}
			return s, err
		}},
	},
	{
		mistake: "the epoch stays", check: "A stream that was made again has another epoch", says: "want another epoch",
		wrong: wrong{stating: func(h *Handle, ctx context.Context) (backplane.State, error) {
			s, err := h.State(ctx)
			s.Epoch = "always"
			return s, err
		}},
	},
	{
		mistake: "every handle has its epoch", check: "A stream that was made again has another epoch", says: "two handles say",
		wrong: wrong{stating: func(h *Handle, ctx context.Context) (backplane.State, error) {
			s, err := h.State(ctx)
			s.Epoch = strings.TrimPrefix(fmt.Sprintf("%p", h), "0x") + s.Epoch[6:]
			return s, err
		}},
	},
	{
		mistake: "a tail does not notice the new stream", check: "Tail returns an error when the stream is made again", says: "Tail has not returned within",
		wrong: wrong{tailing: persistent},
	},
	{
		mistake: "a tail notices the new stream at its next entry", check: "Tail returns an error when the stream is made again", says: "Tail has not returned within",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			err := h.Tail(ctx, after, deliver)
			for errors.Is(err, backplane.ErrOtherEpoch) && ctx.Err() == nil && h.memory.empty() {
				_ = pause(ctx, time.Millisecond)
			}
			return err
		}},
	},
	{
		mistake: "a tail does not say that the stream is another", check: "Tail returns an error when the stream is made again", says: "Tail returned lost when the stream was made again; want ErrOtherEpoch",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			if err := h.Tail(ctx, after, deliver); !errors.Is(err, backplane.ErrOtherEpoch) {
				return err
			}
			return errors.New("lost")
		}},
	},
	{
		mistake: "a tail ignores the epoch", check: "Tail refuses a position of another epoch", says: "entries of another stream",
		wrong: wrong{tailing: careless},
	},
	{
		mistake: "a tail ignores the epoch", check: "Tail delivers nothing of the stream that takes the place of its own", says: "what is not of its stream",
		wrong: wrong{tailing: careless},
	},
	{
		mistake: "a tail goes by what State has said last", check: "Tail refuses a position of another epoch", says: "entries of another stream",
		wrong: forgetful(),
	},
	{
		mistake: "Read ignores the epoch", check: "Read refuses a position of another epoch", says: "entries of another stream",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			return h.Read(ctx, h.memory.here(after), limit)
		}},
	},
	{
		mistake: "Read finds nothing in another stream", check: "Read refuses a position of another epoch", says: "returned <nil>; want ErrOtherEpoch",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			page, err := h.Read(ctx, after, limit)
			if errors.Is(err, backplane.ErrOtherEpoch) {
				return nil, nil
			}
			return page, err
		}},
	},
	{
		mistake: "Read looks at the epoch before it reads", check: "Streams are kept apart while one takes the place of the other", says: "came from that of epoch",
		wrong: wrong{reading: func(h *Handle, ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
			if h.memory.here(after) != after {
				return nil, backplane.ErrOtherEpoch
			}
			_ = pause(ctx, 10*time.Millisecond)
			return h.Read(ctx, h.memory.here(after), limit)
		}},
	},
	{
		mistake: "a tail ends before a deadline", check: "Tail returns the cause of its context", says: "before it; want the cause",
		wrong: wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < 4*time.Second {
				return errors.New("no time left to ask for entries")
			}
			return h.Tail(ctx, after, deliver)
		}},
	},
	{
		mistake: "a tail does not notice that the broker is gone", check: "Tail returns an error when the broker is gone", says: "Tail has not returned",
		wrong: wrong{tailing: persistent},
	},
	{
		mistake: "a tail does not notice silence", check: "Tail returns an error when the broker is silent", says: "Tail has not returned within",
		wrong: wrong{tailing: persistent},
	},
	{
		mistake: "Append waits for a silent broker", check: "Append returns while the broker is silent", says: "at a silent broker returned",
		wrong: wrong{appending: func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*time.Second)
			defer cancel()
			return h.Append(ctx, key, entry)
		}},
	},
	{
		mistake: "sequences begin anew when all is dropped", check: "Entries that were dropped are left out", says: "State after all was dropped",
		feed: func(m *Memory, f *Feed) {
			f.Purge = func() {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.entries, m.first, m.last = nil, 1, 0
			}
		},
	},
	{
		mistake: "a crash loses the newest entry", check: "What was acknowledged outlives a crash", says: "was acknowledged; the stream holds",
		feed: func(m *Memory, f *Feed) {
			f.Start = func() {
				m.mu.Lock()
				m.entries = m.entries[:len(m.entries)-1]
				m.mu.Unlock()
				m.Set(Faults{})
			}
		},
	},
	hasty("State counts", "the last entry was", func(crashed *atomic.Bool) wrong {
		return wrong{stating: func(h *Handle, ctx context.Context) (backplane.State, error) {
			s, err := h.State(ctx)
			if !crashed.Load() {
				s.Last += 1_000_000
			}
			return s, err
		}}
	}),
	hasty("Tail delivers", "Tail delivered something else", func(crashed *atomic.Bool) wrong {
		return wrong{tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			return h.Tail(ctx, after, func(batch []backplane.Entry) error {
				if !crashed.Load() {
					batch[0].Data = []byte("what took its place came after the crash")
				}
				return deliver(batch)
			})
		}}
	}),
}

// hasty is a broker with something that a crash makes untrue.
func hasty(what, says string, make func(crashed *atomic.Bool) wrong) mistake {
	crashed := &atomic.Bool{}
	return mistake{
		mistake: what + " what a crash loses", check: "What was acknowledged outlives a crash", says: says, wrong: make(crashed),
		feed: func(m *Memory, f *Feed) {
			crashed.Store(false) // in an earlier run it has
			f.Start = func() { crashed.Store(true); m.Set(Faults{}) }
		},
	}
}

// keeping returns an Append that looks at the last call's slice once more.
func keeping() func(*Handle, context.Context, string, []byte) (uint64, error) {
	var kept []byte
	return func(h *Handle, ctx context.Context, key string, entry []byte) (uint64, error) {
		h.memory.mu.Lock()
		if kept != nil {
			entries := slices.Clone(h.memory.entries)
			entries[len(entries)-1].Data = bytes.Clone(kept)
			h.memory.entries = entries
		}
		h.memory.mu.Unlock()
		kept = entry
		return h.Append(ctx, key, entry)
	}
}

// here is a position of the present stream.
func (m *Memory) here(p backplane.Position) backplane.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.Epoch = m.epoch
	return p
}

func (m *Memory) empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries) == 0
}

// careless is a Tail that goes on in whatever stream is there.
func careless(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	for {
		err := h.Tail(ctx, h.memory.here(after), func(batch []backplane.Entry) error {
			after.Seq = batch[len(batch)-1].Seq
			return deliver(batch)
		})
		if !errors.Is(err, backplane.ErrOtherEpoch) {
			return err
		}
	}
}

// forgetful takes the epoch that State has returned last, to whomever, for the caller's.
func forgetful() wrong {
	var told atomic.Value
	return wrong{
		stating: func(h *Handle, ctx context.Context) (backplane.State, error) {
			s, err := h.State(ctx)
			told.Store(s.Epoch)
			return s, err
		},
		tailing: func(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
			after.Epoch = told.Load().(string)
			return h.Tail(ctx, after, deliver)
		},
	}
}

// persistent is a Tail that never returns an error of the broker.
func persistent(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	for ctx.Err() == nil {
		_ = h.Tail(ctx, after, func(batch []backplane.Entry) error {
			after.Seq = batch[len(batch)-1].Seq
			return deliver(batch)
		})
		_ = pause(ctx, time.Millisecond)
	}
	return context.Cause(ctx)
}

// overflowing is a Tail that throws away what does not fit into its buffer.
func overflowing(h *Handle, ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	buffer := make(chan backplane.Entry, 500)
	go func() {
		_ = h.Tail(ctx, after, func(batch []backplane.Entry) error {
			for _, e := range copies(batch) {
				select {
				case buffer <- e:
				default:
				}
			}
			return nil
		})
	}()
	for {
		select {
		case e := <-buffer:
			if err := deliver([]backplane.Entry{e}); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// recorder takes the place of the test that a check reports to.
type recorder struct {
	testing.TB

	mu       sync.Mutex // guards the others
	said     bytes.Buffer
	failed   bool
	skipped  bool
	cleanups []func()
}

func (r *recorder) record(failed bool, says string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	r.said.WriteString(says + "\n")
}

func (r *recorder) Helper()                      {}
func (r *recorder) Logf(f string, args ...any)   { r.record(false, fmt.Sprintf(f, args...)) }
func (r *recorder) Error(args ...any)            { r.record(true, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) { r.record(true, fmt.Sprintf(f, args...)) }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)            { r.Error(args...); runtime.Goexit() }
func (r *recorder) Skipf(f string, args ...any) {
	r.record(false, fmt.Sprintf(f, args...))
	r.skipped = true
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// hold runs a check on a feed, and returns what it says.
func hold(t testing.TB, c check, f *Feed) (says string, failed bool) {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.check(r, f)
	}()
	<-done
	for _, cleanup := range slices.Backward(r.cleanups) {
		cleanup()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.skipped {
		t.Errorf("the check %q was skipped: %s", c.name, r.said.String())
	}
	return r.said.String(), r.failed
}

func checkNamed(t testing.TB, name string) check {
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("there is no check %q", name)
	}
	return checks[i]
}

func TestSuiteFindsMistakes(t *testing.T) {
	before, beforeNotice := within, notice
	within, notice = 3*time.Second, 3*time.Second
	t.Cleanup(func() { within, notice = before, beforeNotice })
	for _, m := range mistakes {
		t.Run(m.mistake+"/"+m.check, func(t *testing.T) {
			t.Parallel()
			memory := NewMemory()
			f := feedOf(memory, m.faults)
			f.Open = func(testing.TB) backplane.Backplane {
				w := m.wrong
				w.Handle = memory.Open()
				w.Handle.Set(m.faults)
				return &w
			}
			if m.feed != nil {
				m.feed(memory, f)
			}
			says, failed := hold(t, checkNamed(t, m.check), f)
			if !failed || !strings.Contains(says, m.says) {
				t.Errorf("the check has failed: %v; want it to, and to say %q. It says:\n%s", failed, m.says, says)
			}
		})
	}
}

// Each check finds a mistake: none of them is there for show.
func TestEveryCheckFindsAMistake(t *testing.T) {
	for _, c := range checks {
		if !slices.ContainsFunc(mistakes, func(m mistake) bool { return m.check == c.name }) {
			t.Errorf("no mistake is known that %q finds", c.name)
		}
	}
}

func TestFeedWithoutFaultsSkipsTheirChecks(t *testing.T) {
	f := memoryFeed(Faults{})
	f.Kill = nil
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tailNoticesCrash(r, f)
	}()
	<-done
	if !r.skipped || !strings.Contains(r.said.String(), "kill all of the broker") {
		t.Errorf("the check was skipped: %v, and says %q", r.skipped, r.said.String())
	}
}
