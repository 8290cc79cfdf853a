// Package result is the result of a measurement: figures, samples of each second, and
// doubts about either. It is written as JSON, and read back to be rendered or compared
// later. It uses no socket and no clock.
package result

import "time"

// Schema is the version of the JSON. It changes when a field changes its
// meaning; new fields alone do not change it. The schema itself is schema.json.
const Schema = "fastsse-bench/1"

// Result is one measurement. Times are milliseconds where the name ends in _ms,
// microseconds in _us, seconds where it says so. What was not measured is absent
// or null, never zero.
type Result struct {
	Schema   string            `json:"schema"`   // rises when a field changes its meaning
	Command  string            `json:"command"`  // run, connect, storm, deploys, soak, answers
	Name     string            `json:"name"`     // of what was measured: a URL, or a target's name
	Begun    time.Time         `json:"begun"`    // when the measurement began
	Seconds  float64           `json:"seconds"`  // how long it took
	Partial  bool              `json:"partial"`  // interrupted: the figures cover only the time until then
	Machine  Machine           `json:"machine"`  // where the load came from
	Scenario map[string]string `json:"scenario"` // flags and their values

	// Suspect says that something other than the server may have been the
	// bottleneck, and SuspectOf says why. The figures are then about that as much
	// as about the server.
	Suspect   bool     `json:"suspect"`
	SuspectOf []string `json:"suspect_of"` // one sentence per reason; empty if it is not suspect

	// Streams.
	Asked       int          `json:"asked"`                 // streams that were to be opened
	Opened      int          `json:"opened"`                // of these, open when publishing began
	Answered    int          `json:"answered"`              // of these, ever answered with a stream
	Refused     int          `json:"refused"`               // answered with something else
	Failed      int          `json:"failed"`                // not connected, or no answer
	Ended       int          `json:"ended"`                 // times that an open stream ended, cleanly or not
	Reconnected int          `json:"reconnected"`           // times that a stream was open again
	FirstError  string       `json:"first_error,omitempty"` // what went wrong first; absent if nothing did
	OpenMS      *Percentiles `json:"open_ms"`               // from connecting to the head of the answer
	OpenSeconds float64      `json:"open_seconds"`          // until all were open

	OpenPerSecond *float64 `json:"opened_per_second"` // the pace: CPU to open a stream depends on it

	// Events. Each stream that was open when publishing began is to get all of them, even if
	// it ends: Expected is Delivered and Lost together, stream by stream. Events of whose loss
	// a gap event has told after a storm -by drain are not expected. Where bench did not publish, nobody
	// knows what is lost, twice or out of order: these are null.
	Published  uint64  `json:"published"`
	Expected   *uint64 `json:"expected"`     // deliveries
	Delivered  uint64  `json:"delivered"`    // each event once per stream
	Lost       *uint64 `json:"lost"`         // deliveries: what one stream got does not make up for another's loss
	Missing    *uint64 `json:"missing"`      // of these, holes: a later event of the stream came
	Duplicated *uint64 `json:"duplicated"`   // to any stream
	OutOfOrder *uint64 `json:"out_of_order"` // delivered after a later one, to any stream; null where several connections publish
	Late       *Late   `json:"late"`         // what streams got that came after publishing had begun
	Other      uint64  `json:"other"`        // events that bench did not publish, such as gaps
	Stray      *uint64 `json:"stray"`        // events of other topics than the stream's; null where there is one topic
	PerSecond  float64 `json:"delivered_per_second"`

	// AheadMS is how long before the time at which others say that they published it an event
	// came, at most: their clock is ahead of this machine's, and latencies are too low by that or
	// more. It is null where bench publishes.
	AheadMS *float64 `json:"ahead_ms"`

	// Bytes that streams read while events were published and delivered, heads, framing and
	// TLS included; in a storm, from its begin on. Of compressed streams also what they were decoded to, and the time that
	// took.
	WireBytes       *uint64  `json:"wire_bytes"`
	WirePerDelivery *float64 `json:"wire_bytes_per_delivery"`
	PlainBytes      *uint64  `json:"plain_bytes"`
	InflateUS       *float64 `json:"inflate_us_per_delivery"`

	// Latency counts from when an event was meant to be sent to when a reader
	// had it. Spread is the same for the first reader of each event, the median,
	// the 99th percentile and the last.
	LatencyMS       *Percentiles `json:"latency_ms"`
	SpreadMS        *Spread      `json:"spread_ms"`             // how deliveries spread over the readers of each event
	WaitingMS       *Percentiles `json:"waiting_ms"`            // from when the kernel had the last bytes of a read until ssebench had them, of one read in a hundred: a part of the latency that is not the server's
	PublisherLateMS float64      `json:"publisher_late_ms"`     // the worst lag behind the schedule
	LatenessMS      *Percentiles `json:"publisher_lateness_ms"` // all lags; null if there was no schedule

	Server   *Server   `json:"server"`            // null if its process is not known
	Tool     Tool      `json:"tool"`              // how the load generator did: whether its figures can be trusted
	Storm    *Storm    `json:"storm,omitempty"`   // absent if there was none
	Deploys  *Deploys  `json:"deploys,omitempty"` // absent for other commands
	Answers  *Answers  `json:"answers,omitempty"` // absent for other commands
	Trend    *Trend    `json:"trend,omitempty"`   // absent for other commands
	Lanes    []Lane    `json:"lanes,omitempty"`   // if there are several publishers; the first one's figures are also above
	Gates    []Verdict `json:"gates,omitempty"`   // the outcome of each -fail-if
	Spectrum []Quantum `json:"spectrum"`          // the latency's percentile spectrum
	Samples  []Sample  `json:"samples"`           // one for each second
	Steps    []Step    `json:"steps,omitempty"`   // of the rate, one by one; absent if it did not change
}

