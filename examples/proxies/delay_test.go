package proxies

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"
)

const (
	warmUp = 20                    // events that are not counted
	timed  = 200                   // events that are
	pace   = 20 * time.Millisecond // from one to the next
	heads  = 9                     // streams that are opened to see how long it takes
	rounds = 5                     // of which the one counts in which the machine was least disturbed
	calm   = 4                     // milliseconds: a round whose direct p99 is below is calm enough
)

// delays are what a way costs, in milliseconds.
type delays struct {
	Head float64 `json:"head"` // from the request to the response's headers, on a new connection
	P50  float64 `json:"p50"`  // from Publish to the client
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
	Late int     `json:"late"` // events that came after the next one was published
}

// delay measures a way beside the direct one, and takes the round with the lowest direct
// p99. An error means that events were held back for good.
func (w *watched) delay(t *testing.T, l line, topic string) (direct, through delays, err error) {
	for n := range rounds {
		d, p, err := w.round(t, l, fmt.Sprint(topic, n, "way"))
		if err != nil {
			return d, p, err
		}
		if n == 0 || d.P99 < direct.P99 {
			direct, through = d, p
		}
		if direct.P99 < calm {
			break
		}
	}
	return direct, through, nil
}

// round has a stream of each way open, and publishes events to one and the other in turn.
func (w *watched) round(t *testing.T, l line, topic string) (direct, through delays, err error) {
	ways := []line{w.direct(), l}
	found := []*delays{&direct, &through}
	for i, way := range ways {
		if found[i].Head, err = headDelay(t, way, topic); err != nil {
			return direct, through, err
		}
	}
	streams := make([]*stream, len(ways))
	for i, way := range ways {
		if streams[i], err = way.open(t, "/events?topic="+topic+strconv.Itoa(i), eventSource); err != nil {
			return direct, through, err
		}
		defer streams[i].connections.close()
	}
	published := [2][]time.Time{}
	half := time.NewTicker(pace / 2)
	defer half.Stop()
	for n := range 2 * (warmUp + timed) {
		<-half.C
		published[n%2] = append(published[n%2], time.Now())
		w.number(t, topic+strconv.Itoa(n%2), n/2)
	}
	for i := range ways {
		if err := found[i].take(streams[i], published[i]); err != nil {
			return direct, through, err
		}
	}
	return direct, through, nil
}

// headDelay is the median of how long a stream takes to open.
func headDelay(t *testing.T, l line, topic string) (float64, error) {
	var all []float64
	for range heads {
		s, err := l.open(t, "/events?topic="+topic, eventSource)
		if err != nil {
			return 0, err
		}
		s.connections.close()
		all = append(all, milliseconds(s.head))
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// take reads the events that were published at these times.
func (d *delays) take(s *stream, published []time.Time) error {
	var all []float64
	for n := range published {
		a, ok := s.next(headLimit)
		if !ok || a.Data != strconv.Itoa(n) {
			return fmt.Errorf("event %d of %d did not come within %v (but %q)", n, len(published), headLimit, a.Data)
		}
		if n < warmUp {
			continue
		}
		all = append(all, milliseconds(a.at.Sub(published[n])))
		if n+1 < len(published) && a.at.After(published[n+1]) {
			d.Late++
		}
	}
	slices.Sort(all)
	d.P50, d.P99, d.Max = all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// held says in the table's words what d says of holding back. A proxy does not hold back
// what comes before the next event is published; a busy machine does now and then.
func (d delays) held() string {
	if d.Late < timed/4 {
		return "no"
	}
	return fmt.Sprintf("each up to %.0f ms", d.Max)
}

// asFetch is what a client sends that is made with fetch.
var asFetch = http.Header{"Accept": {"text/event-stream"}, "User-Agent": {"Mozilla/5.0"}}
