// Package embedded runs nats-server in the process, for a program that is alone and wants to
// keep its events over restarts with nothing installed:
//
//	bp, err := nats.Open(ctx, nats.Options{Embedded: &embedded.Server{Dir: "/var/lib/app/events"}})
//
// The server has no port. It makes a program 10 MB larger, so it is a package of its own:
// who gives nats.Options.URL alone does not link it.
//
// # One process per directory
//
// Two servers in one directory would spoil each other's files, so Start locks it, by the file
// "lock" in it, until Stop or the end of the process, however that comes. It waits for a
// process that has it, and says so, as long as its context allows.
//
// # A full disk
//
// A server that could not write to its disk stores nothing any more, also when there is room
// again, until it is started again: Append then fails, after its context's time. It says so to
// Server.Logger, and calls Server.Failed, which is there to end the program, so that its
// platform starts it again. What was acknowledged is kept.
package embedded