// Machine is where the load came from.
type Machine struct {
	OS         string `json:"os"`         // as Go names it
	Kernel     string `json:"kernel"`     // its release; empty where it is not known
	Processors int    `json:"processors"` // that the load generator could use
	Go         string `json:"go"`         // the version that the load generator was built with
}

// Percentiles of a distribution, in the unit of the field that holds it.
type Percentiles struct {
	P50   float64 `json:"p50"`           // the median
	P90   float64 `json:"p90"`           // 90th percentile
	P99   float64 `json:"p99"`           // 99th percentile
	P999  float64 `json:"p999"`          // 99.9th percentile
	Max   float64 `json:"max"`           // the largest value
	Mean  float64 `json:"mean"`          // the arithmetic mean
	Count int64   `json:"count"`         // how many values there were
	HDR   string  `json:"hdr,omitempty"` // the histogram, of microseconds, as HdrHistogram encodes it (V2, compressed, base64)
}

// Spread is how an event's delivery spreads over its readers. Last counts only
// events that every reader had.
type Spread struct {
	First  Percentiles `json:"first"`  // until the first reader had it
	Median Percentiles `json:"median"` // until half of the readers had it
	P99    Percentiles `json:"p99"`    // until 99% of the readers had it
	Last   Percentiles `json:"last"`   // until every reader had it
}

// Late is what streams got that were not open when publishing began, and came later. Each
// was to get all events from its first one on. Where several connections publish, only events
// count that were due after it had got one. Nothing of this is in the other figures.
type Late struct {
	Streams   int    `json:"streams"`   // that came late, and got an event
	Delivered uint64 `json:"delivered"` // each event once per stream
	Lost      uint64 `json:"lost"`      // deliveries after a stream's first that did not come
}

