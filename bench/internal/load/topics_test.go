package load

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

func TestNumbersOfTopics(t *testing.T) {
	for topics := range 5 {
		s := &Swarm{request: Request{Data: Data{Topics: Numbered(topics)}}}
		for i := range 12 {
			st, n := &stream{index: i}, uint64(0)
			for seq := range uint64(40) {
				seq++
				number, own := s.number(st, seq)
				if own != (topics < 2 || int(seq-1)%topics == i%topics) {
					t.Fatalf("%d topics: event %d is for stream %d: %v", topics, seq, i, own)
				}
				if own {
					n++
				}
				if own && number != n || s.numbers(st, seq) != n || own && s.seq(st, n) != seq {
					t.Fatalf("%d topics: event %d of stream %d is number %d, and there are %d up to it; want %d", topics, seq, i, number, s.numbers(st, seq), n)
				}
			}
		}
	}
}

// Each stream is to get the events of its topic, once, and those of no other.
func TestStreamsOfTopicsAreCountedApart(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		r.URL = serve(t, func(c *net.TCPConn, r *http.Request, _ int) {
			fmt.Fprint(c, head)
			for seq := uint64(1); seq <= 9; seq++ {
				own := fmt.Sprint((seq-1)%3) == r.URL.RawQuery
				lost := r.URL.RawQuery == "1" && seq == 5 || r.URL.RawQuery == "2" && seq == 9
				if stray := r.URL.RawQuery == "0" && seq == 8; own && !lost || stray {
					fmt.Fprint(c, event(seq))
				}
				time.Sleep(5 * time.Millisecond)
				if seq == 1 {
					time.Sleep(200 * time.Millisecond)
				}
			}
			_ = hold(c)
		}) + "?{{.Topic}}"
		r.Data.Topics = Numbered(3)
		s := swarm(t, r)
		s.Open(t.Context(), 5, 0, Client{})
		if err := s.AwaitOpen(t.Context(), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		if readers, all := s.Expect(0); readers != 5 || all != 5 || s.Due(0, 9) != 15 || s.Due(0, 4) != 7 {
			t.Errorf("%d readers, %d and %d deliveries are due; want 5, 15 and 7", readers, s.Due(0, 9), s.Due(0, 4))
		}
		testkit.Eventually(t, "what is sent", func() bool { n, _ := s.Delivered(); return n == 12 && total(s).Stray == 2 })
		if got, want := s.Ledger(0, 9), (Ledger{Expected: 15, Delivered: 12, Lost: 3, Missing: 2}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if n := len(s.CaughtUp(0, 9)); n != 2 {
			t.Errorf("%d streams have got all, want 2", n)
		}
		if got := total(s); got.Lanes[0].Missing != 2 || got.Other != 0 {
			t.Errorf("%+v", got)
		}
	})
}
