package header

import "bytes"

// IsEventSource reports whether a request shows itself to be that of an EventSource: it
// accepts text/event-stream and nothing else, has Cache-Control: no-cache, and not the
// User-Agent of Go's net/http.
//
// Every EventSource that was tried sends both headers: Chromium 156, Firefox 153, npm's
// eventsource 2 and 4, undici 7, launchdarkly-eventsource 2, eventsource-client 1. Clients
// made of fetch differ in one: @microsoft/fetch-event-source sends no Cache-Control, and
// Datastar accepts other types as well. r3labs' Go client sends both headers, and is known
// by its User-Agent. A fetch of text/event-stream with cache: "no-store" cannot be told
// from an EventSource, nor can one that is made while a browser's developer tools have the
// cache disabled.
func IsEventSource(h Request) bool {
	return bytes.EqualFold(Peek(h, "Accept"), eventStream) &&
		bytes.EqualFold(Peek(h, "Cache-Control"), noCache) &&
		!bytes.HasPrefix(Peek(h, "User-Agent"), goClient)
}

var (
	eventStream = []byte("text/event-stream")
	noCache     = []byte("no-cache")
	goClient    = []byte("Go-http-client/")
)