// Server is what the server's processes used. Of those that have ended before the measurement
// did, it is what was seen last: up to a second of their CPU is missing.
type Server struct {
	PID       int `json:"pid"`       // process id, the first that was given
	Processes int `json:"processes"` // at the end, with all that descend from those that were given

	// Memory per stream is the slope of a line through four points while streams were opened,
	// with its standard error; there is none below that error.
	BytesPerStream      *float64 `json:"bytes_per_stream"`               // the slope
	BytesPerStreamError *float64 `json:"bytes_per_stream_error"`         // its standard error
	BytesPerStreamAll   *float64 `json:"bytes_per_stream_total"`         // memory above the empty server's
	BytesWhy            string   `json:"bytes_per_stream_why,omitempty"` // why there is no slope; absent if there is

	CPUToOpenUS      *float64 `json:"cpu_us_to_open"`      // processor time to open a stream
	CPUPerDeliveryUS *float64 `json:"cpu_us_per_delivery"` // processor time per delivery
	CPUSeconds       float64  `json:"cpu_seconds"`         // while events were published and delivered
	RSSBytes         uint64   `json:"rss_bytes"`           // at the end, of all processes
	PSS              bool     `json:"pss"`                 // memory that several processes share counts once
	Threads          int      `json:"threads"`             // at the end
	Descriptors      *int     `json:"descriptors"`         // at the end; null if they cannot be read
}

// Tool is how the load generator itself did.
type Tool struct {
	CPUSeconds    float64     `json:"cpu_seconds"`      // while events were published and delivered
	TimerLagMS    Percentiles `json:"timer_lag_ms"`     // how late a sleep of 10 ms ended
	ReaderBusy    *float64    `json:"reader_busy"`      // share of the time that the busiest reader had something to do
	BusiestSecond *float64    `json:"reader_busy_most"` // the same, of the busiest second in which events came; above 0.85, events wait for the reader
	GCPauseMS     float64     `json:"gc_pause_ms"`      // sum of all pauses
	Descriptors   *int        `json:"descriptors"`      // at most
	Limit         uint64      `json:"fd_limit"`         // of descriptors
	PerAddress    int         `json:"ports_used"`       // most ports taken at one source address
	Ports         int         `json:"ports"`            // that the system has for each source address
}

// Storm is how clients came back after all had lost their connections at once. Seconds
// count from when the clients began to come back or, where the server was replaced (see
// Deploys), from its signal. There a stream has caught up when it has an event that was
// published after that.
type Storm struct {
	Streams    int     `json:"streams"`          // that were open before
	Missed     int     `json:"missed"`           // events published while they were away
	ConnectedS float64 `json:"connected_s"`      // until the last was answered again
	Caught     int     `json:"caught_up"`        // streams that got all events
	P50        float64 `json:"caught_up_p50_s"`  // until half of these had caught up
	P95        float64 `json:"caught_up_p95_s"`  // until 95% had
	P99        float64 `json:"caught_up_p99_s"`  // until 99% had
	Last       float64 `json:"caught_up_last_s"` // until the last had
	CPUSeconds float64 `json:"server_cpu_s"`     // processor time while they came back
}

// Return is one of the equal parts, of about a second, of the time over which clients came
// back, less the first and last thousandth of the clients. Seconds count from the signal.
type Return struct {
	From  float64 `json:"from"`  // begin
	To    float64 `json:"to"`    // end
	Due   int     `json:"due"`   // clients whose reconnection time ended in it
	Count int     `json:"count"` // clients that were answered in it
	Off   float64 `json:"off"`   // by which Count differs from an even share of all, as a share of that
}

// Deploys is how streams and publishing went on while a server, or instances behind a proxy,
// were replaced.
type Deploys struct {
	Killed     bool           `json:"killed"`         // by SIGKILL, in place of SIGTERM
	StartFirst bool           `json:"start_first"`    // the next instance was there before the old one ended
	Instances  int            `json:"instances"`      // how many ran at a time
	Before     *uint64        `json:"before"`         // events published before the signal; null if they were published all along, as the next one is
	LostBefore *uint64        `json:"lost_before"`    // deliveries of these that had not come when the streams had ended
	Gaps       int            `json:"gaps"`           // events that told a stream that others are lost
	GapOnce    int            `json:"gap_once"`       // streams that were told once
	Skipped    uint64         `json:"gap_skipped"`    // events that they were told of, in all streams, and that were therefore not expected
	Reconnects int            `json:"reconnects"`     // times that a stream ended and had an event again
	Away       int            `json:"not_back"`       // times that a stream ended and had none
	Cut        int            `json:"ends_cut"`       // times that a stream ended without the end of its body
	Untold     int            `json:"ends_untold"`    // times that a stream ended without a reconnection time right before
	Failed     int            `json:"returns_failed"` // connections that came to nothing while clients came back
	Later      int            `json:"returns_later"`  // answers that ended again without an event
	SilenceMS  Percentiles    `json:"silence_ms"`     // of the longest time between two events of each stream
	CalmMS     *Percentiles   `json:"calm_ms"`        // latency while nothing was replaced
	DuringMS   *Percentiles   `json:"during_ms"`      // latency from the begin of a replacement until all were back
	Retried    int            `json:"retried"`        // posts that were tried more than once
	TakenMS    float64        `json:"taken_ms"`       // the longest until such a post was taken
	Errors     []PublishError `json:"errors"`         // what publishers were told
	Replaced   []Replacement  `json:"replaced"`       // one by one
}

