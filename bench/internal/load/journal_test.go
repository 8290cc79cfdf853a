package load

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// A stream ends as told, is sent away once more, comes back, is told of a gap, and is cut.
func TestJournal(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		goOn := make(chan struct{})
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, visit int) {
			switch visit {
			case 1:
				fmt.Fprint(c, chunkedHead+chunk("retry: 40\n\n"+event(1)))
				<-goOn
				fmt.Fprint(c, chunk(event(2)+"retry: 60\n\n")+"0\r\n\r\n")
			case 2: // no answer
			case 3:
				fmt.Fprint(c, chunkedHead+chunk("retry: 30\n\n")+"0\r\n\r\n")
			case 4:
				fmt.Fprint(c, chunkedHead+chunk("retry: 20\n\n"+event(3)+"event: gap\ndata: {}\n\n"+event(5)))
			default:
				fmt.Fprint(c, chunkedHead+chunk(event(6)))
				_ = hold(c)
			}
		})
		s := opened(t, r, 1, Client{Returns: true})
		testkit.Eventually(t, "the first event", func() bool { n, _ := s.Delivered(); return n >= 1 })
		begun := Now()
		s.Watch(Watching{})
		close(goOn)
		testkit.Eventually(t, "the last event", func() bool { n, _ := s.Delivered(); return n == 5 })
		j := s.Journals(Now())[0]
		if len(j.Returns) != 2 || j.Gaps != 1 || j.Silence < 90*time.Millisecond {
			t.Fatalf("%+v; want two returns, a gap, and a silence from the first end on", j)
		}
		first, second := j.Returns[0], j.Returns[1]
		if !first.Clean || !first.Told || first.Tries != 3 || first.Answers != 2 || first.Due-first.Ended != 60*time.Millisecond {
			t.Errorf("first %+v; want a clean end that was told, and three tries", first)
		}
		if second.Clean || second.Told || second.Tries != 1 || second.Answers != 1 || second.Due-second.Ended != 25*time.Millisecond {
			t.Errorf("second %+v; want a cut that was not told", second)
		}
		if first.Ended < begun || first.Returned < first.Ended || first.Renewed < first.Returned || second.Ended < first.Renewed || second.Renewed < second.Ended {
			t.Errorf("%+v: not in this order", j.Returns)
		}
		if ended, back := s.Away(second.Ended); ended != 1 || back != 1 {
			t.Errorf("%d ended, %d back; want the one", ended, back)
		}
		if later := s.Journals(Now() + time.Hour)[0]; later.Silence < time.Hour {
			t.Errorf("a silence of %v up to an hour from now", later.Silence)
		}
	})
}

func chunk(body string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(body), body) }

// absent opens one stream, whose first visit says before until told to go on, then rest and
// the end; the second fails, the third is sent away again, and the last gets after. It
// returns the stream's journal when it has an event again.
func absent(t *testing.T, r Request, before, rest, after string) (s *Swarm, j Journal) {
	t.Helper()
	goOn := make(chan struct{})
	r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, visit int) {
		switch visit {
		case 1:
			fmt.Fprint(c, chunkedHead+before)
			<-goOn
			fmt.Fprint(c, rest)
		case 2:
		case 3:
			fmt.Fprint(c, chunkedHead+chunk("retry: 30\n\n")+"0\r\n\r\n")
		default:
			fmt.Fprint(c, chunkedHead+after)
			_ = hold(c)
		}
	})
	s = opened(t, r, 1, Client{Returns: true})
	testkit.Eventually(t, "the first event", func() bool { n, _ := s.Delivered(); return n >= 1 })
	s.Watch(Watching{Before: 2, Excuses: true})
	close(goOn)
	testkit.Eventually(t, "an event after the absence", func() bool { return renewed(s) == 1 })
	return s, s.Journals(Now())[0]
}

// renewed is how many streams have an event again.
func renewed(s *Swarm) int { _, n := s.Away(0); return n }

