// Package fault puts faults in front of a server of Server-Sent Events, on
// request and by count, so that whoever watches its streams can be shown to find
// them.
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
// path, and the request for it a subscribe request. A stream passes block by
// block, each sent on as soon as it is complete. A block ends with a blank line.
//
// # What counts
//
// A block with a data line is an event. All others (comments, heartbeats, bare
// ids and reconnection times) pass unchanged, are not counted, and keep their
// place among the events, but for the events of a swap, which they may pass.
// What is left of a block when the upstream's stream ends passes as it is.
//
// Each stream counts for itself, from 1. Several faults are put in one after
// the other, and each counts the events that the one before it hands on:
//
//  1. Drop. Of E events, floor(E/Drop) are left out, and E' remain.
//  2. Duplicate. Of those, floor(E'/Duplicate) are sent twice. A copy follows its
//     event at once, goes with it from here on, and is not counted again.
//  3. Reorder. Every Reorder-th of the E' changes places with the one after it:
//     floor(E'/Reorder) swaps, less one if the last event is itself one of them
//     and has none after it. Of 1, which is pairs: floor(E'/2).
//  4. Delay and Jitter, by when an event came out of that and which it is, from 1,
//     in the order it is sent.
//  5. Hold.
//  6. Drip.
//
// Cut and Reset end the stream wherever it is then, inside a block too if Drip
// has come to no further. What was still held is gone, as it is with a proxy
// that dies, and a client that comes back resumes from the upstream.
//
// # Goroutines
//
// A stream has that of its request and one that reads the upstream. Neither
// outlives the request. It needs two descriptors here, and what waits in it is
// bounded: beyond 4 MiB the upstream has to wait.
package fault
