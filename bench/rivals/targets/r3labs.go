package main

import (
	"net/http"
	"net/url"

	"github.com/r3labs/sse/v2"
)

// r3labs is r3labs/sse as in its README, with what New sets: every event ever published is
// kept, and a stream without Last-Event-ID gets all of them. Only AutoStream is added, so
// that topics need not be created first.
//
// One goroutine per topic hands events to a channel of 64 for each stream, and waits if
// one is full. A stream that comes back gets the event that it names in Last-Event-ID
// again. Events published to a topic that has never had a stream are dropped, data of
// several lines breaks, and empty data ends the stream.
func r3labs() (library, error) {
	events := sse.New()
	events.AutoStream = true
	return library{
		func(w http.ResponseWriter, r *http.Request) {
			// It reads the topic from the query as "stream".
			r.URL.RawQuery = "stream=" + url.QueryEscape(r.URL.Query().Get("topic"))
			events.ServeHTTP(w, r)
		},
		func(topic string, data []byte) error {
			events.Publish(topic, &sse.Event{Data: data})
			return nil
		},
	}, nil
}
