package socket

import (
	"net"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

func newPoller(t testing.TB) *Poller {
	t.Helper()
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// withFD runs f with the descriptor of c.
func withFD(t testing.TB, c *net.TCPConn, f func(fd int)) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestPollerReportsRoomAndLeaving(t *testing.T) {
	p := newPoller(t)
	server, client := pair(t)
	const token = 1<<63 | 1<<31 | 7 // both halves have their highest bit in use
	withFD(t, server, func(fd int) {
		if err := p.Watch(fd, token); err != nil {
			t.Fatal(err)
		}
	})
	if got := p.Wait(nil, time.Second); len(got) != 1 || got[0] != (Ready{Token: token, Writable: true}) {
		t.Fatalf("a fresh socket: %+v", got)
	}
	if got := p.Wait(nil, 0); len(got) != 0 {
		t.Fatalf("the same edge twice: %+v", got)
	}
	fill(t, server)
	p.Wait(nil, 0) // edges from while it filled
	if err := client.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	var got []Ready
	for len(got) == 0 {
		if _, err := client.Read(buf); err != nil {
			t.Fatalf("no report of room: %v", err)
		}
		got = p.Wait(got[:0], 0)
	}
	if !got[0].Writable || got[0].PeerGone {
		t.Fatalf("after the peer has read: %+v", got)
	}
	client.Close()
	testkit.Eventually(t, "the peer's leaving", func() bool {
		got = p.Wait(got[:0], 0)
		return len(got) == 1 && got[0].PeerGone && got[0].Token == token
	})
}

func TestPollerWatchPeerReportsLeavingAlone(t *testing.T) {
	p := newPoller(t)
	server, client := pair(t)
	withFD(t, server, func(fd int) {
		if err := p.WatchPeer(fd, 7); err != nil {
			t.Fatal(err)
		}
		if err := p.WatchPeer(fd, 8); err == nil {
			t.Error("the same descriptor twice")
		}
	})
	if got := p.Wait(nil, 0); len(got) != 0 {
		t.Fatalf("room was reported: %+v", got)
	}
	client.CloseWrite()
	if got := p.Wait(nil, 5*time.Second); len(got) != 1 || got[0].Token != 7 || !got[0].PeerGone {
		t.Fatalf("got %+v", got)
	}
}

func TestPollerRemoveEndsReports(t *testing.T) {
	p := newPoller(t)
	server, client := pair(t)
	withFD(t, server, func(fd int) {
		if err := p.Watch(fd, 7); err != nil {
			t.Fatal(err)
		}
		p.Remove(fd)
		p.Remove(fd) // harmless
	})
	client.Close()
	p.Wake()
	if got := p.Wait(nil, 5*time.Second); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestPollerWakeIsKeptAndConsumed(t *testing.T) {
	p := newPoller(t)
	p.Wake()
	p.Wake()
	prefix := []Ready{{Token: 1}}
	if got := p.Wait(prefix, -1); len(got) != 1 || got[0] != prefix[0] {
		t.Fatalf("got %+v", got)
	}
	start := time.Now()
	if got := p.Wait(nil, 3*time.Millisecond); len(got) != 0 || time.Since(start) < 2*time.Millisecond {
		t.Errorf("got %+v after %v: the wake-ups were not consumed", got, time.Since(start))
	}
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		p.Wait(nil, -1)
	}()
	p.Wake()
	await(t, woken)
}

func TestPollerSaysWhatItCannotWatch(t *testing.T) {
	p := newPoller(t)
	if err := p.Watch(-1, 7); err == nil {
		t.Error("descriptor -1 is watched")
	}
}
