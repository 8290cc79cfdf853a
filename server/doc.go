// Package server holds many streams of Server-Sent Events: topics that are
// published to, and subscribers that follow them.
//
//	hub, err := server.New(server.Config{})
//	…
//	r := router.New()
//	server.Mount(r, hub, server.MountOptions{Publish: server.PublishOptions{Token: token}})
//	go fasthttp.ListenAndServe(":8080", r.Handler)
//	id, err := hub.Publish("scores/42", streamwriter.Event{Type: "goal", Data: data})
//
// # One idea
//
// A topic is a log: the recent events, encoded once, in memory that never
// changes. A subscriber is a position in it. Delivering is writing the bytes
// from the position to the log's head, however many events that is. Replay is an
// old position, a slow reader a position that lags. No subscriber has a queue, a
// channel or a timer.
//
// # Promises
//
// Each is a test of that name (promises_test.go), over both ways to hold a
// stream.
//
//  1. Order. Within a topic every reader sees publish order. A stream of several
//     topics sees one order, that of Publish, and each event once.
//  2. Ids. Every event has an id, "<epoch>-<seq>". The sequence is the hub's, so
//     one Last-Event-ID resumes a stream of several topics. A publisher's own id
//     is sent instead, and resumes for as long as its topic holds the event. The
//     epoch changes with every hub.
//  3. Nothing is lost silently. A stream that resumes gets exactly what it
//     missed, once, in order. When that is no longer possible it first gets an
//     event that says so (Config.GapType), with the reason, then what is left. A
//     fresh or up-to-date id replays nothing. A gap may be told where nothing was
//     lost, never the other way round: of topics and subtrees that it no longer
//     holds the hub remembers the losses of the last 65,536 at least, and a
//     position from before those counts as one that has lost something. (A
//     publisher's own id is a position as long as it is one event's. Where two of a
//     stream's topics hold it, the stream resumes after the earlier event: some may
//     come twice, none is left out. Where one of them has forgotten it, nobody can
//     know: see [Hub.Publish].)
//  4. Nobody waits for anybody. A reader that takes nothing costs the others
//     nothing.
//  5. Quiet is told from dead. A comment is sent at most every Config.Heartbeat
//     of silence; a peer that vanished without a word is found within a minute
//     (parked, with the default heartbeat).
//  6. Publish never blocks on readers.
//  7. Drain ends every stream between two events, with a reconnection time drawn
//     at random, within its deadline, and loses nothing that was published
//     before.
//
// Not promised: that an event reaches a client that never comes back; history
// beyond Config.Retention and MaxHistoryBytes; that every gap stands for a loss;
// anything across two hubs.
//
// # Two ways to hold a stream
//
// Parked (Linux, plaintext TCP or unix socket): the connection's descriptor is
// duplicated, and everything that fasthttp had for it is given back. What is
// left is a seat of 64 bytes in a shard, and what it shares with the streams of
// the same topics. (A topic that no other stream reads makes it 0.6 KB, sixteen of
// them 4 KB.) It works with fasthttp's default settings.
// Streamed (everywhere else: TLS in this process, in-memory listeners,
// MaxConnsPerIP, other systems; [Hub.Follow]): a goroutine drives the same state
// machine. Stats counts which, and why.
//
// fasthttp does not count the streams of SubscribeHandler as open connections,
// and its Shutdown does not end them: Drain does. A stream of
// streamwriter.Serve that Follow goes on with is still fasthttp's: it is counted,
// and ended by Shutdown as by Drain.
//
// # Goroutines
//
//	name            one for each         owns                        lives while
//	shard loop      shard with streams   its seats, feeds, epoll     a stream is seated
//	drive           streamed stream      its position, its socket    the stream is open
//	closings        hub                  the OnClose calls           there are calls to make
//	opening         stream being opened  the hijacked connection     the first write lasts,
//	                                                                 or a refused client's end
//
// A hub without streams has none, and no timer. What a goroutine does not own
// it reaches through the shard's inbox, or it is immutable or atomic: logs are
// written under Hub.mu and read without a lock.
//
// # Locks
//
// Hub.mu orders the world: sequence, logs, history. A stripe of the registry
// guards names and references, a shard's mu its inbox. Hub.mu may be held while
// a stripe's is taken, never the other way round, and the tombstones' lock under
// either. The lock of the kicks is held
// while each shard's is taken in turn. Kick's predicate may ask for an address
// under two locks that nothing else is done under. No other two are held at once.
package server
