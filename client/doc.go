// Package client reads event streams as an EventSource of a browser does: it comes back
// when a stream ends, after the time that the server has asked for, and resumes behind the
// last event that it got. It uses net/http, so HTTP/2, TLS and proxies work as they do there.
//
//	source := client.EventSource{URL: "https://example.org/events?topic=scores"}
//	for event, err := range source.Events(ctx) {
//		var gap *client.GapError
//		switch {
//		case errors.As(err, &gap):
//			reload() // some events are lost: fetch the state anew
//		case err != nil:
//			return err // the last thing that the loop yields
//		default:
//			handle(event)
//		}
//	}
//
// A loop without errors ends when the server has said that there is nothing more (204).
//
// For an answer that is generated once, such as that of an LLM, set [EventSource.Once]: the
// loop ends with the stream, and yields io.ErrUnexpectedEOF if the stream was cut.
//
// # What a browser does otherwise
//
//   - A browser gives up for ever when it is answered with 500, 502, 503, 504 or 429. This
//     client comes back: proxies answer so while a server restarts. See
//     [EventSource.RetryStatus].
//   - A browser waits for the same time however often it fails. This client waits longer each
//     time, up to [EventSource.MaxRetry], and adds a random part.
//   - A browser does not notice that the other side has vanished. See
//     [EventSource.ReadTimeout].
//   - After a redirect, Chromium comes back to where it was redirected to. This client asks
//     the original URL each time: the redirect may have been to one server of several, or
//     with a token that is valid once.
//   - A browser accepts compressed streams. This client asks for plain ones (Accept-Encoding:
//     identity), since what compresses on the way may hold events back.
package client
