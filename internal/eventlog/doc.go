// Package eventlog holds events: a log per topic, an index per subtree that is read, and
// a record of the events that were evicted.
//
// It knows nothing about streams, sockets or HTTP, except that it stores each event as
// the HTTP chunk that most readers are sent. To publish, make a Batch and commit it. To
// read, acquire topics, find events with Topic.Seek, and call Topic.LostSince afterwards,
// never before: the loss of an event is recorded before the event disappears, so what
// Seek no longer found is on record by then.
//
//	history.go     what is kept of all logs together
//	batch.go       publishing
//	topic.go       a topic or subtree: its log, watermarks and readers
//	log.go         the events of one topic
//	segment.go     the memory of a log
//	agelist.go     topics in the order of their last publish
//	rule.go        how much is kept of which topics
//	expiry.go      events that are too old
//	cursor.go      reading
//	subtree.go     which topics are in which subtrees; the bounds of indexes
//	index.go       the events of a subtree, in order
//	indexing.go    making an index
//	losses.go      watermarks and tombstones
//	registry.go    topics by name
//	id.go          ids and epochs
//	aliases.go     publishers' ids
//	chunk.go       HTTP chunks
//
// # Who numbers
//
// A sequence orders all events of a History; there may be holes. Sequences are assigned
// by the log of record: by the History itself or, if events are recorded elsewhere first,
// by that log, whose sequences are passed to Batch.Add. The epoch, with which ids begin,
// names the log of record and not the process.
//
// # Locks
//
//	History.mu -> stripe.mu (of the registry) -> tombstones.mu
//	History.mu -> tombstones.mu
//
// Readers take none of them, except while they acquire and release topics.
package eventlog
