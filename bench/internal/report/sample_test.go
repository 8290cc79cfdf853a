package report

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// scene describes an invented measurement. Every sample of these tests comes from one,
// with the noise, the pauses and the faults of real ones.
type scene struct {
	name    string
	streams int
	rate    float64 // events per second
	seconds int     // of publishing
	median  float64 // latency in ms
	seed    uint64
	lossy   bool
	leaking bool
	hidden  bool // without a process to look at
}

// make makes a result of the scene.
func (s scene) make() *result.Result {
	n := uint64(s.streams)
	events := uint64(s.rate * float64(s.seconds))
	r := &result.Result{
		Schema: result.Schema, Command: "run", Name: s.name, Begun: time.Date(2026, 11, 20, 21, 40, 3, 0, time.UTC),
		Machine: result.Machine{OS: "linux", Kernel: "6.1.0-28-amd64", Processors: 8, Go: "go1.26.8"},
		Scenario: map[string]string{
			"url": "http://127.0.0.1:8080/events?topic=bench", "c": strconv.Itoa(s.streams), "rate": strconv.FormatFloat(s.rate, 'g', -1, 64), "duration": strconv.Itoa(s.seconds) + "s", "size": "100",
		},
		Asked: s.streams, Opened: s.streams, OpenMS: about(2.4, s.streams), OpenSeconds: float64(s.streams) / 5000,
		Published: events, Expected: new(events * n), Delivered: events * n, Lost: new(uint64(0)), Missing: new(uint64(0)), Duplicated: new(uint64(0)), OutOfOrder: new(uint64(0)),
		LatencyMS: about(s.median, int(events*n)), SpreadMS: s.spread(events), PublisherLateMS: 0.84,
		Tool: result.Tool{
			CPUSeconds: 0.31 * float64(s.seconds), TimerLagMS: *about(0.07, 3000), ReaderBusy: new(0.38), GCPauseMS: 4.1,
			Descriptors: new(s.streams + 19), Limit: 1 << 20, PerAddress: s.streams, Ports: 28_232,
		},
		Spectrum: s.spectrum(float64(events * n)),
	}
	r.Samples = s.samples(r)
	r.Seconds = r.Samples[len(r.Samples)-1].At
	r.PerSecond = float64(r.Delivered) / float64(s.seconds)
	if !s.hidden {
		r.Server = s.server(r)
	}
	return r
}

func about(median float64, n int) *result.Percentiles {
	return &result.Percentiles{
		P50: median, P90: 1.7 * median, P99: 3.4 * median, P999: 6.1 * median, Max: 11.3 * median, Mean: 1.18 * median, Count: int64(n),
	}
}

func (s scene) spread(events uint64) *result.Spread {
	at := func(f float64) result.Percentiles { return *about(f*s.median, int(events)) }
	return &result.Spread{First: at(0.06), Median: at(0.97), P99: at(1.88), Last: at(2.1)}
}

func (s scene) spectrum(n float64) []result.Quantum {
	var all []result.Quantum
	for x := 1.0; x < n; x *= 1.15 {
		all = append(all, result.Quantum{Percentile: 100 - 100/x, MS: s.median * (0.2 + 0.8*math.Pow(math.Log2(x), 0.8))})
	}
	return append(all, result.Quantum{Percentile: 100, MS: s.median * 11.3})
}

func (s scene) server(r *result.Result) *result.Server {
	last := r.Samples[len(r.Samples)-1]
	return &result.Server{
		PID: 4711, BytesPerStream: new(94.2 * s.median), BytesPerStreamAll: new(121.7 * s.median), CPUToOpenUS: new(24.1),
		CPUPerDeliveryUS: new(0.41 * s.median), CPUSeconds: 0.26 * float64(s.seconds),
		RSSBytes: *last.RSSBytes, Threads: int(*last.Threads), Descriptors: new(int(*last.Descriptors)),
	}
}

// samples are of opening, settling, publishing and draining.
func (s scene) samples(r *result.Result) []result.Sample {
	noise := rand.New(rand.NewPCG(s.seed, 1))
	opening := max(1, s.streams/5000)
	var all []result.Sample
	for i := range opening + 2 + s.seconds + 1 {
		one := result.Sample{At: float64(i+1) + 0.002*noise.Float64(), Phase: "publish", Streams: s.streams, ToolCPU: 0.3 + 0.06*noise.Float64(), TimerLagMS: 0.2 + 0.5*noise.ExpFloat64()}
		switch {
		case i < opening:
			one.Phase, one.Streams, one.Connecting = "open", min(s.streams, 5000*(i+1)-200), 200
		case i < opening+2:
			one.Phase = "settle"
		case i == opening+2+s.seconds:
			one.Phase, one.At = "drain", one.At-0.9
			one.Delivered = uint64(s.streams / 4)
		default:
			s.publish(&one, noise, i-opening-2)
		}
		if s.lossy && i == opening+2+s.seconds/2 {
			s.fail(r, &one)
		}
		s.look(&one, noise, i)
		all = append(all, one)
	}
	return all
}

