// Package servertest starts a hub for a test, and opens streams of it, as
// net/http/httptest does for handlers.
//
//	s := servertest.New(t, server.Config{})
//	c := s.Open("scores/42")
//	s.Publish("scores/42", "1:0")
//	c.Expect("1:0")
//	c.Leave()
//	s.Publish("scores/42", "2:0")
//	s.Resume(c.LastEventID(), "scores/42").Expect("2:0")
//
// An application's own handlers are served by [Start].
//
// Whatever is not as expected ends the test with a message that says what the stream
// brought so far. So all methods that can fail must be called from the test's goroutine.
// What should come is waited for ([Server.Patience]), and nothing is slept for. To
// see that an event does not come, publish another one, and expect that.
//
// At its end the test fails if a stream, a hook or a handler goes on.
package servertest
