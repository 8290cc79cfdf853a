// Package server sends Server-Sent Events to many streams: events are published to
// topics, and subscribers get the events of the topics that they name.
//
//	hub, err := server.New(server.Config{})
//	…
//	r := router.New()
//	hub.Mount(r, server.MountOptions{Publish: server.PublishOptions{Token: token}})
//	go fasthttp.ListenAndServe(":8080", r.Handler)
//	id, err := hub.Publish("scores/42", streamwriter.Event{Type: "goal", Data: data})
//
// A browser subscribes with new EventSource('/events?topic=scores/42'). A topic needs no
// set-up: it exists while it holds events or has subscribers. "scores/*" is a subtree: all
// topics below scores. A subscriber is an open stream; the client is the program at its other
// end.
//
// # One idea
//
// A topic is a log: its recent events, encoded once, in memory that never changes. A
// subscriber is a position in it. To deliver is to write the bytes from the position to
// the end of the log, however many events these are. To resume is to begin at an older
// position, and a slow reader is one whose position lags behind. No subscriber has a
// queue, a channel or a timer.
//
// # Promises
//
// Each has a test named after it (promises_test.go), for both ways to hold a stream.
//
//  1. Order. All subscribers of a topic get its events in the order of Publish. A
//     subscriber of several topics gets one order, that of Publish, and each event once.
//  2. Ids. Every event has an id, "<epoch>-<seq>". The sequence is the hub's, so one
//     Last-Event-ID resumes a stream of several topics. If the publisher gives an event an
//     id of its own, that is sent instead, and a client can resume from it for as long as
//     the topic holds the event. The epoch is different for every hub.
//  3. Nothing is lost silently. A client that resumes gets exactly what it missed, once,
//     in order. If some of it is no longer held, the client first gets an event that says
//     so, with the reason (Config.GapType, GapEvent), and then what is left. With the id of the
//     newest event, or without one, nothing is replayed. (See Gaps, below.)
//  4. No subscriber waits for another. One that takes nothing costs the others nothing.
//  5. A quiet stream can be told from a dead one. A comment (": .", the form that every
//     known client takes) is sent after at most Config.Heartbeat of silence. A client whose
//     machine or network vanishes is noticed within a minute (parked, with the default
//     heartbeat).
//  6. Publish never waits for subscribers.
//  7. Drain ends every stream between two events, with a reconnection time drawn at
//     random, within its deadline, and loses nothing that was published before.
//
// Not promised: that an event reaches a client that never comes back; events beyond
// Config.Retention and MaxHistoryBytes; that every gap means a loss; anything across two
// hubs without a Config.Backplane.
//
// # Gaps
//
// A gap event has the type Config.GapType and, as data, a JSON object whose "reason" is:
//
//	evicted   some of what the client missed is no longer held
//	unknown   its Last-Event-ID is the id of no event that is held
//	epoch     its Last-Event-ID is that of another hub, or from before a restart
//	ahead     its Last-Event-ID is of a sequence that the hub has not reached
//	slow      it was connected, but so slow that events were evicted before it took them
//
// SubscribeOptions.Gap and FollowOptions.Gap give one handler's streams a gap event of their
// own, for clients that cannot be changed.
//
// A gap may be reported where nothing was lost, but never the other way round. Of topics
// and subtrees that it no longer holds, the hub remembers the losses of at least the last
// 65,536; a client whose position is older than these gets a gap.
//
// An id that the publisher has chosen is a position only while it is unique. If two topics
// of a stream hold an event with it, the client resumes after the earlier one: some events
// may come twice, none is left out. If one of the two has evicted its event, this cannot
// be known: see [Hub.Publish].
//
// # Endings
//
// A subscription is never finished: whenever the hub ends a stream (Kick, Drain, Close,
// MaxAge, a slow subscriber), or has none to give now, the client is to come back. It has
// got whole events and a reconnection time by then. An EventSource comes back after
// whatever end. Other clients, such as @microsoft/fetch-event-source and Datastar, take a
// response that ends cleanly for finished, and come back only if its last chunk is
// missing. So the hub leaves that out, unless the request shows itself to be an
// EventSource's: see Config.End. To tell a client that it is over for good, answer its
// next request with [ErrStop], or send an event at which the page closes.
//
// # Deploys
//
// [Run] serves a hub, and ends well when the process is told to stop. There are two kinds of
// streams then. A subscription (SubscribeHandler, Follow) can end between any two events: it
// has been sent what was published, and its client comes back at a time of its own. A
// generation (a callback of streamwriter.Serve: an answer, a report) must finish: it is told
// by Writer.Draining, and has until the grace period is over. Where a platform cuts streams
// at an age, [Config.MaxAge] ends them before that, between two events; [PlatformNamed] knows
// the limits of platforms.
//
// A hub's events are in memory. So after a restart of a hub without a backplane, each
// client that comes back gets a gap event ("epoch"), once.
//
// # Several hubs
//
// With Config.Backplane, the hubs of several processes are one feed on a broker's stream. What
// is published at one of them is sent to the subscribers of all, in the broker's order. The
// promises hold as they do for one hub, and:
//
//   - The epoch is that of the broker's stream, and ids are the same at every hub. So a client
//     resumes at whichever hub it comes back to, and after a restart. An event's id is the
//     sequence of its entry in the broker's stream times 1,024, plus its place in the
//     PublishAll.
//   - What a hub no longer holds in memory is read back from the broker, unless it is older
//     than Retention.Age. Retention.Events and Bytes, and MaxHistoryBytes, bound the memory
//     alone. A gap ("evicted") is what the broker has dropped, or has lost after this hub
//     had read it. Only what a publisher's own id points to must be in memory (otherwise
//     the gap is "unknown").
//   - Publish returns when the event is stored by the broker and in this hub's history. It waits
//     for the broker, never for subscribers. (A hub that has not read the event for a second,
//     because its reading was interrupted, asks the broker whether it is in the same stream,
//     and Publish succeeds if it is.) Its error wraps backplane.ErrRefused if nothing was
//     stored, or ErrUnknown if that is not known, or the id is not: publish again then, with
//     the same Message.Key. The ids that it returns are those of the events, or it fails.
//   - While the broker cannot be reached, streams stay open, and clients resume from memory. A
//     client that needs more is told to come back later. Nothing is lost by it.
//   - If the broker's stream is deleted and made anew, the hub goes on with the new one: the
//     open streams are drained (ReasonDrain), and get a gap ("epoch") when they come back.
//   - LastID is exact for what this hub has published. A lock around a state and its Publish,
//     as described there, orders the publishers of one process.
//   - An event that is older than a stream, but that the hub has not read yet, may be sent to
//     the stream as a new one.
//
// # Two ways to hold a stream
//
// Parked: on Linux, for plaintext TCP and unix sockets. The hub duplicates the
// connection's descriptor, and fasthttp gets its goroutine, buffers and net.Conn back. What
// remains is 64 bytes, and what the stream shares with other subscribers of the same
// topics. (If there are no others, that is 0.6 KB for one topic, and 4 KB for sixteen.)
//
// Streamed: everywhere else (TLS in this process, in-memory listeners, MaxConnsPerIP,
// other systems, [Hub.Follow]). A goroutine does the same for one stream. Stats counts how
// many streams are streamed, and why.
//
// Both work with fasthttp's default settings. fasthttp does not count the streams of
// SubscribeHandler as open connections, and its Shutdown does not end them; call Drain. A
// stream of streamwriter.Serve on which Follow is running is still fasthttp's: Shutdown
// ends it, and so does Drain.
package server
