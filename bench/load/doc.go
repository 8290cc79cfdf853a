// Package load opens many event streams, publishes on a fixed schedule, and
// says what arrived: how late, how much, in which order.
//
// The schedule is open loop: latency counts from when an event was meant to be
// sent, whether or not the generator or the server had time for it then, so
// that a server which stalls is not spared the events that it delayed.
package load
