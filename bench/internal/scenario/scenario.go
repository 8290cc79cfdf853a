// Package scenario puts load on a server and reports the result: streams are opened
// on one schedule, events are published on another, and everything is counted and
// timed until nothing more comes.
//
// The load is open loop: neither schedule waits for the server. Latency counts from
// when an event was due.
package scenario

import (
	"cmp"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Scenario says what to do. Zero leaves a part out, unless a field says otherwise.
type Scenario struct {
	Command string            // run, connect, soak, storm: for the record
	Name    string            // of the target: for the record
	Flags   map[string]string // of the command: for the record

	Request load.Request
	Readers int           // goroutines that read; zero means one
	Foreign *load.Foreign // finds the time in events that others publish

	Streams int
	Client  load.Client   // of these streams
	Ramp    float64       // streams to open per second; zero: no limit
	Answer  time.Duration // give up if no stream is answered for this long; zero means 30s
	Settle  time.Duration // between opening and publishing

	Stalled  int     // additional streams that stop reading once they are open
	Slow     int     // additional streams that read…
	SlowRate int     // …this many bytes per second
	Churn    float64 // additional streams to open and close per second…
	Reset    bool    // …closing them by a reset

	Publish  *load.Publishing // nil: nothing is published
	Rate     float64          // events per second
	Profile  load.Profile     // of the rate, if it changes; empty: Rate
	Duration time.Duration    // of publishing, or of holding the streams
	Patience time.Duration    // after the last publish: once nothing has come for this long, the rest is lost; zero means 5s
	Linger   time.Duration    // once everything has come: wait so long for events that come twice
	Longest  time.Duration    // the measurement ends this long after Duration, even if events are still coming; zero: no limit
	Beside   *Beside

	PIDs       []int  // of the server's processes, whose descendants count as well; nil: they are not measured
	Goroutines string // URL of the server's pprof: its goroutines are counted

	Crew      Crew // the other processes that measure this too; nil: there are none
	Process   int  // of these, from 1; the last one publishes
	Processes int

	Watch func(result.Sample) // called each second
	Log   func(from, to time.Duration, latency *hdrhistogram.Histogram) error
}

// Beside is a second topic with streams and a schedule of its own.
type Beside struct {
	Request load.Request
	Publish load.Publishing
	Streams int
	Rate    float64
}

// unordered reports whether events may overtake each other before the server has them.
func (s *Scenario) unordered() bool { return s.Publish != nil && s.Publish.Publishers > 1 }

// patience is Patience or its default.
func (s *Scenario) patience() time.Duration { return cmp.Or(s.Patience, 5*time.Second) }

// answer is Answer or its default.
func (s *Scenario) answer() time.Duration { return cmp.Or(s.Answer, 30*time.Second) }
