// Package scenario puts load on a server and says what came of it: streams are
// opened on a schedule, events published on another, and everything is counted
// and timed until nothing more comes.
//
// The load is open loop: neither schedule waits for the server. What is late
// counts from when it was due.
package scenario

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/load"
	"github.com/fastsse/fastsse/bench/result"
)

// Scenario is what to do. The zero value of a field leaves it out.
type Scenario struct {
	Command string            // run, connect, soak, storm: for the record
	Name    string            // of the target: for the record
	Flags   map[string]string // what was asked for: for the record

	Request load.Request
	Readers int           // goroutines that read; zero means one
	Foreign *load.Foreign // finds the time in events that somebody else publishes

	Streams int
	Client  load.Client   // of these streams
	Ramp    float64       // to open a second; zero: as fast as it goes
	Answer  time.Duration // how long no stream at all may be answered; zero means 30s
	Settle  time.Duration // between opening and publishing

	Stalled  int     // further streams that stop reading once they are open
	Slow     int     // further streams that read…
	SlowRate int     // …so many bytes a second
	Churn    float64 // further streams that come and leave again, a second…
	Reset    bool    // …by a reset

	Publish  *load.Publishing // nil: nothing is published
	Rate     float64          // events a second
	Duration time.Duration    // of publishing, or of holding the streams
	Patience time.Duration    // how long nothing may come before the rest is lost; zero means 5s
	Longest  time.Duration    // beyond Duration, until the measurement ends whatever is still to come; zero: no limit
	Beside   *Beside

	PID        int    // of the server's process; zero: it is not looked at
	Goroutines string // URL of the server's pprof: its goroutines are counted

	Watch func(result.Sample) // is told each second
	Log   func(from, to time.Duration, latency *hdrhistogram.Histogram) error
}

// Beside is a second topic with streams and a schedule of its own.
type Beside struct {
	Request load.Request
	Publish load.Publishing
	Streams int
	Rate    float64
}

// patience is how long nothing may come before the rest is taken for lost.
func (s *Scenario) patience() time.Duration {
	if s.Patience > 0 {
		return s.Patience
	}
	return 5 * time.Second
}

// answer is how long no stream at all may be answered.
func (s *Scenario) answer() time.Duration {
	if s.Answer > 0 {
		return s.Answer
	}
	return 30 * time.Second
}
