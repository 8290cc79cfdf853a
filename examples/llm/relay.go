package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/client"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

const (
	// headWait is how long the reader's answer waits for the upstream's: a refusal within
	// it (no such key, too many requests) is passed on with its status, so that clients
	// can heed it, and one after it as an event.
	headWait = 2 * time.Second

	// unclaimed is how long the upstream's answer may wait for the reader's stream, which
	// does not run if the reader is gone by then.
	unclaimed = time.Second
)

// relay asks the upstream in the name of its readers.
type relay struct {
	upstream, key string
}

// part is what the upstream sends: that its stream has opened, an event, or an error.
type part struct {
	opened bool
	event  fastsse.Event
	err    error
}

// ask sends a request upstream, and returns the channel of what comes, which is closed at
// the end. The request ends when ctx is done.
func (r *relay) ask(ctx context.Context, body []byte) <-chan part {
	parts := make(chan part)
	give := func(p part) {
		select {
		case parts <- p:
		case <-ctx.Done():
		}
	}
	source := client.EventSource{
		URL: r.upstream + "/chat/completions", Body: body, Once: true, GapsAreEvents: true,
		Header: http.Header{"Content-Type": {"application/json"}},
		OnOpen: func(*http.Response) { give(part{opened: true}) },
	}
	if r.key != "" {
		source.Header.Set("Authorization", "Bearer "+r.key)
	}
	go func() {
		defer close(parts)
		for event, err := range source.Events(ctx) {
			give(part{event: event, err: err})
		}
	}()
	return parts
}

// otherPage tells whether a page of another origin asks. A browser sends the request of any
// page, also to a server that listens for its own machine alone, and the key would pay for it.
func otherPage(ctx *fasthttp.RequestCtx) bool {
	origin, host := string(ctx.Request.Header.Peek("Origin")), string(ctx.Host())
	return origin != "" && origin != "http://"+host && origin != "https://"+host
}

func (r *relay) serve(ctx *fasthttp.RequestCtx) {
	body := bytes.Clone(ctx.PostBody()) // ctx is gone when the stream runs
	if otherPage(ctx) {
		answer(ctx, fasthttp.StatusForbidden, problem("this relay answers its own page, and programs; this is a page of another origin"))
		return
	}
	var request struct{ Stream bool }
	if err := json.Unmarshal(body, &request); err != nil || !request.Stream {
		answer(ctx, fasthttp.StatusBadRequest, problem(`this relay streams: send a JSON object with "stream": true`))
		return
	}
	asking, cancel := context.WithCancel(context.Background())
	parts := r.ask(asking, body)
	first, more := part{}, true
	stop := watch(ctx, cancel)
	select {
	case first, more = <-parts:
	case <-time.After(headWait):
	}
	stop()
	if !more {
		first.err = errors.New("relay: the upstream's answer is empty")
	}
	if first.err != nil {
		cancel()
		refuse(ctx, first.err)
		return
	}
	lease := time.AfterFunc(unclaimed, cancel)
	streamwriter.Serve(ctx, streamwriter.Options{Retry: -1}, func(w *streamwriter.Writer) error {
		defer cancel()
		if !lease.Stop() {
			return errors.New("relay: the stream has opened too late, and its request was cancelled")
		}
		defer context.AfterFunc(w.Context(), cancel)() // the reader left
		for p := range parts {
			if err := send(w, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// send passes on a part. An error of the upstream becomes an event, as the API sends it; the
// stream ends cleanly after it, because browsers drop what they have not read of a stream
// that is cut. Clients know by the event, and by the lack of [DONE].
func send(w *streamwriter.Writer, p part) error {
	switch {
	case p.opened || w.Context().Err() != nil:
		return nil
	case p.err != nil:
		log.Printf("relay: %v", p.err)
		_, event := explain(p.err)
		return w.Send(streamwriter.Event{Data: event})
	default:
		return w.Send(p.event)
	}
}

// refuse answers with the upstream's refusal, and the headers that tell clients whether and
// when to try again.
func refuse(ctx *fasthttp.RequestCtx, err error) {
	if refused, ok := errors.AsType[*client.StatusError](err); ok {
		for name, values := range refused.Header {
			if passes(name) {
				ctx.Response.Header.Set(name, values[0])
			}
		}
	}
	status, body := explain(err)
	answer(ctx, status, body)
}

// passes reports whether a header of a refusal is passed on. Others could command a proxy in
// front of the relay: with X-Accel-Redirect, nginx would answer with one of its files.
func passes(name string) bool {
	return strings.HasPrefix(name, "Retry-After") || strings.HasPrefix(name, "X-Ratelimit-") ||
		name == "X-Request-Id" || name == "X-Should-Retry"
}

// explain returns an error of the upstream as clients of the API expect it: a status, and a
// JSON object.
func explain(err error) (status int, body []byte) {
	refused, ok := errors.AsType[*client.StatusError](err)
	switch {
	case ok && refused.StatusCode >= 400 && json.Valid(refused.Body):
		return refused.StatusCode, refused.Body
	case ok && refused.StatusCode >= 400:
		return refused.StatusCode, problem("the upstream refuses: " + http.StatusText(refused.StatusCode))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fasthttp.StatusBadGateway, problem("the upstream has broken off its answer")
	default: // its text has the upstream's URL
		return fasthttp.StatusBadGateway, problem("the upstream does not answer with a stream")
	}
}

func problem(says string) []byte {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"message": says, "type": "relay_error", "param": nil, "code": nil}})
	return body
}

func answer(ctx *fasthttp.RequestCtx, status int, body []byte) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.SetBody(body)
}
