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
// They follow WHATWG HTML section 9.2, so that what is
// appended is what an EventSource dispatches.
//
// # One stream
//
// [Serve] runs a callback on the connection's own goroutine. Headers, a comment
// and the reconnection time are on the wire before it starts, so that no
// EventSource stays "pending". While it is silent, a comment goes out every
// heartbeat. Its Context ends when the client leaves, even if the callback
// never writes: within 100 ms on Linux, at the next heartbeat elsewhere.
//
// [NewWriter] makes the same Writer over any io.Writer.
//
// # Goroutines
//
// Beside fasthttp's own there are at most three, however many streams there
// are, and none when there is no stream: the heartbeat clock, the watch for
// clients that leave (Linux), and one for each fasthttp server that waits for
// its shutdown. Only where nobody can say whether a write would block (Windows,
// in-memory connections, a listener's or middleware's own net.Conn around the
// connection, a plain io.Writer) does a heartbeat take a goroutine for as long as
// it is being written.
//
// # What it does not do
//
// It does not fan out: many streams with the same events are package server's
// business. It sets no CORS headers: that is the application's.
package streamwriter
