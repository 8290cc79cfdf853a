package main

import (
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// What was not measured keeps no limit, and the events that went wrong are added up.
func TestLimits(t *testing.T) {
	lost := uint64(2)
	r := &result.Result{Lost: &lost, Duplicated: new(uint64(3)), OutOfOrder: new(uint64(4)), Lanes: []result.Lane{{}, {Lost: 7}}}
	for figure, want := range map[string]float64{wrong: 9, "lanes.1.lost": 7, "lanes.2.lost": math.NaN(), "server.cpu_us_to_open": math.NaN()} {
		l := limit{figure: figure}
		if got := l.of(r); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s is %v; want %v", figure, got, want)
		}
	}
}

// Each bar is a command that ssebench takes, on the figures that it has.
func TestBarsAreMeasured(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the floor is made of Linux's system calls")
	}
	tools, err := buildTools(t.Context())
	t.Cleanup(func() { os.RemoveAll(tools.dir) })
	if err != nil {
		t.Fatal(err)
	}
	smaller := strings.NewReplacer("00 -rate 500", "0 -rate 50", "000 -", "0 -", "-c 9900", "-c 99", "-c 495", "-c 99", "-churn 2000", "-churn 100",
		"-duration 8s", "-duration 1s", "-duration 10s", "-duration 2s", "-duration 6s", "-duration 1s", "-settle 5s", "-settle 100ms", "-settle 1s", "-settle 100ms")
	for _, b := range bars {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			r, err := tools.result(t.Context(), smaller.Replace(b.command), "parked")
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range b.limits {
				if math.IsNaN(l.of(r)) && l.figure != "server.bytes_per_stream_total" { // so few streams may show none
					t.Errorf("%s has no %s", smaller.Replace(b.command), l.figure)
				}
			}
			if b.against != "" && b.against != "floor" && !strings.Contains(b.command, b.against) {
				t.Errorf("%s is compared with itself without %s", b.command, b.against)
			}
		})
	}
}
