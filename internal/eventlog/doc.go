// Package eventlog holds events: a log for each topic, an index for each subtree that
// is read, and what is remembered of events that were evicted.
//
// It knows nothing of streams, sockets and HTTP, but that an event's bytes are kept as
// the HTTP chunk that most readers are sent. Whoever publishes makes a Batch and
// commits it. Whoever reads acquires topics, finds events with Topic.Seek, and asks
// Topic.LostSince afterwards: what it did not find any more is on record by then.
//
// # Who numbers
//
// A sequence orders all events of a History; there may be holes. It comes from the log
// of record: with Batch.Add, or from the History itself, which then is that log. The
// epoch, which ids begin with, names the log of record, and not the process.
//
// # Locks
//
//	History.mu -> a stripe of the registry
//	History.mu -> tombstones.mu
//
// Readers take none, but for the moment in which they acquire and release topics.
package eventlog
