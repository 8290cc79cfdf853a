// Package hubs tests hubs on a broker that is killed, falls silent, or loses its stream, with
// publishers and subscribers over real sockets: what holds for them whatever the broker is.
package hubs

import (
	"testing"

	"github.com/fastsse/fastsse/server/backplane/backplanetest"
)

// Run runs the tests at the same time, each with a feed of its own, on a broker of its own.
// All functions of a Feed are required, and Survives has to be false.
func Run(t *testing.T, open func(t testing.TB) *backplanetest.Feed) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if c.long && testing.Short() {
				t.Skip("takes 10 seconds and more")
			}
			t.Parallel()
			c.check(t, open(t))
		})
	}
}

// check is something that holds, and what finds out.
type check struct {
	name  string
	long  bool // left out with -short
	check func(t testing.TB, f *backplanetest.Feed)
}

var checks = []check{
	{"A broker that is killed loses nothing", false, killed},
	{"A broker that is away for long loses nothing", true, killedForLong},
	{"Nothing hangs at a broker that is silent", true, silent},
	{"A hub starts when its broker is there", false, starts},

	{"A purge is a gap to those who were not there", false, purged},
	{"A stream that is made again is another epoch", true, remade},
	{"A stream that is made again while a hub is cut off", false, remadeUnseen},
	{"A stream that is made again and longer than it was", false, remadeLonger},

	{"A key counts at every hub", false, keyed},
	{"A key counts after an error", true, keyedAfterError},

	{"A slow hub does not hold up another", false, slow},
	{"A client that is further than its hub", false, further},
	{"Large events and many at once", false, large},
	{"Ephemeral events and retention of each hub", false, kept},
	{"A subscriber that is far behind", false, farBehind},
}