// Replacement is how an instance was replaced. Seconds count from when the old one got its
// signal.
type Replacement struct {
	Instance   string   `json:"instance"`     // the old one's URL
	At         float64  `json:"at"`           // seconds since the measurement began
	ReadyS     float64  `json:"ready_s"`      // until the new one took connections; negative: before
	ExitedS    float64  `json:"exited_s"`     // until the old process had ended
	ExitStatus int      `json:"exit_status"`  // -1: a signal has killed it
	Ended      int      `json:"ended"`        // streams that ended
	EndedS     float64  `json:"ended_s"`      // until the last of them had
	FirstBackS float64  `json:"first_back_s"` // until the first was answered again
	LastBackS  float64  `json:"last_back_s"`  // until the last was
	SilenceMS  float64  `json:"silence_ms"`   // the longest from a stream's end to its next event
	Uneven     *float64 `json:"uneven"`       // the largest Off of Returns
	Returns    []Return `json:"returns"`      // how the clients came back, part by part
}

// PublishError is an error that a publisher saw, and how often.
type PublishError struct {
	Text  string `json:"text"`  // what it said
	Times int    `json:"times"` // how often
}

// Answers is how requests were answered by streams that end, such as those of language
// models. Each request is in one of ended, truncated, stalled, unfinished, and the result's
// refused and failed. Asked and opened of the result count requests, too.
type Answers struct {
	Asked      int `json:"asked"`      // requests
	Ended      int `json:"ended"`      // answers that came to their end
	Truncated  int `json:"truncated"`  // answers that were cut, or ended without [DONE] where others had it
	Stalled    int `json:"stalled"`    // answers, or requests without one, that were left because no event came
	Unfinished int `json:"unfinished"` // answers that were still under way at the end

	RefusedWith []Refusal `json:"refused_with"` // the answers that were no streams, by status

	FirstMS   *Percentiles `json:"first_event_ms"`    // from a request to the first event of its answer; of stalled requests there is none
	GapMS     *Percentiles `json:"gap_ms"`            // from an event to the next of the same answer; [DONE] is no event
	WholeMS   *Percentiles `json:"whole_ms"`          // from a request to the end of its answer, of those that ended
	PerSecond *float64     `json:"events_per_second"` // of an answer, after its first event, on average
}

// Refusal is a status of answers, and how often it came.
type Refusal struct {
	Status int `json:"status"` // of HTTP
	Times  int `json:"times"`  // how often
}

// Trend says whether a soak stayed flat. Each figure is the median of the last third
// less that of the first third, as a share of the first third's. The first tenth of the
// soak is left out.
type Trend struct {
	P99         *float64 `json:"p99"`         // of the latency
	RSS         *float64 `json:"rss"`         // of the memory
	Descriptors *float64 `json:"descriptors"` // of open descriptors
	Threads     *float64 `json:"threads"`     // of threads
	Goroutines  *float64 `json:"goroutines"`  // of goroutines, if they were counted
	CPU         *float64 `json:"cpu"`         // of the processor time per second
	PerHour     Hourly   `json:"per_hour"`    // slopes, by which it is judged
	Flat        bool     `json:"flat"`        // whether nothing has risen
	Rising      []string `json:"rising"`      // what was not flat
}

