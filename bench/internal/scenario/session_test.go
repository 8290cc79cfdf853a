package scenario

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// run runs a scenario that has to work.
func run(t *testing.T, sc *Scenario) *result.Result {
	t.Helper()
	r, err := Run(t.Context(), sc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunCountsWhatHasHappened(t *testing.T) {
	h := &hub{}
	sc := short(serve(t, h))
	sc.Name, sc.Flags, sc.Ramp, sc.PIDs = "here", map[string]string{"c": "10"}, 100, []int{os.Getpid()}
	var logged int64
	sc.Log = func(from, to time.Duration, latency *hdrhistogram.Histogram) error {
		logged += latency.TotalCount()
		return nil
	}
	r := run(t, &sc)
	if r.Published != 30 || *r.Expected != 300 || r.Delivered != 300 || *r.Lost != 0 || *r.Missing+*r.Duplicated+*r.OutOfOrder+r.Other != 0 {
		t.Errorf("published %d, expected %d, delivered %d, lost %d, %+v", r.Published, *r.Expected, r.Delivered, *r.Lost, r)
	}
	if r.Asked != 10 || r.Opened != 10 || r.Refused+r.Failed+r.Ended+r.Reconnected != 0 || r.Partial || r.FirstError != "" {
		t.Errorf("asked %d, opened %d, %+v", r.Asked, r.Opened, r)
	}
	if r.LatencyMS.Count != 300 || r.SpreadMS.First.Count != 30 || r.SpreadMS.Last.Count != 30 || r.OpenMS.Count != 10 || logged != 300 || len(r.Spectrum) == 0 {
		t.Errorf("%d latencies, %d logged, %d first, %d last, %d openings", r.LatencyMS.Count, logged, r.SpreadMS.First.Count, r.SpreadMS.Last.Count, r.OpenMS.Count)
	}
	if r.Command != "run" || r.Name != "here" || r.Scenario["c"] != "10" || r.OpenSeconds < 0.05 || r.Seconds < r.OpenSeconds {
		t.Errorf("%s %s %v, open in %v s of %v s", r.Command, r.Name, r.Scenario, r.OpenSeconds, r.Seconds)
	}
	if r.Server == nil || r.Server.RSSBytes == 0 || r.Server.BytesWhy == "" || r.Server.CPUToOpenUS == nil || r.Server.Processes < 1 || *r.OpenPerSecond < 50 {
		t.Errorf("the server: %+v", r.Server)
	}
	if r.PerSecond < 300 || r.PerSecond > 1500 {
		t.Errorf("%.0f delivered per second, want about 1000", r.PerSecond)
	}
	if busy := r.Tool.ReaderBusy; runtime.GOOS == "linux" && (busy == nil || *busy <= 0 || r.Tool.BusiestSecond == nil || *r.Tool.BusiestSecond < *busy) {
		t.Errorf("the reader was busy %v of the time, and %v of a second", busy, r.Tool.BusiestSecond)
	}
	delivered := uint64(0)
	for _, v := range r.Samples {
		delivered += v.Delivered
		if runtime.GOOS == "linux" && v.ReaderBusy == nil {
			t.Errorf("at %.3f: it is not known how busy the reader was", v.At)
		}
	}
	if delivered != 300 {
		t.Errorf("%d delivered in the samples, want 300", delivered)
	}
}

// Each stops in the middle of something, and counts what was done until then.
func TestInterruptionsGivePartialResults(t *testing.T) {
	for name, c := range map[string]struct {
		drops   func(id, visit int) bool
		change  func(*Scenario)
		stop    func(h *hub) bool
		opened  int // zero: some
		atLeast uint64
	}{
		"open":    {change: func(sc *Scenario) { sc.Ramp = 4 }, stop: func(h *hub) bool { return h.opened() >= 3 }},
		"part":    {change: func(sc *Scenario) { sc.Settle = time.Minute }, stop: func(h *hub) bool { return h.opened() >= 2 }, opened: 2},
		"settle":  {change: func(sc *Scenario) { sc.Settle, sc.PIDs = time.Minute, nil }, stop: func(h *hub) bool { return h.opened() >= 10 }, opened: 10},
		"publish": {change: func(sc *Scenario) { sc.Duration = time.Minute }, stop: func(h *hub) bool { return h.published("/a") >= 20 }, opened: 10, atLeast: 20},
		"hold":    {change: func(sc *Scenario) { sc.Publish, sc.Duration = nil, time.Minute }, stop: func(h *hub) bool { return h.opened() >= 10 }, opened: 10},
		"drain": {drops: func(id, visit int) bool { return id == 30 && visit < 4 },
			change: func(sc *Scenario) { sc.Patience = time.Minute }, stop: func(h *hub) bool { return h.published("/a") >= 30 }, opened: 10, atLeast: 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &hub{drops: c.drops}
			sc := short(serve(t, h))
			sc.PIDs = []int{os.Getpid()}
			c.change(&sc)
			begin := time.Now()
			r, err := Run(until(t, func() bool { return c.stop(h) }), &sc)
			if err != nil || !r.Partial {
				t.Fatalf("the error is %v; want a result that is partial", err)
			}
			if took := time.Since(begin); took > 8*time.Second {
				t.Errorf("it took %v to stop", took)
			}
			if c.opened > 0 && r.Opened != c.opened || c.opened == 0 && (r.Opened == 0 || r.Opened >= 10) || r.Opened != h.opened() && c.opened > 0 {
				t.Errorf("opened %d, the server %d; want %d", r.Opened, h.opened(), c.opened)
			}
			lost := uint64(0)
			if name == "drain" {
				lost = 3
			}
			if got := uint64(h.published("/a")); r.Published != got || got < c.atLeast || r.Delivered != got*uint64(r.Opened)-lost {
				t.Errorf("published %d, the server has %d; delivered %d, want all of them to %d less %d", r.Published, got, r.Delivered, r.Opened, lost)
			}
			if sc.Publish != nil && *r.Lost != lost {
				t.Errorf("lost %d, want %d", *r.Lost, lost)
			}
			if r.Server != nil && (r.Server.BytesWhy == "not all streams were open") != (c.opened < 10) {
				t.Errorf("memory per stream: %q, with %d of 10 open", r.Server.BytesWhy, r.Opened)
			}
		})
	}
}

// After a stop, events on their way count only if they come within a moment.
func TestInterruptionsDoNotWaitForABacklog(t *testing.T) {
	h := &hub{slow: 200 * time.Millisecond} // 5 of 100 a second
	sc := short(serve(t, h))
	sc.Duration, sc.Patience = time.Minute, time.Minute
	begin := time.Now()
	r, err := Run(until(t, func() bool { return h.published("/a") >= 60 }), &sc)
	if err != nil || !r.Partial || *r.Lost == 0 || r.Published < 60 {
		t.Errorf("partial %v, published %d, lost %d, %v", r.Partial, r.Published, *r.Lost, err)
	}
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}

func TestStreamsThatWereNotOpenedAreAnError(t *testing.T) {
	sc := short(serve(t, &hub{most: 6}))
	r, err := Run(t.Context(), &sc)
	if err == nil || r == nil {
		t.Fatalf("%v, %v; want a result and an error", r, err)
	}
	for _, says := range []string{"4 streams were not opened", "503"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("the error is %q, and does not say %q", err, says)
		}
	}
	if r.Asked != 10 || r.Opened != 6 || r.Refused != 4 || *r.Expected != 180 || r.Delivered != 180 || !strings.Contains(r.FirstError, "503") {
		t.Errorf("asked %d, opened %d, refused %d, expected %d, delivered %d, %q", r.Asked, r.Opened, r.Refused, *r.Expected, r.Delivered, r.FirstError)
	}
}

