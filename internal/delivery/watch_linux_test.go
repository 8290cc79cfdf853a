package delivery

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/socket"
	"golang.org/x/sys/unix"
)

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex // guards text
	text string
}

func (l *lines) Printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text += fmt.Sprintf(format, args...) + "\n"
}

func (l *lines) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text, part)
}

func TestAStreamThatCannotBeWatchedIsLogged(t *testing.T) {
	log := &lines{}
	host := newHost(Limits{})
	host.Logger = log
	ended := make(chan cursor.Reason, 1)
	host.Ended = func(_ *HookData, _ []string, why cursor.Reason) { ended <- why }
	d := New(host, 1)
	f, err := os.CreateTemp(t.TempDir(), "") // epoll takes no files
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	a := &Admission{Topics: host.History.Acquire([]string{"a"}), Began: d.Era()}
	a.Topics[0].Readers.Add(1)
	if not := d.park(d.shards[0], a, socket.Parked{FD: int32(fd)}); not != nil {
		t.Fatalf("not held: %+v", not)
	}
	select {
	case why := <-ended:
		if why != cursor.Failed {
			t.Errorf("it ended for reason %d, want a failure", why)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	if !log.has("watch") || !log.has("operation not permitted") {
		t.Errorf("logged %q", log.text)
	}
	if !strings.Contains(socket.WatchRemedy(fmt.Errorf("x: %w", unix.ENOSPC)), "max_user_watches") {
		t.Error("no remedy for too many watches")
	}
}
