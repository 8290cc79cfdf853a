// Package clients holds tests of what clients that others have written make of a hub's
// streams. Each client is taken through the same script: connections that are reset and cut
// within an event, ended streams, a server that is away or made anew, and the end of all.
// A ledger accounts for each of 1,000 events. docs/clients.md has what came of it.
//
//	go test ./examples/clients               the clients that are quick
//	go test ./examples/clients -all          all of them
//	go test ./examples/clients -all -update  … and writes the table anew
package clients
