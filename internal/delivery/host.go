package delivery

import (
	"errors"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// Host is all that delivery knows of the hub. Its functions are called by any goroutine,
// several at a time, and must not block.
type Host struct {
	History *eventlog.History
	Now     func() int64 // the hub's clock, in milliseconds
	State   func() State
	Logger  Logger
	Limits  Limits

	// Ended is called once for each stream that was held, when it has ended. topics are
	// the names of its topics, sorted, if hooks has an owner, and nil otherwise. Streams
	// share the slice.
	Ended func(hooks *HookData, topics []string, why cursor.Reason)

	// Working is called with 1 before delivery starts a goroutine, and with -1 when that
	// goroutine is about to end.
	Working func(more int)
}

// Limits are the settings of delivery. Zero means off.
type Limits struct {
	Gap          *cursor.Gap   // for streams whose Admission has none
	Skip         bool          // send a slow reader a gap event and go on; else end its stream
	Retry        time.Duration // the reconnection time
	Heartbeat    time.Duration // the longest silence on a stream
	MaxAge       time.Duration // the longest Stream.Dies: decides how often slots are swept
	WriteTimeout time.Duration // how long a pump's write may take, and a parked reader may stall inside an evicted event
	SendBuffer   int           // SO_SNDBUF of a parked stream's socket, in bytes
	NeverPark    bool          // pump every stream
}

// machine makes a machine. heartbeat is in milliseconds.
func (h *Host) machine(w *cursor.Workspace, heartbeat int64, patience time.Duration) cursor.Machine {
	return cursor.NewMachine(h.History, w, cursor.Settings{
		Gap: h.Limits.Gap, Skip: h.Limits.Skip, Retry: h.Limits.Retry,
		Heartbeat: heartbeat, Patience: patience.Milliseconds(), LingerFor: LingerFor.Milliseconds(),
	})
}

// State is how far a hub is on the way to its end.
type State int32

// The states.
const (
	Open     State = iota
	Draining       // streams end when they have been sent what was published
	Cutting        // draining, and out of time: streams end at once
	Closed
)

// ErrClosed is the error of a stream that is to be opened when the hub is closed.
var ErrClosed = errors.New("delivery: the hub is closed")

// Logger receives problems that no caller can be told about.
type Logger interface {
	Printf(format string, args ...any)
}

// LingerFor is how long a connection whose stream has ended waits for the peer to close,
// and how long the reader of a stream that is to end may take nothing.
const LingerFor = 5 * time.Second

// HookData is what hooks, Kick and the end of a stream need to know about it. Most streams
// have none.
type HookData struct {
	User       any
	RemoteAddr string // empty if the handler has no hooks
	Owner      any    // for Host.Ended, which calls its OnClose; nil: it has none
	Indexed    bool   // KickUser finds the stream by its user, which is Indexable

	// Client is the address that the hub counts the stream by; nil: it is not counted.
	Client *netip.Addr

	// Owned by the loop of the stream's shard.
	slot       int32
	prev, next *HookData // of the same user
}

// Owned reports whether d has an owner. d may be nil.
func (d *HookData) Owned() bool { return d != nil && d.Owner != nil }

// RecoverHook is to be deferred by callers of an application's hook: it logs a panic, and
// the caller returns.
func RecoverHook(logger Logger, hook string) {
	if r := recover(); r != nil {
		logger.Printf("server: panic in %s: %v\n%s", hook, r, debug.Stack())
	}
}
