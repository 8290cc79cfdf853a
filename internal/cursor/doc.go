// Package cursor has the position of a stream, and the state machine that decides what a
// stream is sent next. It does no I/O and has no clock: the caller of a Machine passes
// the time, and writes the bytes that the Machine offers.
//
// A Feed is what all streams with the same topics and framing read. A Stream is a
// position in a feed and the state of its subscriber. One turn of a stream is
//
//	for m.Next(&offer, key, &stream, now) {      // what to write now
//		n := write(offer.Bytes)
//		m.Took(&offer, key, &stream, n, now) // how much of it went out
//	}
//
// Offers of different streams may be open at the same time: the bytes of each stay valid
// until Took, or until the Offer is used again.
//
//	feed.go      what streams read: one log
//	gather.go    several logs, merged
//	machine.go   the state machine
//	stream.go    the state of a stream
//	stall.go     streams whose readers take nothing
//	offer.go     what a stream is sent next
//	framing.go   chunks, bare blocks, or inside a streamwriter.Writer
//	resume.go    where a stream begins; gap events
//	reason.go    why a stream ended
//
// A Machine, its feeds, streams, workspace and offers are used by one goroutine. Resume
// and the Append functions may be called by any.
package cursor
