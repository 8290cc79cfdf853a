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
		s.WatchJournals()
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
