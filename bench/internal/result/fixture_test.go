package result

import "time"

// full is a result in which everything was measured, and numbers are easy to
// tell apart.
func full() *Result {
	some := func(p50 float64) Percentiles {
		return Percentiles{P50: p50, P90: 2 * p50, P99: 5 * p50, P999: 8 * p50, Max: 10 * p50, Mean: 1.2 * p50, Count: 1_500_000}
	}
	at := func(p50 float64) *Percentiles { p := some(p50); return &p }
	spread := &Spread{First: some(1), Median: some(11), P99: some(20), Last: some(23)}
	return &Result{
		Schema: Schema, Command: "run", Name: "http://127.0.0.1:8080/events?topic=bench",
		Begun: time.Date(2026, 11, 20, 21, 40, 0, 0, time.UTC), Seconds: 34.2,
		Machine:   Machine{OS: "linux", Kernel: "6.1.0", Processors: 2, Go: "go1.26.8"},
		Scenario:  map[string]string{"c": "10000", "rate": "5"},
		SuspectOf: []string{},
		Asked:     10_000, Opened: 9_998, Answered: 9_998, Refused: 1, Failed: 1, Ended: 3, Reconnected: 2,
		FirstError: "dial tcp 127.0.0.1:8080: connection refused",
		OpenMS:     at(0.4), OpenSeconds: 2.05, OpenPerSecond: new(4_877.1),
		Published: 150, Expected: new(uint64(1_499_700)), Delivered: 1_499_690, Lost: new(uint64(10)), Missing: new(uint64(4)),
		Duplicated: new(uint64(1)), OutOfOrder: new(uint64(2)), Other: 7, Stray: new(uint64(3)), AheadMS: new(0.25),
		WireBytes: new(uint64(500_000_000)), WirePerDelivery: new(132.4), PlainBytes: new(uint64(900_000_000)), InflateUS: new(1.25),
		PerSecond: 49_812.4,
		LatencyMS: at(12.24), SpreadMS: spread, WaitingMS: at(1.7), PublisherLateMS: 1.8, LatenessMS: at(0.1), Late: &Late{Streams: 2, Delivered: 250, Lost: 1},
		Server: &Server{
			PID: 4711, BytesPerStream: new(970.4), BytesPerStreamAll: new(1312.0), CPUToOpenUS: new(24.1),
			CPUPerDeliveryUS: new(5.31), CPUSeconds: 7.96, RSSBytes: 31 << 20, Threads: 9, Descriptors: new(10_021), Processes: 1, BytesPerStreamError: new(104.5),
		},
		Tool: Tool{
			CPUSeconds: 9.1, TimerLagMS: some(0.06), ReaderBusy: new(0.41), BusiestSecond: new(0.52), GCPauseMS: 0.9,
			Descriptors: new(10_017), Limit: 20_000, PerAddress: 9_998, Ports: 28_232,
		},
		Spectrum: []Quantum{{0, 3.1}, {50, 12.24}, {100, 122.4}},
		Samples: []Sample{{
			At: 1, Phase: "publish", Streams: 9_998, Published: 5, Delivered: 49_990, Missing: -1, LatencyMS: at(12),
			ServerCPU: new(0.26), RSSBytes: new(uint64(31 << 20)), Descriptors: new(int32(10_021)), Threads: new(int32(9)), Goroutines: new(12),
			ToolCPU: 0.3, ReaderBusy: new(0.41), TimerLagMS: 0.4,
		}},
	}
}

// fullest is full with what only other commands and several publishers have.
func fullest() *Result {
	r := full()
	r.Storm = &Storm{
		Streams: 9_998, Missed: 100, ConnectedS: 0.82, Caught: 9_997,
		P50: 0.61, P95: 0.88, P99: 0.93, Last: 0.97, CPUSeconds: 1.4,
	}
	r.Deploys = drained()
	r.Trend = &Trend{
		P99: new(0.021), RSS: new(0.13), Descriptors: new(0.0), Threads: new(0.0), Goroutines: new(0.004), CPU: new(-0.01),
		PerHour: Hourly{
			P99MS: &Slope{0.4, 1.2}, RSSBytes: &Slope{48 << 20, 2 << 20}, Descriptors: &Slope{0, 0.4}, Threads: &Slope{0, 0}, Goroutines: &Slope{7, 9}, CPU: &Slope{-0.01, 0.02},
		},
		Rising: []string{"rss"},
	}
	r.Lanes = []Lane{
		{Streams: 9_998, Published: 150, Expected: 1_499_700, Delivered: 1_499_690, Lost: 10, OutOfOrder: new(uint64(0)), LatencyMS: *r.LatencyMS, SpreadMS: r.SpreadMS},
		{Name: "beside", Streams: 100, Published: 30, Expected: 3_000, Delivered: 3_000, OutOfOrder: new(uint64(0)), LatencyMS: Percentiles{P50: 9, P99: 44, Count: 3_000}},
	}
	return r
}

// drained is a deploy of a server that is alone.
func drained() *Deploys {
	return &Deploys{
		Instances: 1, Before: new(uint64(101)), LostBefore: new(uint64(3)), Cut: 2, Untold: 1, Failed: 12, Later: 5, GapOnce: 9_990, Gaps: 10_001, Skipped: 40,
		Reconnects: 9_997, Away: 1, SilenceMS: Percentiles{P50: 4_100, P99: 5_980, Max: 5_993, Count: 9_998}, Errors: []PublishError{},
		Replaced: []Replacement{{
			At: 3.2, Ended: 9_998, EndedS: 0.42, ExitedS: 0.51, ExitStatus: 1, ReadyS: 0.55, FirstBackS: 3.01, LastBackS: 6.02, SilenceMS: 6_010, Uneven: new(0.0123),
			Returns: []Return{{3.01, 4.01, 3_300, 3_291, -0.0123}, {4.01, 5.01, 3_320, 3_350, 0.0055}, {5.01, 6.01, 3_378, 3_357, 0.0068}},
		}},
	}
}
