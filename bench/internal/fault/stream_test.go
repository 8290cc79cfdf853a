package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

// A letter is an event, a dot a comment.
func TestStreamMangles(t *testing.T) {
	for _, c := range []struct {
		faults   Faults
		in, want string
	}{
		{Faults{}, "a.bc.", "a.bc."},
		{Faults{Drop: 3}, "abcdefg", "abdeg"},
		{Faults{Drop: 1}, "a.b.", ".."},
		{Faults{Drop: 2}, "a..b.c.d", "a...c."},
		{Faults{Duplicate: 3}, "abcdefg", "abccdeffg"},
		{Faults{Duplicate: 1}, "a.b", "aa.bb"},
		{Faults{Reorder: 3}, "abcdefgh", "abdcegfh"},
		{Faults{Reorder: 2}, "abcdefg", "acbedgf"},
		{Faults{Reorder: 1}, "abcde", "badce"},
		{Faults{Reorder: 2}, "ab", "ab"},
		{Faults{Reorder: 2}, "ab..c", "a..cb"}, // comments do not wait
		{Faults{Drop: 2, Duplicate: 2}, "abcdefgh", "accegg"},
		{Faults{Duplicate: 2, Reorder: 2}, "abcde", "acbbedd"},
		{Faults{Duplicate: 3, Reorder: 2}, "abcde", "accbed"},
		{Faults{Drop: 3, Duplicate: 2, Reorder: 2}, "abcdef.ghi", "adbb.geehh"},
	} {
		_, got := mangled(t, c.faults, c.in)
		if got != c.want {
			t.Errorf("%v: %q became %q; want %q", c.faults, c.in, got, c.want)
		}
	}
}

// The counts are those of the package's documentation, for any number of events.
func TestStreamCounts(t *testing.T) {
	for total := range 60 {
		for n := 1; n < 8; n++ {
			p, out := mangled(t, Faults{Drop: n, Duplicate: n + 1, Reorder: n + 2}, strings.Repeat("e", total))
			dropped := total / n
			kept := total - dropped
			duplicated, reordered := kept/(n+1), kept/(n+2)
			if kept > 0 && kept%(n+2) == 0 {
				reordered--
			}
			want := Counts{Streams: 1, Dropped: uint64(dropped), Duplicated: uint64(duplicated), Reordered: uint64(reordered)}
			if got := p.Counts(); got != want || len(out) != kept+duplicated {
				t.Errorf("%d events, n %d: %v, sent %d; want %v, %d", total, n, got, len(out), want, kept+duplicated)
			}
		}
	}
}

// mangled is what a stream of letters becomes.
func mangled(t *testing.T, f Faults, in string) (*Proxy, string) {
	p := &Proxy{faults: f, serving: context.Background()}
	var whole strings.Builder
	for _, r := range in {
		if r == '.' {
			whole.WriteString(":.\n\n")
		} else {
			fmt.Fprintf(&whole, "data: %c\n\n", r)
		}
	}
	s := p.newStream(io.NopCloser(strings.NewReader(whole.String())), new(net.TCPConn))
	out, err := io.ReadAll(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	return p, shorten.Replace(string(out))
}

var shorten = strings.NewReplacer("data: ", "", ":", "", "\n", "")

// What a stream sends, and when, to the millisecond, on a simulated clock. Its upstream sends
// a, a comment, b and c at 0, 5, 10 and 1200 ms, and ends after two seconds.
func TestStreamSendsOnTime(t *testing.T) {
	for _, c := range []struct {
		faults Faults
		want   string // texts@milliseconds, then the end
	}{
		{Faults{}, "a@0 .@5 b@10 c@1200 EOF@2000"},
		{Faults{Delay: 100 * ms}, "a@100 .@100 b@110 c@1300 EOF@2000"}, // the comment keeps its place
		{Faults{Delay: 3 * time.Second}, "a@3000 .@3000 b@3010 c@4200 EOF@4200"},
		{Faults{Stall: 150 * ms}, "a@0 .@5 b@10 c@1200 EOF@2000"}, // from 1000 to 1150
		{Faults{Stall: 500 * ms}, "a@0 .@5 b@10 c@1500 EOF@2000"},
		{Faults{Stall: 500 * ms, Delay: 995 * ms}, "a@995 .@995 b@1500 c@2195 EOF@2195"},
		{Faults{Reorder: 2}, "a@0 .@5 b@1010 c@1200 EOF@2000"}, // none came within a second
		{Faults{Reorder: 1}, ".@5 b@10 a@10 c@2000 EOF@2000"},
		{Faults{Reorder: 3}, "a@0 .@5 b@10 c@2000 EOF@2000"},
		{Faults{Reorder: 1, Delay: 100 * ms}, ".@5 b@110 a@110 c@2100 EOF@2100"},
		{Faults{Drop: 2, Duplicate: 2}, "a@0 .@5 cc@1200 EOF@2000"},
		{Faults{Cut: 7 * ms}, "a@0 .@5 EOF@7"},
		{Faults{Cut: time.Hour, Delay: time.Minute}, "a@60000 .@60000 b@60010 c@61200 EOF@61200"},
	} {
		synctest.Test(t, func(t *testing.T) {
			if got := timed(c.faults, io.EOF); got != c.want {
				t.Errorf("%v: %s; want %s", c.faults, got, c.want)
			}
		})
	}
}

// A stream whose upstream broke off sends what it has, and breaks off too.
func TestStreamBreaksOffWithItsUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got, want := timed(Faults{Delay: 900 * ms}, errors.New("reset by peer")), "a@900 .@900 b@910 c@2100 reset by peer@2100"; got != want {
			t.Errorf("%s; want %s", got, want)
		}
	})
}

