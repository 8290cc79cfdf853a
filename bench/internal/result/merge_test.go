package result

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// part is a result with these latencies, of a process that has opened so many streams.
func part(begun time.Time, streams int, us ...int64) *Result {
	r := &Result{
		Command: "run", Name: "x", Begun: begun, Seconds: float64(streams), Asked: streams, Opened: streams, Published: 5,
		Expected: new(uint64(len(us))), Delivered: uint64(len(us)), Lost: new(uint64(1)), LatencyMS: Of(histogram(us...)), OpenMS: Of(histogram(us[0])),
		SpreadMS: &Spread{First: *Of(histogram(us...))}, PerSecond: 10, Tool: Tool{CPUSeconds: 1, TimerLagMS: *Of(histogram(us[0]))},
		SuspectOf: []string{"timers"}, Machine: Machine{Processors: 2},
	}
	for second := range 3 {
		r.Samples = append(r.Samples, Sample{At: float64(second) + 0.01*float64(streams), Phase: "publish", Streams: streams, Delivered: 7, LatencyMS: Brief(histogram(us[second])), ToolCPU: 0.5})
	}
	return r
}

// Several processes' results are the same, merged, as that of one that had everything.
func TestMergeLosesNothing(t *testing.T) {
	begun := time.Date(2026, 11, 20, 21, 40, 0, 0, time.UTC)
	var all []int64
	var parts []*Result
	for i := range 3 {
		var us []int64
		for range 1000 * (i + 1) {
			us = append(us, 1+rand.Int64N(3_000_000))
		}
		all = append(all, us...)
		parts = append(parts, part(begun.Add(time.Duration(1-i)*time.Second), i+1, us...))
	}
	parts[1].Server = &Server{CPUPerDeliveryUS: new(6.0), BytesPerStream: new(900.0), BytesPerStreamError: new(90.0), RSSBytes: 7}
	before := encoded(t, parts[1])
	r, err := Merge(parts...)
	if err != nil {
		t.Fatal(err)
	}
	want := Of(histogram(all...))
	if *r.LatencyMS != *want || r.SpreadMS.First != *want || r.OpenMS.Count != 3 || r.Tool.TimerLagMS.Count != 3 || len(r.Spectrum) == 0 {
		t.Errorf("latency %+v, want %+v", r.LatencyMS, want)
	}
	if r.Opened != 6 || *r.Expected != 6000 || *r.Lost != 3 || r.Delivered != 6000 || r.PerSecond != 30 || r.Tool.CPUSeconds != 3 || r.Seconds != 3 || r.Machine.Processors != 2 {
		t.Errorf("%+v", r)
	}
	if len(r.SuspectOf) != 1 || !r.Begun.Equal(begun.Add(-time.Second)) {
		t.Errorf("suspect of %q, begun %v", r.SuspectOf, r.Begun)
	}
	if len(r.Samples) != 3 || r.Samples[2].Streams != 6 || r.Samples[2].Delivered != 21 || r.Samples[2].ToolCPU != 1.5 || r.Samples[2].LatencyMS.Count != 3 {
		t.Errorf("samples %+v", r.Samples)
	}
	// 2 of 6 streams, and 2,000 of 6,000 deliveries, are of the process that has measured the server.
	if *r.Server.CPUPerDeliveryUS != 2 || *r.Server.BytesPerStream != 300 || *r.Server.BytesPerStreamError != 30 || r.Server.RSSBytes != 7 {
		t.Errorf("server %v µs, %v B, %v", *r.Server.CPUPerDeliveryUS, *r.Server.BytesPerStream, r.Server.RSSBytes)
	}
	if encoded(t, parts[1]) != before {
		t.Error("merging has changed what was merged")
	}
}

func TestMergeRefusesWhatItCannotMerge(t *testing.T) {
	r, old := part(time.Now(), 1, 1, 2, 3), part(time.Now(), 1, 1, 2, 3)
	old.LatencyMS.HDR = ""
	if _, err := Merge(r, old); err == nil || !strings.Contains(err.Error(), "result 2 of 2: latency_ms: no raw histogram is saved") {
		t.Error(err)
	}
	old.LatencyMS.HDR = "HISTx"
	if _, err := Merge(r, old); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Error(err)
	}
	if _, err := Merge(); err == nil {
		t.Error("merged nothing")
	}
	if one, err := Merge(full()); err != nil || one.LatencyMS.P99 != full().LatencyMS.P99 { // saved before there were raw histograms
		t.Error(one, err)
	}
}

// Two samples of one process that are close together are two: that the streams of one process
// count once.
func TestMergeKeepsSamplesOfOneProcessApart(t *testing.T) {
	samples := func() []Sample {
		return []Sample{{At: 1, Phase: "publish", Streams: 10, Delivered: 5}, {At: 1.2, Phase: "publish", Streams: 10, Delivered: 1}}
	}
	r, err := Merge(&Result{Schema: Schema, Samples: samples()}, &Result{Schema: Schema, Samples: samples()})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Samples) != 2 || r.Samples[0].Streams != 20 || r.Samples[0].Delivered != 10 || r.Samples[1].Streams != 20 || r.Samples[1].Delivered != 2 {
		t.Errorf("%+v; want the first samples of both as one, and the second", r.Samples)
	}
}

// What a sample points to is its own: the sum of two changes neither, and three add up.
func TestSamplesAddUpAndStayAsTheyWere(t *testing.T) {
	one, two, three, none := Sample{OutOfOrder: new(uint64(1))}, Sample{OutOfOrder: new(uint64(2)), LatencyMS: &Percentiles{P50: 5}}, Sample{OutOfOrder: new(uint64(4))}, Sample{}
	if got := none.Add(one).Add(two).Add(three); *got.OutOfOrder != 7 || got.LatencyMS.P50 != 5 {
		t.Errorf("%d out of order, want 7", *got.OutOfOrder)
	}
	if *one.OutOfOrder != 1 || *two.OutOfOrder != 2 || *three.OutOfOrder != 4 || none.OutOfOrder != nil {
		t.Errorf("%d, %d and %d out of order afterwards, want 1, 2 and 4", *one.OutOfOrder, *two.OutOfOrder, *three.OutOfOrder)
	}
	if got := none.Add(Sample{}); got.OutOfOrder != nil {
		t.Errorf("%d out of order, want none to be measured", *got.OutOfOrder)
	}
}
