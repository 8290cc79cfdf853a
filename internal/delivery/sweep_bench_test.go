package delivery

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/socket"
)

// BenchmarkSweep is a look at every one of so many silent streams: nobody is
// due a heartbeat, or everybody is. A hub does it four times in a heartbeat
// interval, and a silent stream is due every third time.
//
// What would make it lie: leaving out the question to the kernel whether the peer
// has vanished (TCP_INFO), which is most of it. So where nothing is due, all
// slots have one TCP socket, whose answer comes from a warm cache; where all are
// due, all have /dev/null, which refuses the question at once and takes the
// heartbeat for nothing. Slots are visited in slab order, as the sweep does.
func BenchmarkSweep(b *testing.B) {
	for _, due := range []string{"none", "all"} {
		for _, readers := range []int{1000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("due=%s/readers=%d", due, readers), func(b *testing.B) {
				if readers == 1_000_000 && testing.Short() {
					b.Skip("a million slots take a while")
				}
				benchmarkSweep(b, readers, due == "all")
			})
		}
	}
}

func benchmarkSweep(b *testing.B, readers int, due bool) {
	const heartbeat = 15 * time.Second
	s := newSinks(b, Limits{Heartbeat: heartbeat})
	if !due {
		s.sock = connected(b)
	}
	s.fill(readers, "a")
	s.slots.each(func(_ int32, st *slot) { st.Wrote = -1 })
	b.ReportAllocs()
	for b.Loop() {
		if due {
			s.now += heartbeat.Milliseconds()
		}
		s.sweepAll()
	}
	perEach(b, readers, "reader")
	s.slots.each(func(_ int32, st *slot) {
		if beaten := st.Wrote == s.now; beaten != due {
			b.Fatalf("a heartbeat was sent: %v, want %v", beaten, due)
		}
	})
}

// sweepAll lets the sweep go round once, without the pauses between its parts.
func (s *sinks) sweepAll() {
	for left := s.slots.size(); left > 0; {
		from := s.sweptTo
		s.sweepAt = s.now
		s.sweep()
		left -= (s.sweptTo - from + s.slots.size()) % s.slots.size()
	}
}

// connected is a TCP socket with a peer that has acknowledged everything.
func connected(b *testing.B) socket.Parked {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { peer.Close() })
	c, err := ln.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	sock, err := socket.Park(c, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(sock.Close)
	return sock
}
