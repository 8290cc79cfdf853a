// Package cursor is what streams read, and the state machine that each of them is.
// It does no I/O and knows no clock: whoever drives a Machine gives it the time, and
// writes what it offers.
//
// A Feed is what all streams with the same topics and framing read. A Stream is a
// position in it, and how its subscriber is doing. A turn of a stream is
//
//	for m.Next(&offer, key, &stream, now) {      // what to write now
//		n := write(offer.Bytes)
//		m.Took(&offer, key, &stream, n, now) // how much of it went out
//	}
//
// Several offers may be open at the same time, of different streams: each owns what
// it offers until it is taken, or used for another one.
//
// Everything here belongs to one goroutine, but for what it reads of eventlog.
package cursor