func TestAbsenceIsNoted(t *testing.T) {
	opening := chunk("retry: 40\n\n" + event(1))
	back := chunk("event: gap\ndata: {}\n\n" + event(5) + event(6))
	for name, c := range map[string]struct {
		before, rest, after string
		want                Return
		wait                time.Duration
		gaps                int
		skipped, missing    uint64
	}{
		"ended, and told":         {opening, chunk(event(2)+"retry: 60\n\n") + "0\r\n\r\n", back, Return{Clean: true, Told: true}, 60 * time.Millisecond, 1, 2, 0},
		"told the same as before": {opening, chunk(event(2)+"retry: 40\n\n") + "0\r\n\r\n", back, Return{Clean: true, Told: true}, 40 * time.Millisecond, 1, 2, 0},
		"told in the last line":   {opening, chunk(event(2)+"retry: 60\n") + "0\r\n\r\n", back, Return{Clean: true, Told: true}, 60 * time.Millisecond, 1, 2, 0},
		"cut, and not told":       {opening, chunk(event(2)), back, Return{}, 40 * time.Millisecond, 1, 2, 0},
		"without its last event":  {opening, chunk("retry: 60\n\n") + "0\r\n\r\n", back, Return{Clean: true, Told: true}, 60 * time.Millisecond, 1, 3, 0},
		"no gap event":            {opening, chunk(event(2)+"retry: 60\n\n") + "0\r\n\r\n", chunk(event(5) + event(6)), Return{Clean: true, Told: true}, 60 * time.Millisecond, 0, 0, 2},
		"nothing is lost":         {opening, chunk(event(2)+"retry: 60\n\n") + "0\r\n\r\n", chunk(event(3) + event(4) + event(5) + event(6)), Return{Clean: true, Told: true}, 60 * time.Millisecond, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachCarrier(t, func(t *testing.T, r Request) {
				s, j := absent(t, r, c.before, c.rest, c.after)
				got := j.Returns[0]
				if got.Ended == 0 || got.Returned <= got.Ended+2*25*time.Millisecond || got.Renewed < got.Returned {
					t.Errorf("ended at %v, back at %v, an event at %v", got.Ended, got.Returned, got.Renewed)
				}
				wait := got.Due - got.Ended
				got.Ended, got.Due, got.Returned, got.Renewed = 0, 0, 0, 0
				c.want.Tries, c.want.Answers = 3, 2
				if got != c.want || wait != c.wait || j.Gaps != c.gaps || j.Skipped != c.skipped {
					t.Errorf("%+v, wait %v, %d gaps, %d skipped; want %+v, %v, %d, %d", got, wait, j.Gaps, j.Skipped, c.want, c.wait, c.gaps, c.skipped)
				}
				if missing := s.CountMissing(0, 6); missing != c.missing {
					t.Errorf("%d events are missing; want %d", missing, c.missing)
				}
			})
		})
	}
}

// What a gap event says later does not excuse what was missing when the streams went away.
func TestCountMissingIsBeforeAnyGap(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		goOn := make(chan struct{})
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, visit int) {
			if visit == 1 {
				fmt.Fprint(c, head+"retry: 100\n\n"+event(1)+event(3))
				<-goOn
				return
			}
			fmt.Fprint(c, head+"event: gap\ndata\n\n"+event(8))
			_ = hold(c)
		})
		s := opened(t, r, 1, Client{Returns: true})
		testkit.Eventually(t, "two events", func() bool { n, _ := s.Delivered(); return n == 2 })
		s.Watch(Watching{Before: 5, Excuses: true})
		if got := s.CountMissing(0, 5); got != 3 {
			t.Errorf("%d are missing; want 2, 4 and 5", got)
		}
		close(goOn)
		testkit.Eventually(t, "the third event", func() bool { return renewed(s) == 1 })
		got, a := total(s), s.Journals(Now())[0]
		if got.Lanes[0].Missing != 3 || s.CountMissing(0, 8) != 3 || a.Skipped != 2 {
			t.Errorf("%+v, %d missing, %d skipped; want the three from before, and 6 and 7 skipped", got.Lanes[0], s.CountMissing(0, 8), a.Skipped)
		}
	})
}

func TestTheEndOfAWatchedStreamIsNoError(t *testing.T) {
	eachCarrier(t, func(t *testing.T, r Request) {
		goOn := make(chan struct{})
		r.URL = serve(t, func(c *net.TCPConn, _ *http.Request, _ int) {
			fmt.Fprint(c, head)
			<-goOn
		})
		s := opened(t, r, 1, Client{})
		s.Watch(Watching{})
		close(goOn)
		testkit.Eventually(t, "the end", func() bool { return total(s).Ended == 1 })
		if a := s.Journals(Now()); s.Err() != nil || len(a) != 1 || len(a[0].Returns) != 1 {
			t.Errorf("%+v, the error is %v; want the end of one stream, and no error", a, s.Err())
		}
	})
}