func TestNoStreamAtAllIsOnlyAnError(t *testing.T) {
	url := serve(t, &hub{})
	for name, change := range map[string]func(*Scenario){
		"refused":   func(sc *Scenario) { sc.Request.URL, sc.Publish = url+"/debug/pprof/goroutine", nil },
		"no server": func(sc *Scenario) { sc.Request.URL = "http://127.0.0.9:9/" },
	} {
		sc := short(url)
		change(&sc)
		if r, err := Run(t.Context(), &sc); r != nil || err == nil || !strings.Contains(err.Error(), "2 of 2 failed") {
			t.Errorf("%s: %v, %v; want only the error", name, r, err)
		}
	}
}

func TestSilenceWhileOpeningIsAnError(t *testing.T) {
	h := &hub{}
	var n atomic.Int32
	never := make(chan struct{})
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost && n.Add(1) > 6 {
			<-never
		}
		h.ServeHTTP(w, r)
	}))
	defer close(never)
	sc := short(url)
	sc.Answer = 300 * time.Millisecond
	r, err := Run(t.Context(), &sc)
	if r == nil || err == nil || !strings.Contains(err.Error(), "4 streams were not opened: open streams: 6 are open, and 1 have had no answer for 300ms") {
		t.Errorf("%v, the error is %v", r, err)
	}
}