// publish is a second of publishing, every eleventh with a pause.
func (s scene) publish(one *result.Sample, noise *rand.Rand, second int) {
	one.Published = uint64(s.rate)
	if s.rate < 1 {
		one.Published = uint64(1 - min(1, second%int(1/s.rate)))
	}
	one.Delivered = one.Published * uint64(s.streams)
	if one.Published == 0 {
		return
	}
	one.LatencyMS = about(s.median*(0.9+0.25*noise.Float64()), int(one.Delivered))
	if second%11 == 7 {
		one.LatencyMS.P99 *= 2.2
		one.LatencyMS.Max *= 3.5
	}
}

// fail is the second in which the server loses some.
func (s scene) fail(r *result.Result, one *result.Sample) {
	one.Missing, one.Duplicated, one.OutOfOrder, one.Ended = 812, 3, new(uint64(1)), 40
	one.Streams -= 40
	r.Missing, r.Duplicated, r.OutOfOrder, r.Ended, r.Reconnected = new(uint64(812)), new(uint64(3)), new(uint64(1)), 40, 38
	r.Lost, r.Delivered = new(uint64(914)), r.Delivered-914
	r.FirstError = "read tcp 127.0.0.1:40112->127.0.0.1:8080: connection reset by peer"
}

func (s scene) look(one *result.Sample, noise *rand.Rand, i int) {
	if s.hidden {
		return
	}
	leak := 0.0
	if s.leaking {
		leak = 21_000 * float64(i)
	}
	one.ServerCPU = new(0.05 + float64(one.Delivered)/float64(s.streams)*0.05 + 0.03*noise.Float64())
	one.RSSBytes = new(uint64(14<<20 + 1080*float64(one.Streams) + leak + 3e5*noise.Float64()))
	if s.leaking {
		one.Goroutines = new(31 + i%3)
	}
	one.Descriptors, one.Threads = new(int32(one.Streams+12)), new(int32(9+i%2))
}

func plain() *result.Result {
	return scene{name: "fastsse", streams: 10_000, rate: 5, seconds: 30, median: 11.8, seed: 1}.make()
}

// lossy has every fault there is.
func lossy() *result.Result {
	return scene{name: "http://127.0.0.1:8080/events?topic=bench", streams: 10_000, rate: 5, seconds: 30, median: 14.1, seed: 2, lossy: true}.make()
}

// suspect was measured by a load generator at its limit, and was interrupted.
func suspect() *result.Result {
	r := scene{name: "fastsse", streams: 40_000, rate: 10, seconds: 20, median: 212, seed: 3}.make()
	r.Suspect, r.Partial = true, true
	r.SuspectOf = []string{"the busiest reader was busy 99 % of the time; use -readers 2", "a timer of 10 ms was 48 ms late"}
	r.Tool.ReaderBusy = new(0.99)
	r.Refused, r.Failed, r.Opened = 12, 3, r.Asked-15
	r.FirstError = "503 Service Unavailable"
	return r
}

// beside has two publishers.
func beside() *result.Result {
	r := plain()
	r.Lanes = []result.Lane{
		{Name: "", Streams: 10_000, Published: 150, Expected: 1_500_000, Delivered: 1_500_000, OutOfOrder: new(uint64(0)), LatencyMS: *r.LatencyMS, SpreadMS: r.SpreadMS},
		{Name: "beside", Streams: 100, Published: 30, Expected: 3_000, Delivered: 2_998, Lost: 2, OutOfOrder: new(uint64(0)), LatencyMS: *about(3, 2_998)},
	}
	return r
}

// soak takes an hour, and its memory rises.
func soak() *result.Result {
	r := scene{name: "fastsse", streams: 10_000, rate: 1, seconds: 3600, median: 9.4, seed: 4, leaking: true}.make()
	r.Command = "soak"
	r.Trend = &result.Trend{
		P99: new(0.012), RSS: new(1.34), Descriptors: new(0.0), Threads: new(0.0), CPU: new(-0.004), Rising: []string{"RSS from 3.66e+07 to 8.57e+07 B"},
	}
	return r
}

