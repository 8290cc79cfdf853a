package server_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

// feed is a broker in memory, as all hubs of a test have it.
type feed struct {
	*backplanetest.Handle
	t      *testing.T
	memory *backplanetest.Memory

	mu     sync.Mutex // guards the others
	reads  int        // calls of Read
	onRead func()     // called in each Read, without the lock
}

func newFeed(t *testing.T) *feed {
	memory := backplanetest.NewMemory()
	return &feed{Handle: memory.Open(), t: t, memory: memory}
}

// id is the id of the first event of an entry of the present stream; 0: before all.
func (f *feed) id(entry uint64) string {
	f.t.Helper()
	st, err := f.memory.Open().State(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return st.Epoch + "-" + strconv.FormatUint(entry*1024, 10)
}

// setDown makes the broker one that cannot be reached.
func (f *feed) setDown(down bool) { f.Set(backplanetest.Faults{Unreachable: down}) }

// put stores bytes that may be no entry, whatever the hubs can reach.
func (f *feed) put(data []byte) {
	f.t.Helper()
	if _, err := f.memory.Open().Append(context.Background(), "", data); err != nil {
		f.t.Fatal(err)
	}
}

// whenRead makes each Read call do.
func (f *feed) whenRead(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onRead = do
}

// readsSeen is how often Read was called.
func (f *feed) readsSeen() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

func (f *feed) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	f.mu.Lock()
	f.reads++
	on := f.onRead
	f.mu.Unlock()
	if on != nil {
		on()
	}
	return f.Handle.Read(ctx, after, limit)
}
