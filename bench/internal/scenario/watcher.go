package scenario

import (
	"bufio"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// watcher looks at a session each second.
type watcher struct {
	s     *session
	quit  chan struct{}
	ended chan struct{}
	once  sync.Once

	mu        sync.Mutex // guards what follows
	phase     string
	samples   []result.Sample
	last      time.Duration // when it last looked
	usage     load.Usage    // as it was then
	own       time.Duration // CPU of the generator
	ownCPU    float64       // in processors, when it last could be measured
	published uint64
	fds       *int // most that the generator had open; nil: not known
	machine   load.Processors
	readers   load.Readers
	busiest   float64 // share of a second that a reader had something to do, since publishing began
	starved   int     // intervals of deploys in which others had the processors…
	intervals int     // …of so many
	logErr    error
	steps     []result.Step                      // of the profile, as far as they have begun
	step      *hdrhistogram.Histogram            // latency in the last of these; nil: it is over
	latencies map[string]*hdrhistogram.Histogram // of calmPhase and deployPhase

	answers func() (open int, events uint64) // of answers: those under way, and events since it was last called; nil: none are measured
}

func newWatcher(s *session) *watcher {
	w := &watcher{s: s, quit: make(chan struct{}), ended: make(chan struct{}), last: s.start, usage: s.usage.empty, phase: "open", machine: load.LookAtProcessors(), readers: s.lookAtReaders()}
	w.latencies = map[string]*hdrhistogram.Histogram{calmPhase: hdrhistogram.New(1, 600_000_000, 3), deployPhase: hdrhistogram.New(1, 600_000_000, 3)}
	w.own = s.self.Look().CPU
	go w.run()
	return w
}

func (w *watcher) run() {
	defer close(w.ended)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.look(shortest)
		case <-w.quit:
			w.look(0) // count everything
			return
		}
	}
}

// stop takes a last sample.
func (w *watcher) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.ended
}

// enter begins a phase. What happened in the last phase until now is a sample of its
// own.
func (w *watcher) enter(phase string) {
	w.look(shortest)
	w.mu.Lock()
	w.phase = phase
	w.mu.Unlock()
}

// shortest is the shortest interval that is worth a sample.
const shortest = 50 * time.Millisecond

// telling is the shortest interval for which a share of the processors has a meaning: some
// systems count in steps of 10 ms.
const telling = 200 * time.Millisecond

// look takes a sample, if the last one is at least that long ago.
func (w *watcher) look(ago time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := load.Now()
	if now-w.last < ago {
		return
	}
	v := result.Sample{At: (now - w.s.start).Seconds(), Phase: w.phase}
	latency := w.count(&v)
	v.LatencyMS = result.Brief(latency)
	if h := w.latencies[w.phase]; h != nil {
		h.Merge(latency)
	}
	w.addToStep(&v, latency, now)
	w.lookAtServer(&v, now)
	w.lookAtSelf(&v, now)
	w.lookAtReaders(&v, now)
	w.lookAtMachine(&v, now)
	if w.s.Log != nil && w.logErr == nil && latency.TotalCount() > 0 {
		w.logErr = w.s.Log(w.last-w.s.start, now-w.s.start, latency)
	}
	w.last = now
	w.samples = append(w.samples, v)
	if w.s.Crew != nil {
		v = w.s.Crew.Seen(v)
	}
	if w.s.Watch != nil {
		w.s.Watch(v)
	}
}

// count adds up what has happened in all lanes, and returns the first lane's latency.
func (w *watcher) count(v *result.Sample) *hdrhistogram.Histogram {
	latency := hdrhistogram.New(1, 600_000_000, 3)
	published, disorder := uint64(0), uint64(0)
	for i, l := range w.s.lanes {
		got := l.swarm.Take()
		open, connecting := l.swarm.Now()
		v.Streams += open
		v.Connecting += connecting
		v.Ended += got.Ended
		if l.publisher != nil {
			published += l.publisher.Sent()
		}
		if i >= len(got.Lanes) {
			continue
		}
		events := &got.Lanes[i]
		v.Delivered += events.Delivered
		v.Missing += events.Missing
		v.Duplicated += events.Duplicated
		disorder += events.OutOfOrder
		if i == 0 {
			latency = events.Latency
		}
	}
	if !w.s.unordered() {
		v.OutOfOrder = &disorder
	}
	if w.answers != nil {
		v.Streams, v.Delivered = w.answers()
	}
	v.Published, w.published = published-w.published, published
	return latency
}

func (w *watcher) lookAtServer(v *result.Sample, now time.Duration) {
	if w.s.Goroutines != "" {
		if n, err := goroutines(w.s.Goroutines); err == nil {
			v.Goroutines = &n
		}
	}
	u, err := w.s.look()
	if err != nil || w.s.process.Load() == nil {
		return
	}
	if now-w.last >= telling {
		cpu := max(u.CPU-w.usage.CPU, 0).Seconds() / (now - w.last).Seconds()
		v.ServerCPU = &cpu
	}
	v.RSSBytes, v.Threads = &u.Memory, new(int32(u.Threads))
	if u.Descriptors != nil {
		v.Descriptors = new(int32(*u.Descriptors))
	}
	w.usage = u
}

// forgetServer is called when another process is the server: its figures begin at zero.
func (w *watcher) forgetServer() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.usage = load.Usage{}
}

func (w *watcher) lookAtSelf(v *result.Sample, now time.Duration) {
	c := w.s.self.Look()
	if now-w.last >= telling { // else keep the last value
		w.ownCPU = (c.CPU - w.own).Seconds() / (now - w.last).Seconds()
	}
	v.ToolCPU = w.ownCPU
	v.TimerLagMS = c.WorstLag.Seconds() * 1000
	if c.Descriptors != nil && (w.fds == nil || *w.fds < *c.Descriptors) {
		w.fds = c.Descriptors
	}
	w.own = c.CPU
}

// lookAtReaders notes how busy they were. Half a second may count for a whole one.
func (w *watcher) lookAtReaders(v *result.Sample, now time.Duration) {
	readers := w.s.lookAtReaders()
	share, known := readers.BusyShare(w.readers)
	w.readers = readers
	if !known {
		return
	}
	v.ReaderBusy = &share
	if v.Phase != "open" && v.Phase != "settle" && now-w.last > time.Second/2 {
		w.busiest = max(w.busiest, share)
	}
}

// lookAtMachine counts the intervals of deploys in which no processor was idle, and the
// server had less than half of them.
func (w *watcher) lookAtMachine(v *result.Sample, now time.Duration) {
	machine := load.LookAtProcessors()
	idle, known := machine.IdleShare(w.machine)
	w.machine = machine
	if !known || v.ServerCPU == nil || v.Phase != deployPhase || now-w.last < telling {
		return
	}
	w.intervals++
	if idle < noneIdle && *v.ServerCPU < float64(runtime.NumCPU())/2 {
		w.starved++
	}
}

// profiles is the client for a server's pprof; it keeps no connection open.
var profiles = http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// goroutines asks a server's pprof how many goroutines it has.
func goroutines(url string) (n int, err error) {
	res, err := profiles.Get(url)
	if err != nil {
		return 0, fmt.Errorf("count goroutines: %w", err)
	}
	defer res.Body.Close()
	line, _ := bufio.NewReader(res.Body).ReadString('\n')
	if _, err := fmt.Sscanf(line, "goroutine profile: total %d", &n); err != nil {
		return 0, fmt.Errorf("count goroutines at %s: it answers %q; give the URL of /debug/pprof/goroutine?debug=1", url, line)
	}
	return n, nil
}
