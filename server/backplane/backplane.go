// Package backplane is what hubs of several processes need of a broker to be one feed: an
// interface, which the modules below it implement for existing brokers. Package
// backplanetest holds an implementation to the contract.
package backplane

import (
	"context"
	"errors"
	"time"
)

// Backplane is a feed on a broker: an append-only stream of entries. The broker decides
// their order, which is the same for all who read it, and keeps them. Methods may be called
// by any goroutine, several at a time.
//
// A sequence is a number that the broker gives an entry: at least 1, below 2^53, above those
// of all entries before it. There may be holes between sequences. The oldest entries may
// be dropped, as the broker is configured to; none in the middle is.
type Backplane interface {
	// Append stores an entry behind all others, and returns its sequence. When it returns nil,
	// the entry is stored as safely as the broker stores anything. When it returns an error,
	// the entry may have been stored or not, unless the error wraps ErrRefused: then it was not.
	//
	// A key that is not empty makes Append idempotent: if an entry with that key was stored
	// within the last two minutes, by whoever, nothing is stored, and the sequence of that
	// entry is returned. Keys have at most 128 bytes, of any kind.
	//
	// Append does not keep entry. It returns soon after ctx is done.
	Append(ctx context.Context, key string, entry []byte) (seq uint64, err error)

	// Tail calls deliver with all entries after a position, in order, each once: those that
	// are stored, and those that come, until ctx is done (it then returns context.Cause of
	// ctx) or deliver returns an error (which it returns). Entries that the broker has
	// dropped are left out; it is the caller who compares State.First.
	//
	// Tail delivers entries of the position's stream alone. If the broker has another stream,
	// or none, when Tail begins or while it waits for entries, Tail returns an error that
	// wraps ErrOtherEpoch. If the broker cannot be reached, Tail returns an error. It does
	// either at most 10 seconds after it can be known, whether or not anything is appended;
	// the caller calls State and Tail again.
	//
	// deliver is called by one goroutine at a time, with as many entries as are there, and
	// must not keep the slice or the data.
	Tail(ctx context.Context, after Position, deliver func([]Entry) error) error

	// Read returns the oldest entries after a position, at most limit of them, in order; fewer
	// only if there are no more, or if they are large. The caller owns them. limit is at least 1.
	//
	// Read returns entries of the position's stream alone. If the broker has another stream,
	// or none, when Read begins, it returns no entries, and an error that wraps ErrOtherEpoch.
	Read(ctx context.Context, after Position, limit int) ([]Entry, error)

	// State returns what the stream holds. What Tail and Read do depends on their position, and
	// not on what State has returned to whom.
	State(ctx context.Context) (State, error)
}

// Position is a place in a stream: behind an entry. Its epoch is one that State has returned,
// whenever and at whichever handle.
type Position struct {
	Epoch string // the stream's identity: State.Epoch
	Seq   uint64 // the entry's sequence; 0: before all entries
}

// Entry is an entry and its sequence.
type Entry struct {
	Seq  uint64
	Data []byte
}

// State describes a stream.
type State struct {
	// Epoch is the identity of the stream: a new one when it was deleted and made again, so
	// that sequences began anew, and the same for all who read the stream. An epoch that is
	// gone never comes back. 1 to 32 of a-z and 0-9.
	Epoch string

	First uint64 // the sequence of the oldest entry that is held; above Last if there is none
	Last  uint64 // the sequence of the newest entry that was ever stored; 0 if there was none
}

// MostKeyBytes is how long an idempotency key may be.
const MostKeyBytes = 128

// Window is for how long an idempotency key counts, at least.
const Window = 2 * time.Minute

// ErrRefused is wrapped by errors of Append after which it is certain that the entry was not
// stored: it is too large, say, or the broker could not be reached.
var ErrRefused = errors.New("backplane: not stored")

// ErrOtherEpoch is wrapped by errors of Tail and Read if the broker's stream is not, or is no
// longer, that of the position's epoch: it was deleted, and perhaps made again.
var ErrOtherEpoch = errors.New("backplane: the stream is not of that epoch")

// ErrTooLarge is wrapped, together with ErrRefused, by errors of Append for an entry that is
// larger than the broker takes: trying again is no use.
var ErrTooLarge = errors.New("backplane: too large")
