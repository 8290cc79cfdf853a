// Package fault is a proxy in front of a server of Server-Sent Events that makes faults on
// request and counts them, to show that a program that watches the streams finds them.
//
// Requests and answers pass as httputil.ReverseProxy passes them, but for Accept-Encoding,
// which is left out, since events cannot be counted in a compressed body. An answer of 200
// with Content-Type text/event-stream is a stream, whatever its path. It passes block by
// block, each as soon as it is complete, and its connection ends with it.
//
// A block ends with a blank line. One with a data line is an event. All others (comments,
// bare ids and reconnection times) are not counted and keep their place among the events,
// except that they may overtake events that are swapped. What the upstream leaves
// incomplete at its end passes as it is.
//
// Each stream counts its own events, from 1, and each fault those that the one before it
// passes on:
//
//  1. Drop. Of E events, floor(E/Drop) are left out, and E' remain.
//  2. Duplicate. Of those, floor(E'/Duplicate) are sent twice. A copy follows its event at
//     once, goes with it from here on, and is not counted again.
//  3. Reorder. Every Reorder-th of the E' changes places with the one after it:
//     floor(E'/Reorder) swaps, less one if the last event is one of them. With Reorder 1,
//     events are swapped in pairs.
//  4. Delay, which counts from when an event came out of that, and Stall.
//
// Cut and Reset end a stream wherever it is; what was still held is gone, as when a proxy
// dies. Beyond 4 MiB that wait in a stream the upstream has to wait.
package fault
