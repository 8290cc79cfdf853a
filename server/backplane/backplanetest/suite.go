package backplanetest

import (
	"testing"

	"github.com/fastsse/fastsse/server/backplane"
)

// Feed is a new and empty feed on a broker, and what can be done to both. Open is required.
// The checks that need another function are skipped if it is nil. Functions report a
// failure with t.Fatal of the test that asked for the feed, and are called by its goroutine.
type Feed struct {
	// Open returns one more handle on the feed, which shares nothing with the others, as if
	// another process had opened it. Whoever makes the feed closes it, in t.Cleanup.
	Open func(t testing.TB) backplane.Backplane

	// Kill ends the broker as a crash would; Start starts it again with what it has stored,
	// and returns when it answers. If Survives is true, Kill ends a part of the broker only,
	// and the rest goes on.
	Kill, Start func()
	Survives    bool

	// Stall makes the broker silent without closing connections, as a machine that hangs;
	// Wake ends that.
	Stall, Wake func()

	// Remake deletes the stream and makes it again, empty.
	Remake func()

	// Purge drops all entries; the stream stays, and so do its sequences.
	Purge func()
}

// Run runs a subtest for each sentence of the contract of backplane.Backplane. It calls
// open for each of them; feeds may be on one broker.
func Run(t *testing.T, open func(t testing.TB) *Feed) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if c.long && testing.Short() {
				t.Skip("takes 10 seconds and more")
			}
			c.check(t, open(t))
		})
	}
}

// check is a sentence of the contract, and what holds an implementation to it.
type check struct {
	name  string
	long  bool // left out with -short
	check func(t testing.TB, f *Feed)
}

var checks = []check{
	{"An appended entry is read as it was", false, readsWhatWasAppended},
	{"Sequences are at least 1 and below 2^53 and rise", false, sequencesRise},
	{"All who read have the same order", false, orderIsTheSame},
	{"Append does not keep the entry", false, appendKeepsNothing},
	{"Append returns soon after its context is done", false, appendEndsWithContext},
	{"A large entry is stored or refused", false, largeIsStoredOrRefused},

	{"A key makes Append idempotent", false, keyIsIdempotent},
	{"A key counts for every handle", false, keyCountsEverywhere},
	{"A key counts for appends at the same time", false, keyCountsAtOnce},
	{"Keys are of any kind", false, keysOfAnyKind},
	{"Entries without a key are all stored", false, noKeyStoresAll},

	{"Tail delivers what is stored and what comes", false, tailDelivers},
	{"Tail leaves out what is not after the sequence", false, tailBegins},
	{"Tail returns the cause of its context", false, tailReturnsCause},
	{"Tail returns the error of deliver", false, tailReturnsError},
	{"Tail calls deliver once at a time", false, tailDeliversAlone},
	{"Tail waits for a slow deliver", false, tailWaits},
	{"Tail stays while nothing comes", true, tailStays},

	{"Read returns pages", false, readPages},
	{"Read returns nothing at the end", false, readsNothing},
	{"Read's entries belong to the caller", false, readGivesAway},
	{"Read returns large entries", false, readsLarge},

	{"State describes an empty stream", false, stateOfEmpty},
	{"State describes what is held", false, stateOfHeld},
	{"Entries that were dropped are left out", false, droppedIsLeftOut},

	{"A stream that was made again has another epoch", false, remadeHasAnotherEpoch},
	{"Tail refuses a position of another epoch", false, tailRefusesOtherEpochs},
	{"Read refuses a position of another epoch", false, readRefusesOtherEpochs},
	{"Tail returns an error when the stream is made again", false, tailNoticesRemake},
	{"Tail delivers nothing of the stream that takes the place of its own", false, tailKeepsToItsStream},
	{"Streams are kept apart while one takes the place of the other", false, streamsAreKeptApart},

	{"What was acknowledged outlives a crash", false, crashLosesNothing},
	{"A key outlives a crash", false, keyOutlivesCrash},
	{"Tail returns an error when the broker is gone", false, tailNoticesCrash},
	{"Append fails when the broker is gone", false, appendNoticesCrash},
	{"Tail returns an error when the broker is silent", true, tailNoticesSilence},
	{"Append returns while the broker is silent", false, appendOutlivesSilence},
}
