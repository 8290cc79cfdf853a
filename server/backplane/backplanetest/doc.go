// Package backplanetest has what tests of backplanes and of hubs on them need: Run, which
// holds an implementation of backplane.Backplane to the interface's contract, and Memory, a
// backplane in memory with faults that can be switched on.
//
//	func TestContract(t *testing.T) {
//		backplanetest.Run(t, func(t testing.TB) *backplanetest.Feed {
//			feed := startBroker(t) // a new and empty stream
//			return &backplanetest.Feed{Open: feed.open, Kill: feed.kill, Start: feed.start}
//		})
//	}
package backplanetest
