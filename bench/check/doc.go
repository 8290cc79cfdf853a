// Package check asks an address whether it is a correct endpoint of Server-Sent
// Events, and whether something on the way buffers, alters or cuts its streams.
//
//	report, err := check.Run(ctx, check.Config{URL: "http://127.0.0.1:8080/events?topic=t"})
//
// It first looks, then judges. Looking opens streams over connections of its own
// (net and crypto/tls, so that what is on the wire is seen as it is) and notes
// every byte's time; with an address to publish at, it publishes numbered events
// and follows what becomes of each. Judging is a list of small functions without
// input or output, each of which makes one Finding of what was seen.
//
// A Finding fails if clients lose something, wait for something, or are told
// something wrong. It warns of what some client or proxy takes amiss, and of
// what an endpoint does well to have and has not. What could not be seen is
// skipped, and says why.
//
// Events of others on the same topic do no harm: the events that are published
// here bear a random mark.
package check
