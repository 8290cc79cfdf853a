package fault

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Streams end in the order they opened, evenly spread; all are silent from the
// start.
func TestSlowDrainSpreadsTheEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, streams := registered(t, Faults{SlowDrain: 4 * time.Second}, 4)
		start := time.Now()
		var ends []time.Duration
		go p.Drain(context.Background())
		<-p.silence
		if d := time.Since(start); d != 0 {
			t.Errorf("silent after %v; want at once", d)
		}
		for _, s := range streams {
			<-s.end
			ends = append(ends, time.Since(start))
		}
		if want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}; !slices.Equal(ends, want) {
			t.Errorf("the streams end at %v; want %v", ends, want)
		}
	})
}

func TestDrainEndsAllAtOnce(t *testing.T) {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		faults Faults
		ctx    context.Context
	}{
		{Faults{}, context.Background()},
		{Faults{SlowDrain: time.Hour}, done},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, streams := registered(t, c.faults, 3)
			start := time.Now()
			p.Drain(c.ctx)
			for _, s := range streams {
				<-s.end
			}
			if d := time.Since(start); d != 0 {
				t.Errorf("%v: drained after %v; want at once", c.faults, d)
			}
			p.Drain(c.ctx) // does nothing
			if _, ok := p.register(streams[0]); ok {
				t.Errorf("%v: a stream opens while the proxy drains", c.faults)
			}
		})
	}
}

// Between sockets: nothing arrives once it drains, all streams end cleanly, and new
// clients are told to come back.
func TestProxyDrainsSlowly(t *testing.T) {
	more := make(chan struct{})
	p, front := startFront(t, startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		numbers(1)(w, r)
		select {
		case <-more:
			numbers(2)(w, r)
			<-r.Context().Done()
		case <-r.Context().Done():
		}
	}), Faults{SlowDrain: 600 * ms})
	bodies := make(chan string, 3)
	for range 3 {
		resp := get(t, front+"/events")
		head := make([]byte, len("id: 1\ndata: 1\n\n"))
		if _, err := io.ReadFull(resp.Body, head); err != nil {
			t.Fatal(err)
		}
		go func() {
			rest, err := io.ReadAll(resp.Body)
			if err != nil {
				rest = append(rest, err.Error()...)
			}
			bodies <- string(rest)
		}()
	}
	start := time.Now()
	drained := make(chan struct{})
	go func() {
		p.Drain(context.Background())
		close(drained)
	}()
	<-p.silence
	time.Sleep(50 * ms) // for the streams to notice: the first ends after 200 ms
	close(more)
	for range 3 {
		if rest := <-bodies; rest != "" {
			t.Errorf("a stream got %q while it was to be silent", rest)
		}
	}
	if d := time.Since(start); d < 600*ms {
		t.Errorf("all streams ended after %v; want 600ms or more", d)
	}
	<-drained
	if resp := get(t, front+"/events"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d for a new stream; want 503", resp.StatusCode)
	}
}

// registered returns a proxy with n open streams, none of which runs.
func registered(t *testing.T, f Faults, n int) (p *Proxy, streams []*stream) {
	t.Helper()
	p = &Proxy{faults: f, silence: make(chan struct{}), streams: map[uint64]*stream{}}
	for range n {
		s := newStream(nil, nil, f, p.silence)
		if _, ok := p.register(s); !ok {
			t.Fatal("a stream is refused")
		}
		streams = append(streams, s)
	}
	return p, streams
}
