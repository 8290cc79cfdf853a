// Package nats makes JetStream, of NATS, the backplane of hubs: a stream of one subject is
// a feed. Hubs of one feed share the stream's name.
//
//	bp, err := nats.Open(ctx, nats.Options{URL: "nats://a:4222,nats://b:4222,nats://c:4222", Replicas: 3})
//
// A program that is alone, and wants to keep its events over restarts, runs the server in its
// own process, without a port (package embedded):
//
//	bp, err := nats.Open(ctx, nats.Options{Embedded: &embedded.Server{Dir: "/var/lib/app/events"}})
//
// # How safely entries are stored
//
// With three replicas, an entry that Append has acknowledged is with two servers at least:
// one of them may be lost. With one replica, and embedded, it has been given to the operating
// system: it outlives a crash of the server, but what was written in the last two minutes
// may be lost with the machine's power, unless the server syncs each write (sync_interval:
// always, or embedded.Server.SyncAlways).
//
// # The stream
//
// Open makes the stream if it is missing, and State makes it again if it was deleted, which
// gives it another epoch. A stream that is there already is left as it is; it has to be one
// that an append-only feed can be read from, and Open says what is not. It may discard what is
// new: when it is full, Append returns backplane.ErrRefused until its limits make room. Who may write to the
// subject may publish; who may delete messages can make holes, so Open's streams deny that.
//
// # Idempotency keys
//
// A key counts for two minutes. The server keeps keys in memory, and after a restart reads them
// from the entries that it holds: those of entries that were dropped by then, by the stream's
// limits or by a purge, are forgotten, and a publish that is repeated with one is stored again.
// So limits have to be wide enough for what is published in two minutes.
//
// # Permissions
//
// A user of a hub publishes to the feed's subject and to $JS.API.STREAM.INFO, STREAM.CREATE,
// DIRECT.GET, CONSUMER.CREATE, CONSUMER.INFO, CONSUMER.DELETE and CONSUMER.MSG.NEXT of the
// stream, and subscribes to _INBOX.>.
package nats
