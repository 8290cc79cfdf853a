package server

import (
	"fmt"
	"runtime"
	"time"

	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// Config holds a hub's settings. The zero value is meant to be used. New returns an
// error for a duration between zero and one millisecond: it was probably written as a
// bare number.
type Config struct {
	// Heartbeat is the longest silence on a stream: after that a comment is sent, so
	// that proxies keep the connection and a dead connection is found. Zero means
	// 15 s. Negative disables.
	Heartbeat time.Duration

	// Retry is the reconnection time that a client is sent when its stream opens. When
	// the hub ends a stream, it first sends a new one, drawn at random from Retry to
	// twice Retry. Zero means 3 s. Negative sends none.
	Retry time.Duration

	// DrainSpread is the time over which the clients of a drained hub are told to come
	// back, evenly, beginning Retry after Drain was called. (A client whose stream ends so
	// late that its time is over comes back after Retry to twice Retry.) Zero means as long
	// as Retry. Negative means all at once.
	DrainSpread time.Duration

	// End says how the hub ends streams, none of which it takes for finished (MaxAge,
	// Kick, Drain, Close, slow subscribers, and those that it cannot have now): cleanly,
	// or by a cut, which leaves out the last chunk of the body. Either way the client
	// has every byte, and the reconnection time. Zero means streamwriter.EndAuto:
	// cleanly if the client is an EventSource, which comes back in any case, and
	// otherwise by a cut, which tells other clients to come back. See
	// [streamwriter.End], also for what proxies make of it.
	//
	// For a stream of Follow, its Writer's Options.End counts.
	End streamwriter.End

	// MaxAge ends a stream after about this long, between two events, before a
	// platform would cut it. The exact time is drawn at random from the last tenth of
	// MaxAge, so that streams opened together do not all reconnect together. If a
	// reader has stopped inside an event and takes nothing for another 5 s, its stream
	// is cut there. Zero or negative means no limit.
	MaxAge time.Duration

	// WriteTimeout is how long one write to a streamed subscriber may take. If it takes
	// longer, the stream is cut (ReasonTimeout). Zero means 30 s. Negative disables.
	//
	// Writes to a parked subscriber never wait, and a reader that has stopped inside an
	// event costs no memory as long as its topics hold that event. Once it is evicted,
	// the reader may take nothing for this long; then its stream is cut. (Under
	// Disconnect it is cut earlier if the event after it is evicted, too.) Without a
	// limit, under Skip, a stalled reader keeps up to 128 KiB of evicted events (or one
	// larger event) in memory for as long as it is connected.
	//
	// When a stream is to end (Kick, MaxAge), its reader gets at most 5 s to take the
	// rest of the event that is being written.
	WriteTimeout time.Duration

	// SendBuffer is SO_SNDBUF of a parked subscriber's socket, in bytes. It bounds what
	// the kernel holds for a reader that takes nothing (about twice as much), and also
	// how fast a distant reader can be sent events: this much per round trip. Zero
	// means 64 KiB. Negative leaves the choice to the kernel, which may use 4 MiB.
	SendBuffer int

	// MaxSubscribers is how many subscribers the hub may have. Further clients are told
	// to come back later; up to 64 of their connections stay open, for 5 s at most. A
	// subscriber counts until its OnClose has returned. Zero means nine tenths of the
	// descriptors that the process may open. Negative means no limit.
	MaxSubscribers int

	// MaxSubscribersPerIP is how many open streams the clients with one IP address may
	// have together; IPv6 addresses count as one if they have the first 64 bits in
	// common. Further clients are told to come back later, and no open stream is ended
	// for them. A stream counts from before OnOpen is called until it has ended, so a
	// client that would be one too many waits for up to 31 ms: its last stream may be
	// about to end. Streams of Follow do not count, nor do those of a unix socket's peer.
	// Zero or negative means no limit.
	//
	// Many people may share an address (a company, a mobile network), and behind a
	// proxy all clients do, unless ForwardedHops is set.
	MaxSubscribersPerIP int

	// ForwardedHops is how many proxies, one behind the other, stand before this server
	// and append the address of their peer to X-Forwarded-For. Zero means none: the
	// connection's own peer is the client, and the header is ignored. With n proxies,
	// the client's address is the n-th entry from the right, of all lines of the header
	// together: what the client itself has put there stands to the left of it. If there
	// is no such entry, or if it is not an IP address, the connection's peer counts as
	// the client.
	//
	// Set it to the real number, and let only the proxies connect to this server: an
	// entry that no proxy has appended may be forged.
	ForwardedHops int

	// MaxOpensPerSecond is how many streams may open per second, so that a storm of
	// reconnections does not overrun Authorize and OnOpen. After a quiet second, that
	// many may open at once; further clients are told to come back later, before
	// Authorize is called. A GET with valid topics counts, and a call of Follow, unless
	// it is refused for another limit; HEAD does not count. Zero or negative means no
	// limit.
	MaxOpensPerSecond int

	// MaxTopics is how many topics and subtrees one stream may have. Zero means 16.
	MaxTopics int

	// MaxEventBytes is the largest Data of an event, in bytes: at most 64 MiB. Zero
	// means 63 KiB. On the wire each line of Data takes seven bytes more, and the other
	// fields up to 420 bytes together. Clients that read with Go's bufio.Scanner (go-sse and
	// r3labs/sse among them, unless they are given a larger buffer) fail at an event that
	// takes 64 KiB there, and come back to the same event for ever; with the default, Data
	// of up to 80 lines stays below that. They count the heartbeats since the event before,
	// too: after an hour of silence they may fail at the largest event, and get it when they
	// are back.
	MaxEventBytes int

	// Retention says how many events of which topics are kept, for clients that come
	// back and for slow readers. The first rule that matches a topic counts. A topic
	// that no rule matches keeps 4,096 events, 4 MiB, and 5 minutes.
	Retention []Retention

	// MaxHistoryBytes bounds the memory of all topics' events together, at all times
	// and to within one event. Beyond it, the topics that have not been published to
	// for the longest time lose their oldest events. An eighth of it is set apart for
	// the indexes of subtrees, so that no subscription makes an event go; each subtree
	// that is being read keeps at least half a kilobyte, whatever the bound. The record
	// of losses takes up to 4 MiB more. Zero means 256 MiB.
	MaxHistoryBytes int64

	// SlowSubscribers says what happens to a subscriber that has fallen so far behind
	// that its topics no longer hold its next event. Zero means Disconnect.
	SlowSubscribers SlowSubscriberPolicy

	// GapType is the type of the event that tells a client that some of what it has
	// missed is lost. Empty means "gap". See [GapEvent] for a handler's own.
	GapType string

	// Shards is how many goroutines deliver to parked subscribers: at most 64. Zero
	// means GOMAXPROCS.
	Shards int

	// Delivery says how streams are held. Zero means DeliverAuto.
	Delivery Delivery

	// Backplane makes the hub one of several, in as many processes as there are, that are
	// one feed: what is published at one of them is sent to the subscribers of all, in the
	// same order, and a client resumes at whichever it comes back to. Nil means that the hub
	// is alone. See "Several hubs" in the package's documentation. A hub with a backplane has
	// a goroutine until Close.
	Backplane backplane.Backplane

	// PublishTimeout is how long a publish waits for the backplane's broker. Zero means 5 s.
	// Negative waits for as long as the backplane does.
	PublishTimeout time.Duration

	// Logger receives problems that no caller can be told about. Nil means the
	// standard library's default logger.
	Logger fasthttp.Logger
}

// Retention is a rule about how many events some topics keep.
type Retention struct {
	// Topics is the topic that the rule is for, or a subtree such as "scores/*", or "*"
	// for all topics.
	Topics string

	// Events, Bytes (as sent) and Age bound what each topic keeps. Zero means the
	// default: 4,096 events, 4 MiB, 5 minutes. Age is rounded up to whole seconds. The
	// oldest events go first; Events and Bytes always leave the newest, Age does not. A
	// stream that resumes gets no event that is older than Age.
	//
	// If one PublishAll exceeds Events or Bytes by itself, its first events are evicted
	// at once, and no subscriber gets them: to all subscribers of the topic then
	// happens what Config.SlowSubscribers says.
	//
	// A subtree keeps no events of its own, only an index of what its topics hold. Its
	// index is bounded by the Events of the first rule that matches the whole subtree,
	// for all of its topics together: with Events 100, a client of a subtree of 1,000
	// topics can resume within the last 100 events of these topics.
	Events int
	Bytes  int
	Age    time.Duration

	// Ephemeral makes all events of the topics ephemeral: they are sent to the
	// subscribers of the moment and never replayed. For presence, cursors, "viewers
	// now". See also Message.Ephemeral.
	Ephemeral bool
}

// Delivery says how a hub holds streams.
type Delivery uint8

const (
	// DeliverAuto parks a stream if that is possible (on Linux, for plaintext TCP and
	// unix sockets), and otherwise holds it with a goroutine.
	DeliverAuto Delivery = iota
	// DeliverByGoroutine holds every stream with a goroutine: to compare the two, or to
	// test on Linux what runs elsewhere.
	DeliverByGoroutine
)

// SlowSubscriberPolicy says what to do with a subscriber whose next event was evicted
// before it could be sent.
type SlowSubscriberPolicy uint8

const (
	// Disconnect ends the stream (ReasonSlow). When the client comes back with its
	// Last-Event-ID, it gets a gap event.
	Disconnect SlowSubscriberPolicy = iota
	// Skip sends a gap event on the open stream and goes on with what is left. A reader
	// that has stopped inside an event has Config.WriteTimeout to take the rest of it.
	Skip
)

const (
	defaultHeartbeat     = 15 * time.Second
	defaultRetry         = 3 * time.Second
	defaultWriteTimeout  = 30 * time.Second
	defaultMaxTopics     = 16
	defaultPublishTime   = 5 * time.Second
	defaultMaxEventBytes = 63 << 10 // below bufio.MaxScanTokenSize on the wire
	defaultHistoryBytes  = 256 << 20
	defaultSendBuffer    = 64 << 10
	defaultGapType       = "gap"

	defaultWindowEvents = 4096
	defaultWindowBytes  = 4 << 20
	defaultWindowAge    = 5 * time.Minute

	maxShards = 64 // a topic refers to its shards by the bits of a word
)

// withDefaults returns c as it is used: with the defaults, where zero means off. It
// returns an error if a setting is not valid.
func (c Config) withDefaults() (Config, error) {
	given := c
	c.Heartbeat = orDefault(c.Heartbeat, defaultHeartbeat)
	c.Retry = orDefault(c.Retry, defaultRetry)
	c.DrainSpread = orDefault(c.DrainSpread, c.Retry)
	c.WriteTimeout = orDefault(c.WriteTimeout, defaultWriteTimeout)
	c.MaxAge = max(c.MaxAge, 0)
	c.MaxTopics = orDefault(c.MaxTopics, defaultMaxTopics)
	c.MaxEventBytes = orDefault(c.MaxEventBytes, defaultMaxEventBytes)
	c.PublishTimeout = orDefault(c.PublishTimeout, defaultPublishTime)
	c.SendBuffer = orDefault(c.SendBuffer, defaultSendBuffer)
	c.MaxHistoryBytes = orDefault(c.MaxHistoryBytes, defaultHistoryBytes)
	c.MaxSubscribers = orDefault(c.MaxSubscribers, descriptorLimit()*9/10)
	c.MaxSubscribersPerIP = max(c.MaxSubscribersPerIP, 0)
	c.MaxOpensPerSecond = max(c.MaxOpensPerSecond, 0)
	c.Shards = orDefault(c.Shards, min(runtime.GOMAXPROCS(0), maxShards))
	if c.GapType == "" {
		c.GapType = defaultGapType
	}
	return c, c.check(&given)
}

// orDefault returns v, or the default if v is zero, or zero if v is negative.
func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

// check returns an error for the first setting that is not valid. given is the Config
// before the defaults.
func (c *Config) check(given *Config) error {
	gap := streamwriter.Event{Type: c.GapType}
	switch {
	case tooShort(c.Heartbeat):
		return tooShortError("Heartbeat", c.Heartbeat)
	case tooShort(given.DrainSpread):
		return tooShortError("DrainSpread", given.DrainSpread)
	case tooShort(c.MaxAge):
		return tooShortError("MaxAge", c.MaxAge)
	case tooShort(c.WriteTimeout):
		return tooShortError("WriteTimeout", c.WriteTimeout)
	case tooShort(c.PublishTimeout):
		return tooShortError("PublishTimeout", c.PublishTimeout)
	case c.Retry > 0 && c.Retry < time.Millisecond:
		return configError("Retry", c.Retry, "is below one millisecond, and browsers would reconnect in a hot loop", "give at least 1ms, or a negative one to send none")
	case c.ForwardedHops < 0:
		return configError("ForwardedHops", c.ForwardedHops, "is no number of proxies", "give how many proxies append to X-Forwarded-For, or zero if clients connect directly")
	case c.MaxTopics == 0:
		return configError("MaxTopics", given.MaxTopics, "leaves no topic to subscribe to", "give 1 or more, or zero for the default")
	case c.MaxEventBytes == 0:
		return configError("MaxEventBytes", given.MaxEventBytes, "leaves no room for data", "give 1 or more, or zero for the default")
	case c.MaxEventBytes > eventlog.MostEventBytes:
		return configError("MaxEventBytes", c.MaxEventBytes, "is more than 64 MiB, and on the wire an event can take seven times as much", "give at most 67108864, and publish a reference to what is larger")
	case c.MaxHistoryBytes == 0:
		return configError("MaxHistoryBytes", given.MaxHistoryBytes, "would keep no event long enough to deliver it", "give 1 or more, or zero for the default")
	case c.Shards == 0 || c.Shards > maxShards:
		return configError("Shards", given.Shards, "is not in 1 to 64", "leave it zero for one per processor")
	case c.Delivery > DeliverByGoroutine:
		return configError("Delivery", c.Delivery, "is not a way to hold streams", "give DeliverAuto or DeliverByGoroutine")
	case c.End > streamwriter.EndCut:
		return configError("End", c.End, "is no way to end a stream", "give streamwriter.EndAuto, EndClean or EndCut")
	case c.SlowSubscribers > Skip:
		return configError("SlowSubscribers", c.SlowSubscribers, "is not a policy", "give Disconnect or Skip")
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

// configError returns the error of a setting.
func configError(field string, value any, problem, remedy string) error {
	return fmt.Errorf("server: Config.%w", &streamwriter.FieldError{
		Field: field, Value: fmt.Sprint(value), Problem: problem, Remedy: remedy,
	})
}

// check returns an error if the rule is not valid.
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

// rules returns the retention rules, and the default as the last one.
func (c *Config) rules() []eventlog.Rule {
	rules := make([]eventlog.Rule, 0, len(c.Retention)+1)
	for i := range c.Retention {
		rules = append(rules, eventlog.Rule{Topics: c.Retention[i].Topics, Window: c.Retention[i].window()})
	}
	return append(rules, eventlog.Rule{Topics: "*", Window: (&Retention{}).window()})
}

// window returns the bounds of a log, with the defaults.
func (r *Retention) window() eventlog.Window {
	return eventlog.Window{
		Events:    orDefault(r.Events, defaultWindowEvents),
		Bytes:     orDefault(r.Bytes, defaultWindowBytes),
		Age:       uint32((orDefault(r.Age, defaultWindowAge) + time.Second - 1) / time.Second),
		Ephemeral: r.Ephemeral,
	}
}