func TestServersThatDieAreAnErrorWithAResult(t *testing.T) {
	for name, publishes := range map[string]bool{"publishing": true, "holding": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, server := elsewhere(t)
			sc := short(url)
			sc.PIDs, sc.Duration = []int{server.Process.Pid}, 2*time.Second
			sc.Rate = 50
			if !publishes {
				sc.Publish = nil
			}
			time.AfterFunc(1500*time.Millisecond, func() {
				_ = server.Process.Kill()
				_, _ = server.Process.Wait()
			})
			begin := time.Now()
			r, err := Run(t.Context(), &sc)
			if r == nil || err == nil {
				t.Fatalf("%v, %v; want a result and an error", r, err)
			}
			if took := time.Since(begin); took > 8*time.Second {
				t.Errorf("it took %v", took)
			}
			if r.Opened != 10 || r.Ended != 10 || r.FirstError == "" {
				t.Errorf("opened %d, ended %d, %q; want 10, 10 and an error", r.Opened, r.Ended, r.FirstError)
			}
			if v := r.Server; v == nil || v.RSSBytes == 0 || v.Threads == 0 || v.Processes != 1 || publishes && v.CPUSeconds <= 0 || v.CPUPerDeliveryUS != nil {
				t.Errorf("the server is %+v; want what was last seen of it", v)
			}
			if publishes && (r.Published == 0 || r.Delivered == 0 || !strings.Contains(err.Error(), "event ")) {
				t.Errorf("published %d, delivered %d, the error is %v", r.Published, r.Delivered, err)
			}
			if !publishes && !strings.Contains(err.Error(), "the server is gone") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestRefusedEventsAreAnErrorWithAResult(t *testing.T) {
	sc := short(serve(t, &hub{refuses: func(n int) bool { return n == 8 }}))
	sc.Duration = time.Minute
	begin := time.Now()
	r, err := Run(t.Context(), &sc)
	if r == nil || err == nil || !strings.Contains(err.Error(), "the answer to event 8: 500 Internal Server Error: no disk") {
		t.Fatalf("%v, the error is %v", r, err)
	}
	if r.Published < 8 || r.Delivered != 70 || time.Since(begin) > 8*time.Second {
		t.Errorf("published %d, delivered %d after %v; want 8 or a few more, 70", r.Published, r.Delivered, time.Since(begin))
	}
}

func TestLostEventsAreCounted(t *testing.T) {
	sc := short(serve(t, &hub{drops: func(id, visit int) bool { return visit <= 3 && (id == 5 || id >= 29) }}))
	r := run(t, &sc)
	if *r.Lost != 9 || *r.Missing != 3 || r.Delivered != 291 || r.SpreadMS.Last.Count != 27 {
		t.Errorf("lost %d, missing %d, delivered %d, %d reached all; want 9, 3, 291, 27", *r.Lost, *r.Missing, r.Delivered, r.SpreadMS.Last.Count)
	}
}

// What slow and stalled streams get does not make up for losses of the others.
func TestStreamsInTheWayAreNotCounted(t *testing.T) {
	sc := short(serve(t, &hub{drops: func(id, visit int) bool { return visit <= 10 && id == 30 }}))
	sc.Slow, sc.SlowRate, sc.Stalled, sc.Churn = 4, 100_000, 3, 50
	r := run(t, &sc)
	if r.Asked != 17 || r.Opened != 17 || *r.Expected != 300 || r.Delivered != 290 || *r.Lost != 10 || r.LatencyMS.Count != 290 {
		t.Errorf("asked %d, opened %d, expected %d, delivered %d, lost %d; want 17, 17, 300, 290, 10", r.Asked, r.Opened, *r.Expected, r.Delivered, *r.Lost)
	}
}

// The measurement ends although more would come, and its publisher is not done.
func TestLongestEndsTheMeasurement(t *testing.T) {
	sc := short(serve(t, &hub{slow: 100 * time.Millisecond})) // 10 of 100 a second
	sc.Duration, sc.Longest, sc.Patience = 500*time.Millisecond, time.Millisecond, time.Minute
	begin := time.Now()
	r := run(t, &sc)
	if took := time.Since(begin); took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
	if r.Partial || *r.Lost == 0 || r.Delivered == 0 || r.Delivered >= *r.Expected {
		t.Errorf("partial %v, delivered %d of %d, lost %d; want some lost", r.Partial, r.Delivered, *r.Expected, *r.Lost)
	}
}

func TestTopicsBesideEachOther(t *testing.T) {
	h := &hub{drops: func(id, visit int) bool { return visit > 10 && id == 3 }}
	url := serve(t, h)
	sc := short(url)
	sc.Beside = &Beside{Request: load.Request{URL: url + "/b"}, Publish: load.Publishing{URL: url + "/b"}, Streams: 4, Rate: 50}
	r := run(t, &sc)
	if len(r.Lanes) != 2 {
		t.Fatalf("%d lanes, want 2", len(r.Lanes))
	}
	for i, want := range []result.Lane{
		{Streams: 10, Published: 30, Expected: 300, Delivered: 300},
		{Name: "beside", Streams: 4, Published: 15, Expected: 60, Delivered: 56, Lost: 4, Missing: 4},
	} {
		got := r.Lanes[i]
		if got.LatencyMS.Count != int64(want.Delivered) || got.SpreadMS == nil || got.SpreadMS.First.Count == 0 {
			t.Errorf("lane %d: %d latencies, spread %v", i, got.LatencyMS.Count, got.SpreadMS)
		}
		if got.OutOfOrder == nil || *got.OutOfOrder != 0 {
			t.Errorf("lane %d: out of order %v, want 0", i, got.OutOfOrder)
		}
		got.LatencyMS, got.SpreadMS, got.OutOfOrder = result.Percentiles{}, nil, nil
		if got != want {
			t.Errorf("lane %d: %+v, want %+v", i, got, want)
		}
	}
	if r.Published != 30 || r.Delivered != 300 || *r.Lost != 0 || r.Opened != 10 {
		t.Errorf("published %d, delivered %d, lost %d, opened %d; want the first lane's", r.Published, r.Delivered, *r.Lost, r.Opened)
	}
}

func TestStreamsBesideThatAreNotOpenedAreAnError(t *testing.T) {
	url := serve(t, &hub{most: 12})
	sc := short(url)
	sc.Beside = &Beside{Request: load.Request{URL: url + "/b"}, Publish: load.Publishing{URL: url + "/b"}, Streams: 4, Rate: 50}
	r, err := Run(t.Context(), &sc)
	if r == nil || err == nil || !strings.Contains(err.Error(), "2 streams were not opened") || len(r.Lanes) != 2 || r.Lanes[1].Delivered != 30 {
		t.Errorf("%+v, the error is %v", r, err)
	}
}

// Somebody else publishes, so it is not known what should come.
func TestForeignEventsHaveNoExpectation(t *testing.T) {
	h := &hub{}
	url := serve(t, h)
	sc := short(url)
	sc.Publish = nil
	var err error
	if sc.Foreign, err = load.NewForeign("", "t"); err != nil {
		t.Fatal(err)
	}
	go func() {
		for h.opened() < 10 {
			time.Sleep(time.Millisecond)
		}
		for range 5 {
			res, err := http.Post(url+"/a", "", strings.NewReader(fmt.Sprintf(`{"t":%d}`, time.Now().UnixMicro())))
			if err == nil {
				res.Body.Close()
			}
		}
	}()
	r := run(t, &sc)
	if r.Missing != nil || r.Duplicated != nil || r.OutOfOrder != nil || r.Late != nil || r.PublisherLateMS != 0 {
		t.Errorf("missing %v, twice %v, out of order %v, late %v; nobody knows", r.Missing, r.Duplicated, r.OutOfOrder, r.Late)
	}
	if r.Expected != nil || r.Lost != nil || r.SpreadMS != nil || r.Published != 0 {
		t.Errorf("expected %v, lost %v, spread %v, published %d; want none", r.Expected, r.Lost, r.SpreadMS, r.Published)
	}
	if r.AheadMS == nil || *r.AheadMS != 0 {
		t.Errorf("%v ms ahead; want 0", r.AheadMS)
	}
	if r.Delivered != 50 || r.LatencyMS == nil || r.LatencyMS.Count != 50 || r.LatencyMS.Max > 5000 {
		t.Errorf("delivered %d, latencies %+v; want 50", r.Delivered, r.LatencyMS)
	}
}

// Latencies are worth nothing when the publisher's clock is ahead: that is said.
func TestForeignEventsOfTheFutureAreSuspect(t *testing.T) {
	sc := short(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"t\":%d}\n\n", time.Now().Add(time.Minute).UnixMicro())
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})))
	var err error
	if sc.Foreign, err = load.NewForeign("", "t"); err != nil {
		t.Fatal(err)
	}
	sc.Publish = nil
	r := run(t, &sc)
	says := func(of string) bool { return strings.HasPrefix(of, "clocks: an event came ") }
	if r.AheadMS == nil || *r.AheadMS < 50_000 || *r.AheadMS > 60_000 || !slices.ContainsFunc(r.SuspectOf, says) {
		t.Errorf("%v ms ahead, suspect of %q; want a minute", r.AheadMS, r.SuspectOf)
	}
}

