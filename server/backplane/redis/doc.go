// Package redis keeps a feed of hubs in Redis: it implements backplane.Backplane with a
// Redis stream.
//
//	feed, err := redis.Open(ctx, redis.Options{URL: "redis://localhost:6379", Feed: "scores"})
//
// It needs Redis 7.0 or later, or Valkey: a single server, or the master of replicas, but
// not a cluster. It is a module of its own, so that programs without it need no client of
// Redis.
//
// # What is in Redis
//
//	fastsse:{FEED}            the stream. Its entries have the ids 0-1, 0-2, …, and one field, d.
//	fastsse:{FEED}:key:KEY    the epoch and sequence of the entry that was stored with the
//	                          idempotency key KEY, for two minutes
//
// The epoch is the name of a consumer group of the stream ("epoch-…") that nobody reads
// by: it is kept, copied and deleted with the stream, so that the two cannot disagree.
// After DEL, FLUSHALL, an eviction, or a restart without persistence, the stream is made
// again, with another epoch. Do not delete the group, add entries or set the stream's last
// id.
//
// # What is kept
//
// Options.MaxEntries and Options.MaxBytes say how much. Beyond them, the oldest entries are dropped.
//
// # How safe it is
//
// An entry is stored as safely as Redis is configured to store anything. The settings that
// matter, and what they should be:
//
//	appendonly yes                  otherwise a restart loses what was stored since the last
//	                                snapshot, or everything
//	appendfsync always, everysec    always: nothing is lost, and each Append waits for the
//	                                disk; everysec: up to two seconds are lost if the machine
//	                                stops, and some milliseconds to two seconds if Redis is
//	                                killed, because it answers before it writes to the file
//	                                while an earlier sync is under way
//	maxmemory-policy noeviction     otherwise Redis may drop the feed or idempotency keys: Open
//	                                fails if it might
//	min-replicas-to-write 1         if there are replicas: a master that is cut off from them refuses
//	                                to store, instead of storing what a failover loses
//
// Redis copies to replicas after it has answered, so a failover may lose the newest
// entries. So may everysec, and a snapshot that is restored. The epoch stays the same then,
// and sequences are given a second time. State.Last is at first lower than a sequence that
// was returned before: the caller has to look for that, each time that Tail has failed, and
// whether the entry that it knows is still there.
//
// # Access
//
// A user of Redis's access control lists needs, for keys that begin with "fastsse:{FEED}",
// the commands EVAL, EVALSHA, EXISTS, SET, XADD, XGROUP, XINFO, XREAD and, if MaxBytes is
// not negative, MEMORY, XLEN and XTRIM. If it may not use INFO, Open does not check the
// version and what may be evicted.
package redis
