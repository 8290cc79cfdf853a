// Package check finds out whether a URL serves a correct stream of Server-Sent
// Events, and whether a proxy in front of it buffers, alters or cuts the stream.
//
//	report, err := check.Run(ctx, check.Config{URL: "http://127.0.0.1:8080/events?topic=t"})
//
// It first looks (session.go), then judges (finding.go has the list). Looking opens
// streams over connections of its own, to see exactly what is on the wire, and notes
// the time of every byte. If it has a URL to publish to, it publishes numbered events
// and follows each of them. A judge does no input or output: it makes one Finding of
// what was seen.
//
// A Finding fails if clients lose something, wait for something, or are told
// something wrong. It warns if some client or proxy does not cope, or if the endpoint
// lacks something that it should have. A check that could not see what it needs is
// skipped, and says why.
//
// Other events on the same topic do no harm: the events that are published here
// carry a random mark.
package check