// What others publish while streams settle is delivered, too, but not in the time that the rate
// and the bytes of a delivery are of.
func TestForeignEventsBeforeTheMeasurementDoNotRaiseTheRate(t *testing.T) {
	sc := short(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for ; r.Context().Err() == nil; time.Sleep(10 * time.Millisecond) {
			fmt.Fprintf(w, "data: {\"t\":%d}\n\n", time.Now().UnixMicro())
			_ = http.NewResponseController(w).Flush()
		}
	})))
	var err error
	if sc.Foreign, err = load.NewForeign("", "t"); err != nil {
		t.Fatal(err)
	}
	sc.Publish, sc.Settle, sc.Duration = nil, time.Second, 500*time.Millisecond
	r := run(t, &sc)
	if r.PerSecond > 1000 || r.Delivered < 300 {
		t.Errorf("%.0f delivered per second; want at most 100 to each of 10 streams", r.PerSecond)
	}
	if r.WirePerDelivery == nil || *r.WirePerDelivery < 20 {
		t.Errorf("%v bytes for each delivery; want those of a whole event", r.WirePerDelivery)
	}
}

func TestPhasesFollowEachOther(t *testing.T) {
	url := serve(t, &hub{drops: func(id, visit int) bool { return id == 30 }})
	sc := short(url)
	sc.Ramp, sc.Settle, sc.Goroutines, sc.PIDs = 100, 60*time.Millisecond, url+"/debug/pprof/goroutine", []int{os.Getpid()}
	var watched []result.Sample
	sc.Watch = func(v result.Sample) { watched = append(watched, v) }
	r := run(t, &sc)
	var phases []string
	for _, v := range r.Samples {
		if v.Goroutines == nil || *v.Goroutines != 42 || v.RSSBytes == nil {
			t.Errorf("at %.3f: goroutines %v, memory %v", v.At, v.Goroutines, v.RSSBytes)
		}
		phases = append(phases, v.Phase)
	}
	if got, want := slices.Compact(phases), []string{"open", "settle", "publish", "drain"}; !slices.Equal(got, want) {
		t.Errorf("phases %v, want %v", got, want)
	}
	if len(watched) != len(r.Samples) {
		t.Errorf("%d samples were watched, %d are in the result", len(watched), len(r.Samples))
	}
	if !slices.IsSortedFunc(r.Samples, func(a, b result.Sample) int { return int(1e9 * (a.At - b.At)) }) {
		t.Error("the samples are not in their order")
	}
}

