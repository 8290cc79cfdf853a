// Package fault is a proxy in front of a server of Server-Sent Events that makes faults on
// request and counts them, to show that a program that watches the streams finds them.
//
// An answer of 200 with Content-Type text/event-stream is a stream, whatever its path. It
// passes block by block, each as soon as it is complete: lines up to and with a blank one. A
// block with a data line is an event. Others (comments, bare ids, reconnection times) are not
// counted and keep their place, except that they may overtake events that are swapped. All
// else passes as httputil.ReverseProxy passes it, but for Accept-Encoding, which is left out.
//
// Each stream counts its own events, from 1, and each fault those that the one before it
// passes on: Drop leaves out floor(E/Drop) of E events, so that E' remain; Duplicate sends
// floor(E'/Duplicate) twice, the copy right after its event and not counted again; Reorder
// makes floor(E'/Reorder) swaps, less one if the last event is one of them, or with Reorder 1
// swaps events in pairs. Delay counts from when an event came out of that. Cut and Reset end
// a stream wherever it is, and what was still held is gone, as when a proxy dies. Beyond 4 MiB
// that wait in a stream the upstream has to wait.
package fault
