// Package streamwriter writes Server-Sent Events: the wire format, and one
// stream on one response of a fasthttp server.
//
//	fasthttp.ListenAndServe(":8080", func(ctx *fasthttp.RequestCtx) {
//		streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
//			for i := range 10 {
//				if err := w.SendString("", strconv.Itoa(i)); err != nil {
//					return err
//				}
//			}
//			return nil
//		})
//	})
//
// # The format
//
// [AppendEvent] and its kin are functions from bytes to bytes, with no state
// and no allocation. They are those of package fastsse, which needs no fasthttp.
// They follow WHATWG HTML section 9.2: an EventSource dispatches exactly what was
// appended.
//
// # One stream
//
// [Serve] runs a callback on the connection's own goroutine. Headers, a comment
// and the reconnection time are on the wire before it starts, so that browsers fire
// "open" at once. While the callback is silent, a comment (": .", the form that every known
// client takes: see AppendComment) is sent every Options.Heartbeat. The Writer's Context ends when the client leaves, even if the
// callback never writes: within 100 ms on Linux, at the next heartbeat elsewhere.
//
// A callback that returns nil has finished its stream. One that returns the error of
// Writer.Reconnect, or whose Context is done, has not, and its client is to come back:
// see [End].
//
// [NewWriter] makes the same Writer over any io.Writer. [NewReader] turns it round: the
// stream is an io.Reader, for a runtime that wants a body to read.
//
// # Goroutines
//
// There are few besides fasthttp's own, however many streams there are, and none
// when there is no stream: the heartbeat clock, the watch for clients that leave
// (Linux), and one for each fasthttp server, which waits for its shutdown. Only where
// it cannot be known whether a write would block (Windows, in-memory connections, a
// net.Conn that a listener or middleware has wrapped around the connection, a plain
// io.Writer) does each heartbeat take a goroutine while it is being written.
//
// # What it does not do
//
// It does not fan out: to send the same events to many streams, use package server.
// It sets no CORS headers: that is up to the application.
package streamwriter
