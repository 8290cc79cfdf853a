package server

import (
	"fmt"
	"runtime"
	"time"

	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// Config holds a hub's settings. The zero value is meant to be used. A duration
// above zero that is below a millisecond is refused: it is a bare number.
type Config struct {
	// Heartbeat is the longest silence on a stream: after it a comment is sent.
	// Zero means 15 s. Negative disables.
	Heartbeat time.Duration

	// Retry is the reconnection time that a stream is told when it opens. One
	// that the hub ends is told a fresh one, drawn from Retry to twice Retry.
	// Zero means 3 s. Negative tells none.
	Retry time.Duration

	// MaxAge ends a stream after about this long, between two events, before a
	// platform would cut it. Each stream draws its own from the last tenth. One
	// that has stopped inside an event, and takes nothing for 5 s, is cut there.
	// Zero or negative means no limit.
	MaxAge time.Duration

	// WriteTimeout is how long one write to a streamed subscriber may block. A
	// parked stream's write never does: there it is how long a reader that has
	// stopped inside an event may take nothing once one of its topics has
	// forgotten the event, or newer ones; until then it costs no memory, and
	// Disconnect does not wait for it. The stream is cut then (ReasonTimeout).
	// Zero means 30 s. Negative disables: under Skip a stalled reader then keeps
	// up to 128 KiB of forgotten events (one larger event, whole) in memory for
	// as long as it is connected.
	//
	// A stream that is to end (Kick, MaxAge) gets 5 s, in place of a longer or no
	// WriteTimeout, to take what it is inside.
	WriteTimeout time.Duration

	// SendBuffer is SO_SNDBUF of a parked stream's socket, in bytes: what the
	// kernel may hold for a reader that takes nothing (it reserves about twice
	// that), and what may be on the way to one that is far: 64 KiB a round trip.
	// Zero means 64 KiB. Negative leaves it to the kernel, which may go to 4 MiB.
	SendBuffer int

	// MaxStreams is how many streams may be open. One more is told to come back
	// later. A stream counts until its OnClose has returned. Up to 64 connections
	// of refused clients are open beside them, for 5 s at most. Zero means nine tenths of the descriptors that the process may
	// open. Negative means no limit.
	MaxSubscribers int

	// MaxTopics is how many topics one stream may name. Zero means 16.
	MaxTopics int

	// MaxEventBytes is the largest Data of an event, 64 MiB at most. Zero means
	// 64 KiB. On the wire each line of it takes seven bytes more.
	MaxEventBytes int

	// Retention says how much of which topics is kept for those who come back.
	// The first pattern that matches counts. A topic that none matches keeps
	// the default delivery window: 4,096 events, 4 MiB, 5 minutes.
	Retention []Retention

	// MaxHistoryBytes bounds the memory of all logs together, at every moment
	// and to within one event. Beyond it, the topics that were not published to
	// for longest lose their oldest events. An eighth of it is for the indexes of
	// subtrees, so that no subscription makes an event go; each subtree that is
	// being read keeps at least half a kilobyte, whatever the bound. What is remembered
	// of losses takes up to 4 MiB beside it. Zero means 256 MiB.
	MaxHistoryBytes int64

	// SlowReaders says what becomes of a stream that has fallen so far behind
	// that its topic no longer holds its next event.
	SlowSubscribers SlowSubscriberPolicy

	// GapType is the type of the event that tells a stream what it has missed
	// can no longer be had. Empty means "gap".
	GapType string

	// Shards is how many loops deliver. Zero means GOMAXPROCS; 64 at most.
	Shards int

	// Delivery is how streams are held. Zero means DeliverAuto.
	Delivery Delivery

	// Logger hears of what nobody else can be told. Nil means the standard
	// library's default logger.
	Logger fasthttp.Logger
}

// Retention is how much of some topics' history is kept. A subtree holds no
// events of its own: it is an index of what its topics hold.
type Retention struct {
	// Topics is a topic, a subtree such as "scores/*", or "*" for all.
	Topics string

	// Events, Bytes (on the wire) and Age bound a topic's log; Events and Bytes
	// never make the newest event go. Zero means the default: 4,096, 4 MiB, 5 minutes. Age counts
	// in whole seconds, rounded up; a stream that resumes gets nothing that is
	// older. What a batch publishes beyond the bounds is forgotten before anybody
	// can read it: its readers are slow ones then.
	//
	// The Events of the rule that a subtree matches bound its index, the sum over
	// its topics: a stream of a subtree of 1,000 topics with Events 100 can come
	// back to the last 100 events of all of them together.
	Events int
	Bytes  int
	Age    time.Duration

	// Ephemeral events are delivered to whoever is connected, and never
	// replayed: presence, cursors, "viewers now".
	Ephemeral bool
}

// Delivery is a way to hold streams.
type Delivery uint8

const (
	// DeliverAuto parks a stream where that is possible (Linux, plaintext TCP or unix
	// sockets), and holds it with a goroutine elsewhere.
	DeliverAuto Delivery = iota
	// DeliverByGoroutine holds every stream with a goroutine: to compare the two, and to
	// test what runs where nothing can be parked.
	DeliverByGoroutine
)

// SlowSubscriberPolicy is what to do when a reader's position has fallen off the
// tail of its log.
type SlowSubscriberPolicy uint8

const (
	// Disconnect ends the stream. The client comes back with its Last-Event-ID,
	// and is told of the gap then.
	Disconnect SlowSubscriberPolicy = iota
	// Skip sends a gap event in-band and goes on with what is left. A reader that
	// has stopped inside an event has Config.WriteTimeout to finish it.
	Skip
)

const (
	defaultHeartbeat     = 15 * time.Second
	defaultRetry         = 3 * time.Second
	defaultWriteTimeout  = 30 * time.Second
	defaultMaxTopics     = 16
	defaultMaxEventBytes = 64 << 10
	defaultHistoryBytes  = 256 << 20
	defaultSendBuffer    = 64 << 10
	defaultGapType       = "gap"

	defaultWindowEvents = 4096
	defaultWindowBytes  = 4 << 20
	defaultWindowAge    = 5 * time.Minute

	maxShards = 64 // a topic names its shards in the bits of a word
)

// withDefaults returns c as it will be used, where zero means off, or says what
// cannot be honoured.
func (c Config) withDefaults() (Config, error) {
	given := c
	c.Heartbeat = orDefault(c.Heartbeat, defaultHeartbeat)
	c.Retry = orDefault(c.Retry, defaultRetry)
	c.WriteTimeout = orDefault(c.WriteTimeout, defaultWriteTimeout)
	c.MaxAge = max(c.MaxAge, 0)
	c.MaxTopics = orDefault(c.MaxTopics, defaultMaxTopics)
	c.MaxEventBytes = orDefault(c.MaxEventBytes, defaultMaxEventBytes)
	c.SendBuffer = orDefault(c.SendBuffer, defaultSendBuffer)
	c.MaxHistoryBytes = orDefault(c.MaxHistoryBytes, defaultHistoryBytes)
	c.MaxSubscribers = orDefault(c.MaxSubscribers, descriptorLimit()*9/10)
	c.Shards = orDefault(c.Shards, min(runtime.GOMAXPROCS(0), maxShards))
	if c.GapType == "" {
		c.GapType = defaultGapType
	}
	return c, c.check(&given)
}

// orDefault gives v, the default where it is zero, and zero where it is
// negative.
func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

// check says which setting cannot be honoured, as it was given.
func (c *Config) check(given *Config) error {
	gap := streamwriter.Event{Type: c.GapType}
	switch {
	case tooShort(c.Heartbeat):
		return tooShortError("Heartbeat", c.Heartbeat)
	case tooShort(c.MaxAge):
		return tooShortError("MaxAge", c.MaxAge)
	case tooShort(c.WriteTimeout):
		return tooShortError("WriteTimeout", c.WriteTimeout)
	case c.Retry > 0 && c.Retry < time.Millisecond:
		return configError("Retry", c.Retry, "is below one millisecond, and browsers would reconnect in a hot loop", "give at least 1ms, or a negative one to send none")
	case c.MaxTopics == 0:
		return configError("MaxTopics", given.MaxTopics, "leaves no topic to subscribe to", "give 1 or more, or zero for the default")
	case c.MaxEventBytes == 0:
		return configError("MaxEventBytes", given.MaxEventBytes, "leaves no room for data", "give 1 or more, or zero for the default")
	case c.MaxEventBytes > eventlog.MostEventBytes:
		return configError("MaxEventBytes", c.MaxEventBytes, "is more than 64 MiB, and on the wire an event can take seven times as much", "give at most 67108864, and publish a reference to what is larger")
	case c.MaxHistoryBytes == 0:
		return configError("MaxHistoryBytes", given.MaxHistoryBytes, "would keep no event long enough to deliver it", "give 1 or more, or zero for the default")
	case c.Shards == 0 || c.Shards > maxShards:
		return configError("Shards", given.Shards, "is not in 1 to 64", "leave it zero for one a processor")
	case c.Delivery > DeliverByGoroutine:
		return configError("Delivery", c.Delivery, "is no way to hold streams", "give DeliverAuto or DeliverByGoroutine")
	case c.SlowSubscribers > Skip:
		return configError("SlowSubscribers", c.SlowSubscribers, "is no policy", "give Disconnect or Skip")
	case gap.Validate() != nil:
		return configError("GapType", c.GapType, "holds a NUL, CR or LF", "give a plain name such as \"gap\"")
	}
	for i, r := range c.Retention {
		if err := r.check(); err != nil {
			return fmt.Errorf("server: Config.Retention[%d]: %w", i, err)
		}
	}
	return nil
}

// tooShort reports whether d is set, and so short that it must be a bare number
// that was meant to be seconds or milliseconds.
func tooShort(d time.Duration) bool { return d > 0 && d < time.Millisecond }

func tooShortError(field string, d time.Duration) error {
	return configError(field, d, tooShortProblem, tooShortRemedy)
}

const (
	tooShortProblem = "is below one millisecond: a bare number counts nanoseconds"
	tooShortRemedy  = "give it with its unit, such as 15*time.Second"
)

func configError(field string, value any, problem, remedy string) error {
	return fmt.Errorf("server: Config.%w", &streamwriter.FieldError{
		Field: field, Value: fmt.Sprint(value), Problem: problem, Remedy: remedy,
	})
}

func (r *Retention) check() error {
	if r.Topics != "*" {
		if err := eventlog.CheckPattern(r.Topics); err != nil {
			return err
		}
	}
	if tooShort(r.Age) {
		return &streamwriter.FieldError{Field: "Age", Value: r.Age.String(), Problem: tooShortProblem, Remedy: tooShortRemedy}
	}
	if r.Events < 0 || r.Bytes < 0 || r.Age < 0 {
		return fmt.Errorf("bounds for %q are negative (%d events, %d bytes, %v); zero means the default", r.Topics, r.Events, r.Bytes, r.Age)
	}
	return nil
}

// rules are the retention rules and the default.
func (c *Config) rules() []eventlog.Rule {
	rules := make([]eventlog.Rule, 0, len(c.Retention)+1)
	for i := range c.Retention {
		rules = append(rules, eventlog.Rule{Topics: c.Retention[i].Topics, Window: c.Retention[i].window()})
	}
	return append(rules, eventlog.Rule{Topics: "*", Window: (&Retention{}).window()})
}

// window is a log's bounds with the defaults filled in.
func (r *Retention) window() eventlog.Window {
	return eventlog.Window{
		Events:    orDefault(r.Events, defaultWindowEvents),
		Bytes:     orDefault(r.Bytes, defaultWindowBytes),
		Age:       uint32((orDefault(r.Age, defaultWindowAge) + time.Second - 1) / time.Second),
		Ephemeral: r.Ephemeral,
	}
}
