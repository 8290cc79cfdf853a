package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/fastsse/fastsse/client"
)

// A program that follows a feed for as long as it runs, and saves where it was.
func ExampleEventSource_Events() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Last-Event-ID") {
		case "7":
			send(w, "event: goal\ndata: 1:0\nid: 8\n\n")
		case "8":
			send(w, "event: gap\ndata: {\"reason\":\"evicted\"}\nid: 11\n\ndata: full time\nid: 12\n\n")
		default:
			w.WriteHeader(http.StatusNoContent) // there is nothing more
		}
	}))
	defer server.Close()

	source := client.EventSource{
		URL:         server.URL,
		LastEventID: "7", // where the program was when it ran before
		Retry:       10 * time.Millisecond,
		OnReconnect: func(err error, wait time.Duration) { log.Printf("%v; back in %v", err, wait) },
	}
	log.SetOutput(io.Discard)
	defer log.SetOutput(os.Stderr)
	for event, err := range source.Events(context.Background()) {
		var gap *client.GapError
		switch {
		case errors.As(err, &gap):
			fmt.Println("lost some events:", gap.Reason)
		case err != nil:
			fmt.Println(err)
			return
		default:
			fmt.Printf("%s %s (save %s)\n", event.Type, event.Data, event.ID)
		}
	}
	// Output:
	// goal 1:0 (save 8)
	// lost some events: evicted
	//  full time (save 12)
}

// An answer that is generated once, and asked for by POST.
func ExampleEventSource_once() {
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		send(w, "data: Hello\n\ndata: world\n\ndata: [DONE]\n\n")
	}))
	defer model.Close()

	source := client.EventSource{
		URL:    model.URL,
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer key"}},
		Body:   []byte(`{"stream":true,"prompt":"…"}`),
		Once:   true,
	}
	for token, err := range source.Events(context.Background()) {
		if err != nil {
			fmt.Println(err) // refused, or cut before its end
			return
		}
		fmt.Println(string(token.Data))
	}
	// Output:
	// Hello
	// world
	// [DONE]
}
