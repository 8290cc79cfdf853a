// Package load opens many event streams, publishes on a fixed schedule, and reports
// what arrived: how late, how completely, in which order.
//
// The schedule is open loop: latency counts from when an event was meant to be
// sent, whether or not the generator or the server had time for it then. So a
// server that stalls is charged for the events that it delayed.
package load
