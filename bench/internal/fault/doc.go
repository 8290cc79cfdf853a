// Package fault is a proxy in front of a server of Server-Sent Events that makes
// faults on request and counts them, to show that a program that watches the streams
// finds them.
//
//	proxy, err := fault.NewProxy(upstream, fault.Faults{Drop: 1000})
//	…
//	srv := &http.Server{Handler: proxy, ConnContext: fault.ConnContext}
//
// # What passes
//
// Every request goes on to the upstream as it came (method, path, query, body,
// headers, Last-Event-ID among them), and every answer back, less the headers
// of a single connection. Three things differ: Host is the upstream's,
// Accept-Encoding is left out (events cannot be counted in a compressed body),
// and the connection of an event stream ends with it.
//
// An answer of 200 with Content-Type text/event-stream is a stream, whatever its
// path, and the request for it is a subscribe request. A stream passes block by
// block, and each block as soon as it is complete. A block ends with a blank line.
//
// # What counts
//
// A block with a data line is an event. All others (comments, heartbeats, bare
// ids and reconnection times) pass unchanged, are not counted, and keep their
// place among the events, except that they may overtake events that are swapped.
// An incomplete block at the end of the upstream's stream passes as it is.
//
// Each stream counts its own events, from 1. Several faults are applied one after
// the other, and each counts the events that the one before it hands on:
//
//  1. Drop. Of E events, floor(E/Drop) are left out, and E' remain.
//  2. Duplicate. Of those, floor(E'/Duplicate) are sent twice. A copy follows its
//     event at once, goes with it from here on, and is not counted again.
//  3. Reorder. Every Reorder-th of the E' changes places with the one after it:
//     floor(E'/Reorder) swaps, less one if the last event is one of them and has
//     none after it. With Reorder 1, events are swapped in pairs: floor(E'/2).
//  4. Delay and Jitter, which count from when an event came out of that. Jitter
//     depends on the event's number, from 1, in the order of sending.
//  5. Hold.
//  6. Drip.
//
// Cut and Reset end the stream wherever it is, even inside a block if Drip has got
// no further. Events that were still held are gone, as when a proxy dies, and a
// client that comes back resumes from the upstream.
//
// # Goroutines
//
// A stream has the goroutine of its request and one that reads the upstream. Neither
// outlives the request. It takes two descriptors in this process, and what waits in
// it is bounded: beyond 4 MiB the upstream has to wait.
package fault