// Hourly are the slopes of what a soak watches, per hour.
type Hourly struct {
	P99MS       *Slope `json:"p99_ms"`           // of the latency
	RSSBytes    *Slope `json:"rss_bytes"`        // of the memory
	Descriptors *Slope `json:"descriptor_count"` // of open descriptors
	Threads     *Slope `json:"thread_count"`     // of threads
	Goroutines  *Slope `json:"goroutine_count"`  // of goroutines, if they were counted
	CPU         *Slope `json:"processor_count"`  // of the processors' worth of time used
}

// Slope is that of a line through all samples but the first tenth, in the unit of the field
// that holds it.
type Slope struct {
	Value float64 `json:"value"` // the slope
	Error float64 `json:"error"` // its standard error
}

// Verdict is the outcome of a gate.
type Verdict struct {
	Gate   string `json:"gate"`   // the condition
	Failed bool   `json:"failed"` // it was met, or could not be checked
	Text   string `json:"text"`   // a sentence that says why, without a full stop
}

// Lane is one publisher's events.
type Lane struct {
	Name       string      `json:"name"`    // the publisher
	Streams    int         `json:"streams"` // its readers
	Published  uint64      `json:"published"`
	Expected   uint64      `json:"expected"`
	Delivered  uint64      `json:"delivered"`
	Lost       uint64      `json:"lost"`
	Missing    uint64      `json:"missing"`
	Duplicated uint64      `json:"duplicated"`
	OutOfOrder *uint64     `json:"out_of_order"` // null if it was not measured, as in the whole
	LatencyMS  Percentiles `json:"latency_ms"`   // as in the whole
	SpreadMS   *Spread     `json:"spread_ms"`    // as in the whole
}

// Step is a step of a rate that changes. Deliveries count where they came, which may be in
// a later step than that of their publication, or after the last.
type Step struct {
	Step      string       `json:"step"` // as it was given, such as 100..1000 over 30s
	Seconds   float64      `json:"seconds"`
	Published uint64       `json:"published"`
	Delivered uint64       `json:"delivered"`
	PerSecond float64      `json:"delivered_per_second"`
	LatencyMS *Percentiles `json:"latency_ms"` // of these deliveries
}

// Quantum is one point of the percentile spectrum.
type Quantum struct {
	Percentile float64 `json:"percentile"` // 0 to 100
	MS         float64 `json:"ms"`         // the latency at it
}

// Sample is what was seen in one interval, usually a second.
type Sample struct {
	At         float64 `json:"at"`             // seconds since the measurement began, at the end of the interval
	Phase      string  `json:"phase"`          // open, settle, publish, drain, linger, away, back, calm, deploy, hold
	Step       string  `json:"step,omitempty"` // of a rate that changes
	Streams    int     `json:"streams"`        // open now
	Connecting int     `json:"connecting"`     // streams without an answer yet
	Ended      int     `json:"ended"`          // in this interval, as everything below
	Published  uint64  `json:"published"`
	Delivered  uint64  `json:"delivered"`
	Missing    int64   `json:"missing"` // holes that opened, less those that closed
	Duplicated uint64  `json:"duplicated"`
	OutOfOrder *uint64 `json:"out_of_order"` // null if it was not measured

	LatencyMS *Percentiles `json:"latency_ms"` // null when nothing came

	ServerCPU   *float64 `json:"server_cpu"`   // processors' worth
	RSSBytes    *uint64  `json:"rss_bytes"`    // the server's, at the end of the interval, as what follows
	Descriptors *int32   `json:"descriptors"`  // open
	Threads     *int32   `json:"threads"`      // of the server
	Goroutines  *int     `json:"goroutines"`   // of the server, if they are counted
	ToolCPU     float64  `json:"tool_cpu"`     // the load generator's, processors' worth
	ReaderBusy  *float64 `json:"reader_busy"`  // share of the interval that the busiest reader had something to do
	TimerLagMS  float64  `json:"timer_lag_ms"` // the worst in the interval
}