// timed is what a stream with faults sends and when, and how it ends.
func timed(f Faults, end error) string {
	begin := time.Now()
	r, up := io.Pipe()
	var upstream sync.WaitGroup
	defer upstream.Wait()
	upstream.Go(func() {
		for _, next := range []struct {
			at   time.Duration
			text string
		}{{0, "data: a\n\n"}, {5 * ms, ":.\n\n"}, {10 * ms, "data: b\n\n"}, {1200 * ms, "data: c\n\n"}, {2 * time.Second, ""}} {
			time.Sleep(time.Until(begin.Add(next.at)))
			if next.text == "" {
				_ = up.CloseWithError(end)
			} else if _, err := io.WriteString(up, next.text); err != nil {
				return // the stream was closed
			}
		}
	})
	s := (&Proxy{faults: f, serving: context.Background()}).newStream(r, new(net.TCPConn))
	defer s.Close()
	var sent []string
	for buf := make([]byte, 4096); ; {
		n, err := s.Read(buf)
		if err != nil {
			return fmt.Sprintf("%s %v@%d", strings.Join(sent, " "), err, time.Since(begin)/ms)
		}
		sent = append(sent, fmt.Sprintf("%s@%d", shorten.Replace(string(buf[:n])), time.Since(begin)/ms))
	}
}

// What waits in a stream is bounded: then the upstream has to wait.
func TestStreamIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, up := io.Pipe()
		ctx, stop := context.WithCancel(t.Context())
		s := (&Proxy{faults: Faults{Delay: time.Hour}, serving: ctx}).newStream(r, new(net.TCPConn))
		written := 0
		go func() {
			for event := []byte("data: " + strings.Repeat("x", 1<<19) + "\n\n"); ; {
				n, err := up.Write(event)
				if written += n; err != nil {
					return
				}
			}
		}()
		go s.Read(make([]byte, 10))
		synctest.Wait()
		if s.size < maxWaiting || written > maxWaiting+4<<20 {
			t.Errorf("%d bytes wait, %d were taken; want %d and not much more", s.size, written, maxWaiting)
		}
		stop()
		synctest.Wait()
		s.Close()
	})
}

func TestBlockTooLarge(t *testing.T) {
	s := (&Proxy{serving: context.Background()}).newStream(io.NopCloser(io.MultiReader(strings.NewReader("data: "), bytes.NewReader(make([]byte, maxBlock)))), new(net.TCPConn))
	defer s.Close()
	if _, err := io.Copy(io.Discard, s); err == nil {
		t.Error("a block without an end was taken")
	}
}

// However a stream is divided into reads, none of its bytes is lost.
func FuzzStream(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\n:\n\ndata: b\r\rdata"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, r := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream))} {
			s := (&Proxy{serving: context.Background()}).newStream(io.NopCloser(r), new(net.TCPConn))
			if got, err := io.ReadAll(s); string(got) != string(stream) || err != nil {
				t.Errorf("%q became %q, %v", stream, got, err)
			}
			s.Close()
		}
	})
}
