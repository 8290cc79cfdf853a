package server

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

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
	h, err := New(Config{Logger: log, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close(context.Background())
	f, err := os.CreateTemp(t.TempDir(), "") // epoll takes no files
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if !h.enter() {
		t.Fatal("the hub is full")
	}
	h.parkIn(h.shards[0], h.admission([]string{"a"}, "", chunked), parkedSocket{fd: int32(fd)})
	for until := time.Now().Add(10 * time.Second); h.Stats().Ended["error"] == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("ended: %v", h.Stats().Ended)
		}
	}
	if !log.has("watch") || !log.has("operation not permitted") {
		t.Errorf("logged %q", log.text)
	}
	if !strings.Contains(watchRemedy(fmt.Errorf("x: %w", unix.ENOSPC)), "max_user_watches") {
		t.Error("no remedy for too many watches")
	}
}
