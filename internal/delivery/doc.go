// Package delivery writes the events of streams to their connections.
//
// A stream is parked or pumped. A parked stream is a descriptor and a slot in a shard; the
// shard's loop does everything for it. A pumped stream (TLS, wrapped connections,
// platforms other than Linux, handlers that follow) has a goroutine, its pump. It also has
// a slot in a shard, which knows its handle and wakes it. (Users call it "streamed".)
//
//	delivery.go   all shards together
//	host.go       what delivery knows of the hub
//	hold.go       parks a stream or pumps it
//	follow.go     streams inside an application's own
//	shard.go      a shard, the state of its loop, and its inbox
//	loop.go       the loop
//	slots.go      where a shard keeps its streams
//
// The life of a stream in a shard:
//
//	openings.go   it gets a slot
//	feeds.go      it shares a feed with others
//	rounds.go     it is sent events
//	sweep.go      heartbeats, age, and peers that vanished
//	lag.go        what sweeps find of streams that cannot be written to
//	walk.go       commands to many streams
//	kick.go       kicks, also of streams that are still opening
//	endings.go    it ends
//
// And with a goroutine:
//
//	pump.go       the goroutine
//	handle.go     how the shard and others reach it
//
// # Goroutines
//
//	name         one per                owns                                while
//	shard loop   shard with streams     its slots, feeds, poller: "loop"    a slot is taken
//	pump         pumped stream          its machine, its connection         the stream is open
//
// Any goroutine may put work into a shard's inbox, under shard.mu. A handle is shared by
// the pump and the shard, under handle.mu. The bits of Topic.Shards are set by whoever
// admits a stream, and cleared by loops; publishers read them.
//
// # Locks
//
//	eras.mu -> shard.mu (each shard's in turn)
//	peerAddress.mu -> handle.mu (when Kick's predicate asks for an address)
//	the watcher of package socket -> handle.mu (when a client leaves)
//	handle.mu -> deadline.mu of a streamwriter.Writer (when Follow sets a write deadline)
//
// No lock is held during a write, or while an application's code runs.
package delivery
