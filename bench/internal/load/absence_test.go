package load

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

func chunk(body string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(body), body) }

// absent opens one stream, whose first visit says before until told to go on, then rest and
// the end; the second fails, the third is sent away again, and the last gets after. It
// returns the stream's absence when it is renewed.
func absent(t *testing.T, r Request, before, rest, after string) (s *Swarm, a Absence) {
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
	s.WatchAbsence(2)
	close(goOn)
	testkit.Eventually(t, "an event after the absence", func() bool { return s.Renewed() == 1 })
	return s, s.Absences()[0]
}

func TestAbsenceIsNoted(t *testing.T) {
	opening := chunk("retry: 40\n\n" + event(1))
	back := chunk("event: gap\ndata: {}\n\n" + event(5) + event(6))
	for name, c := range map[string]struct {
		before, rest, after string
		want                Absence
		missing             uint64
	}{
		"ended, and told":         {opening, chunk(event(2)+"retry: 60\n\n") + "0\r\n\r\n", back, Absence{Clean: true, Told: true, Wait: 60 * time.Millisecond, Gaps: 1, Skipped: 2}, 0},
		"told the same as before": {opening, chunk(event(2)+"retry: 40\n\n") + "0\r\n\r\n", back, Absence{Clean: true, Told: true, Wait: 40 * time.Millisecond, Gaps: 1, Skipped: 2}, 0},
		"told in the last line":   {opening, chunk(event(2)+"retry: 60\n") + "0\r\n\r\n", back, Absence{Clean: true, Told: true, Wait: 60 * time.Millisecond, Gaps: 1, Skipped: 2}, 0},
		"cut, and not told":       {opening, chunk(event(2)), back, Absence{Wait: 40 * time.Millisecond, Gaps: 1, Skipped: 2}, 0},
		"without its last event":  {opening, chunk("retry: 60\n\n") + "0\r\n\r\n", back, Absence{Clean: true, Told: true, Wait: 60 * time.Millisecond, Gaps: 1, Skipped: 3}, 0},
		"no gap event":            {opening, chunk(event(2)+"retry: 60\n\n") + "0\r\n\r\n", chunk(event(5) + event(6)), Absence{Clean: true, Told: true, Wait: 60 * time.Millisecond}, 2},
		"nothing is lost":         {opening, chunk(event(2)+"retry: 60\n\n") + "0\r\n\r\n", chunk(event(3) + event(4) + event(5) + event(6)), Absence{Clean: true, Told: true, Wait: 60 * time.Millisecond}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachCarrier(t, func(t *testing.T, r Request) {
				s, got := absent(t, r, c.before, c.rest, c.after)
				if got.Ended == 0 || got.Returned <= got.Ended+2*25*time.Millisecond || got.Renewed < got.Returned {
					t.Errorf("ended at %v, back at %v, an event at %v", got.Ended, got.Returned, got.Renewed)
				}
				got.Ended, got.Returned, got.Renewed = 0, 0, 0
				c.want.Tries, c.want.Answers = 3, 2
				if got != c.want {
					t.Errorf("%+v; want %+v", got, c.want)
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
		s.WatchAbsence(5)
		if got := s.CountMissing(0, 5); got != 3 {
			t.Errorf("%d are missing; want 2, 4 and 5", got)
		}
		close(goOn)
		testkit.Eventually(t, "the third event", func() bool { return s.Renewed() == 1 })
		got, a := total(s), s.Absences()[0]
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
		s.WatchAbsence(0)
		close(goOn)
		testkit.Eventually(t, "the end", func() bool { return total(s).Ended == 1 })
		if a := s.Absences(); s.Err() != nil || len(a) != 1 || a[0].Ended == 0 {
			t.Errorf("%+v, the error is %v; want the end of one stream, and no error", a, s.Err())
		}
	})
}