// storm has neither samples nor latency.
func storm(name string, slower float64) *result.Result {
	return &result.Result{
		Schema: result.Schema, Command: "storm", Name: name, Begun: time.Date(2026, 11, 20, 22, 1, 0, 0, time.UTC), Seconds: 6.3,
		Machine: result.Machine{OS: "linux", Kernel: "6.1.0", Processors: 8, Go: "go1.26.8"}, Scenario: map[string]string{"c": "10000", "missed": "100"},
		Asked: 10_000, Opened: 10_000, OpenSeconds: 2.01, OpenMS: about(1.9, 10_000), Ended: 10_000, Reconnected: 10_000,
		Published: 101, Expected: new(uint64(1_010_000)), Delivered: 1_010_000, Lost: new(uint64(0)), Missing: new(uint64(0)), Duplicated: new(uint64(0)), OutOfOrder: new(uint64(0)),
		Tool: result.Tool{CPUSeconds: 2.4, TimerLagMS: *about(0.1, 600)},
		Storm: &result.Storm{
			Streams: 10_000, Missed: 100, ConnectedS: 0.82 * slower, Caught: 10_000,
			P50: 0.61 * slower, P95: 0.88 * slower, P99: 0.93 * slower, Last: 0.97 * slower, CPUSeconds: 1.43 * slower,
		},
	}
}

// drain is a storm that a deploy has begun.
func drain(name string) *result.Result {
	r := storm(name, 1)
	r.Storm.Missed, r.Storm.ConnectedS, r.Storm.P50, r.Storm.P95, r.Storm.P99, r.Storm.Last = 0, 6.02, 4.52, 5.87, 5.98, 6.03
	r.Deploys = &result.Deploys{
		Instances: 1, Before: new(uint64(101)), LostBefore: new(uint64(0)), Cut: 12, GapOnce: 10_000, Gaps: 10_000, Reconnects: 10_000, SilenceMS: *about(4_500, 10_000),
		Replaced: []result.Replacement{{
			Instance: "http://127.0.0.1:8081", At: 2.2, ReadyS: 0.55, ExitedS: 0.51, Ended: 10_000, EndedS: 0.42, FirstBackS: 3.01, LastBackS: 6.02, SilenceMS: 5_600, Uneven: new(0.0123),
			Returns: []result.Return{
				{From: 3.01, To: 4.01, Due: 3_300, Count: 3_292, Off: -0.0123}, {From: 4.01, To: 5.01, Due: 3_320, Count: 3_351, Off: 0.0055},
				{From: 5.01, To: 6.01, Due: 3_378, Count: 3_357, Off: 0.0068},
			},
		}},
	}
	return r
}

// connect opens streams, and no more.
func connect() *result.Result {
	return &result.Result{
		Schema: result.Schema, Command: "connect", Name: "fastsse", Seconds: 2.2, Asked: 10_000, Opened: 10_000,
		OpenMS: about(2.2, 10_000), OpenSeconds: 2.1, Scenario: map[string]string{"c": "10000"},
	}
}

// single was over after one sample.
func single() *result.Result {
	r := scene{name: "fastsse", streams: 10, rate: 1, seconds: 3, median: 0.4, seed: 6, hidden: true}.make()
	r.Samples = r.Samples[3:4]
	return r
}

// sparse has an event every five seconds, and nothing in between.
func sparse() *result.Result {
	return scene{name: "fastsse", streams: 1000, rate: 0.2, seconds: 60, median: 1.2, seed: 7}.make()
}

// nobodyBack is a storm or drain from which nobody came back.
func nobodyBack(r *result.Result) *result.Result {
	r.Storm.Caught, r.Storm.P50, r.Storm.P95, r.Storm.P99, r.Storm.Last = 0, 0, 0, 0, 0
	if r.Deploys != nil {
		r.Deploys.Replaced[0].Returns, r.Deploys.Replaced[0].Uneven = nil, nil
	}
	return r
}

// deploys replaces two instances.
func deploys() *result.Result {
	r := plain()
	r.Command = "deploys"
	r.Deploys = &result.Deploys{
		Instances: 2, Reconnects: 5_000, SilenceMS: *about(230, 10_000), CalmMS: about(9, 1_000_000), DuringMS: about(14, 500_000),
		Replaced: []result.Replacement{{
			Instance: "http://127.0.0.1:8081", At: 3.1, ReadyS: 0.2, ExitedS: 0.51, Ended: 5_000, EndedS: 0.42, FirstBackS: 1.01, LastBackS: 3.02, SilenceMS: 3_040,
			Returns: []result.Return{{From: 1.01, To: 3.02, Due: 5_000, Count: 5_000}},
		}, {Instance: "http://127.0.0.1:8082", At: 9.1}},
	}
	return r
}
