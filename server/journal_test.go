package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

// journal is a broker that is made anew, and remembers what all its streams had.
type journal struct {
	memory *backplanetest.Memory

	renewal sync.RWMutex // held by Append, and alone by renew: an entry is of one stream
	epoch   string
	mu      sync.Mutex // guards stored
	stored  map[backplane.Position][]byte
}

func newJournal() *journal {
	j := &journal{memory: backplanetest.NewMemory(), stored: map[backplane.Position][]byte{}}
	j.renew()
	return j
}

// renew deletes the stream and makes it again.
func (j *journal) renew() {
	j.renewal.Lock()
	defer j.renewal.Unlock()
	j.memory.Remake()
	st, _ := j.memory.Open().State(context.Background())
	j.epoch = st.Epoch
}

// names returns an error unless an id is that of the event with that data.
func (j *journal) names(id, data string) error {
	epoch, number, _ := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return err
	}
	j.mu.Lock()
	entry, ok := j.stored[backplane.Position{Epoch: epoch, Seq: seq / 1024}]
	j.mu.Unlock()
	all, err := server.EntryData(entry)
	if i := int(seq % 1024); !ok || err != nil || i >= len(all) || all[i] != data {
		return fmt.Errorf("%q was published as %s, where the broker has %q, %v", data, id, all, err)
	}
	return nil
}

// open returns a hub's handle on the broker.
func (j *journal) open() *journalHandle {
	return &journalHandle{Handle: j.memory.Open(), journal: j}
}

// journalHandle can hold up what Tail reads, and be told when Append has stored an entry.
type journalHandle struct {
	*backplanetest.Handle
	journal *journal
	delay   time.Duration // most that a batch is held up by, at random
	read    atomic.Uint64 // the last sequence that a Tail has read, and delivers when it may

	mu     sync.Mutex    // guards the others
	gate   chan struct{} // Tails hold up what they have read until it is closed; nil: not at all
	stored func()        // called before Append returns
	deaf   bool          // Tails do not notice that they have ended
}

// hold holds up what Tails read from now on, until release.
func (h *journalHandle) hold() (release func()) {
	gate := make(chan struct{})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

// whenStored makes the next Append call f when it has stored its entry, before it returns.
func (h *journalHandle) whenStored(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stored = f
}

func (h *journalHandle) setDeaf(deaf bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deaf = deaf
}

func (h *journalHandle) isDeaf() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.deaf
}

func (h *journalHandle) Append(ctx context.Context, key string, entry []byte) (uint64, error) {
	seq, err := h.append(ctx, key, entry)
	h.mu.Lock()
	stored := h.stored
	h.stored = nil
	h.mu.Unlock()
	if stored != nil {
		stored()
	}
	return seq, err
}

func (h *journalHandle) append(ctx context.Context, key string, entry []byte) (uint64, error) {
	j := h.journal
	j.renewal.RLock()
	defer j.renewal.RUnlock()
	seq, err := h.Handle.Append(ctx, key, entry)
	at := backplane.Position{Epoch: j.epoch, Seq: seq}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, known := j.stored[at]; err == nil && !known {
		j.stored[at] = bytes.Clone(entry)
	}
	return seq, err
}

// Tail delivers what it has read, even if the stream was made anew meanwhile.
func (h *journalHandle) Tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	var mu sync.Mutex
	var read []backplane.Entry
	more := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- h.Handle.Tail(ctx, after, func(page []backplane.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range page {
				read = append(read, backplane.Entry{Seq: e.Seq, Data: bytes.Clone(e.Data)})
				h.read.Store(e.Seq)
			}
			select {
			case more <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	flush := func() error {
		mu.Lock()
		page := read
		read = nil
		mu.Unlock()
		if len(page) == 0 {
			return nil
		}
		h.mu.Lock()
		gate := h.gate
		h.mu.Unlock()
		if gate != nil {
			<-gate
		}
		if h.delay > 0 {
			time.Sleep(rand.N(h.delay))
		}
		return deliver(page)
	}
	for {
		select {
		case <-more:
			if err := flush(); err != nil {
				return err
			}
		case err := <-ended:
			if h.isDeaf() {
				<-ctx.Done()
				err = context.Cause(ctx)
			}
			return errors.Join(err, flush())
		}
	}
}
