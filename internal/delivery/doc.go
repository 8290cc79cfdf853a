// Package delivery writes what streams read to their connections.
//
// A stream is parked or has a goroutine. A parked one is a descriptor and a slot of a
// shard: the shard's loop does everything to it. One with a goroutine (TLS, wrapped
// connections, platforms other than Linux, handlers that follow) is driven by its
// pump; its shard has a slot for it as well, and a handle to wake it.
//
//	shard.go      a shard, its loop's state, and its inbox
//	loop.go       the loop
//	slots.go      where streams are kept
//	openings.go   a stream gets its slot
//	feeds.go      with whom it reads
//	rounds.go     it is delivered to
//	sweep.go      it is looked after
//	walk.go       commands reach it
//	endings.go    it ends
//	hold.go       parked or pumped
//	handle.go     what a shard knows of a pump
//	pump.go       the goroutine
//	kick.go       who is to be ended
//
// # Who owns what
//
//	inbox        any goroutine, under shard.mu
//	loop         the shard's goroutine
//	handle.mu    the pump's goroutine and its shard's
//	Interest     a topic's words of bits, which publishers read: set by loops
//
// # Locks
//
//	eras.mu -> shard.mu
//	peerAddress.mu -> handle.mu
//
// None is held while something is written.
package delivery
