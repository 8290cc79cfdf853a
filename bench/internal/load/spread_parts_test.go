package load

import (
	"slices"
	"testing"
	"time"
)

// The first and the last reader of several processes are those of all. The median and the 99th
// percentile lie between those of the processes.
func TestSpreadOfParts(t *testing.T) {
	type event []int // latencies in ms, of each reader
	processes := [][]event{
		{{5, 6, 7, 8}, {50, 60, 70}}, // the fourth reader did not have the second event
		{{1, 2, 3, 20}, {1, 2, 3, 4}},
	}
	var parts []Part
	for _, events := range processes {
		w := &Swarm{spreads: []*spread{newSpread(1)}}
		w.KeepMarks()
		w.spreads[0].readers[0].Store(4)
		for i, e := range events {
			for _, ms := range e {
				w.spreads[0].arrived(uint64(i+1), time.Duration(ms)*time.Millisecond)
			}
		}
		parts = append(parts, w.Part(0))
	}
	v := SpreadOf(append(parts, Part{Readers: []uint32{0}})) // one process has no streams
	for _, of := range []struct {
		name string
		got  []int64
		want []int64
	}{
		{"first", []int64{v.First.Min() / 1000, v.First.Max() / 1000, v.First.TotalCount()}, []int64{1, 1, 2}},
		{"median", []int64{v.Median.Min() / 1000, v.Median.Max() / 1000, v.Median.TotalCount()}, []int64{4, 31, 2}},
		{"p99", []int64{v.P99.Max() / 1000, v.P99.TotalCount()}, []int64{14, 1}},
		{"last", []int64{v.Last.Max() / 1000, v.Last.TotalCount()}, []int64{20, 1}},
	} {
		if !slices.Equal(of.got, of.want) {
			t.Errorf("%s: %d; want %d", of.name, of.got, of.want)
		}
	}
}
