// Package rivals compares the Decoder of the format, and Read, with other decoders of event
// streams in Go: tmaxmax/go-sse, r3labs/sse and launchdarkly/eventsource. It holds tests
// alone: what each makes of the test vectors, and how long it takes.
//
//	go test -bench . -benchtime 0.5s ./bench/rivals
package rivals
