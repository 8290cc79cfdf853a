package delivery

import (
	"errors"
	"runtime/debug"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// Host is all that delivery knows of the hub that it works for. Its functions may be
// called by any goroutine.
type Host struct {
	History *eventlog.History
	Now     func() int64 // the hub's clock, in milliseconds
	State   func() State
	Logger  Logger
	Limits  Limits

	// Ended says that a stream which was held has ended. topics are its topics' names if
	// hooks has an owner, and nil otherwise.
	Ended func(hooks *HookData, topics []string, why cursor.Reason)

	// Working says that one goroutine more, or less, works for the hub.
	Working func(more int)
}

// Limits are the settings of delivery. Zero means off.
type Limits struct {
	GapType      string        // the type of events that tell of a gap
	Skip         bool          // tell a slow reader of a gap and go on; else end its stream
	Retry        time.Duration // the reconnection time
	Heartbeat    time.Duration // the longest silence
	MaxAge       time.Duration // the longest that streams may live: they are looked at often enough
	WriteTimeout time.Duration // how long one write may wait, or a reader inside an evicted event
	SendBuffer   int           // bytes of a parked stream's socket
	NeverPark    bool          // every stream gets a goroutine
}

// machine makes a machine of streams that get a heartbeat after so many milliseconds.
func (h *Host) machine(w *cursor.Workspace, heartbeat int64, patience time.Duration) cursor.Machine {
	return cursor.NewMachine(h.History, w, cursor.Settings{
		GapType: h.Limits.GapType, Skip: h.Limits.Skip, Retry: h.Limits.Retry,
		Heartbeat: heartbeat, Patience: patience.Milliseconds(), LingerFor: LingerFor.Milliseconds(),
	})
}

// State is how far a hub is on its way to its end.
type State int32

// The states.
const (
	Open State = iota
	Draining
	Cutting // draining, and its time is over
	Closed
)

// ErrClosed is the error of a stream that comes when the hub is closed.
var ErrClosed = errors.New("delivery: the hub is closed")

// Logger is where messages go that nobody can be told.
type Logger interface {
	Printf(format string, args ...any)
}

// LingerFor is how long an ended connection waits for its peer's end.
const LingerFor = 5 * time.Second

// HookData is what hooks and Kick need to know of a stream. Most streams have none.
type HookData struct {
	User       any
	RemoteAddr string // known where there are hooks
	Owner      any    // who is told of the stream's end; nil: nobody
	Indexed    bool   // the stream can be found by its user, which is comparable

	// Owned by the loop of its stream's shard: those of the same user.
	slot       int32
	prev, next *HookData
}

// Owned reports whether somebody is to be told of the stream's end.
func (p *HookData) Owned() bool { return p != nil && p.Owner != nil }

// RecoverHook is deferred around an application's hook: a panic in it is logged, and
// ends nothing else.
func RecoverHook(logger Logger, hook string) {
	if r := recover(); r != nil {
		logger.Printf("server: panic in %s: %v\n%s", hook, r, debug.Stack())
	}
}