func TestScenariosThatCannotBegin(t *testing.T) {
	url := serve(t, &hub{retry: 1000})
	for name, c := range map[string]struct {
		change func(*Scenario)
		says   string
	}{
		"no process":     {func(sc *Scenario) { sc.PIDs = []int{1 << 30} }, "give the pid of the server with -pid"},
		"no pprof":       {func(sc *Scenario) { sc.Goroutines = url + "/a" }, `it answers "retry: 1000\n"; give the URL of /debug/pprof/goroutine?debug=1`},
		"no pprof there": {func(sc *Scenario) { sc.Goroutines = "http://127.0.0.9:9/" }, "count goroutines"},
		"no publisher":   {func(sc *Scenario) { sc.Publish.URL = "http://127.0.0.9:9/" }, "connect publisher to http://127.0.0.9:9/"},
		"no URL":         {func(sc *Scenario) { sc.Request.URL = "ftp://x" }, "give one that begins with http://"},
	} {
		sc := short(url)
		c.change(&sc)
		if r, err := Run(t.Context(), &sc); r != nil || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, the error is %v, want %q", name, r, err, c.says)
		}
	}
}

func TestLogThatCannotBeWrittenIsAnErrorWithAResult(t *testing.T) {
	full := errors.New("the disk is full")
	sc := short(serve(t, &hub{}))
	sc.Log = func(_, _ time.Duration, _ *hdrhistogram.Histogram) error { return full }
	if r, err := Run(t.Context(), &sc); r == nil || !errors.Is(err, full) || r.Delivered != 300 {
		t.Errorf("%v, the error is %v; want a result and that the disk is full", r, err)
	}
}

func TestRunLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("runs", func(t *testing.T) {
		url := serve(t, &hub{retry: 30})
		sc := short(url)
		sc.Churn, sc.Stalled, sc.Goroutines, sc.Readers = 100, 2, url+"/debug/pprof/goroutine", 3
		run(t, &sc)
		if _, err := storm(url).Run(t.Context()); err != nil {
			t.Error(err)
		}
		sc.Publish.URL = "http://127.0.0.9:9/"
		if _, err := Run(t.Context(), &sc); err == nil {
			t.Error("it runs without a server to publish to")
		}
	})
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, there were %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
