// Package fasthttpsse reads an event stream that fasthttp's own client has got. For streams that
// are to be resumed, or come over HTTP/2, use package client, which is made of net/http.
//
//	req.Header.Set("Accept", "text/event-stream")
//	resp.StreamBody = true // otherwise Do returns when the stream has ended
//	if err := c.Do(req, resp); err != nil {
//		return err
//	}
//	for event, err := range fasthttpsse.Events(ctx, resp) {
//		…
//	}
//
// The client's ReadTimeout, and a timeout or deadline of the request, count for the whole
// stream from its beginning, and end it: leave them at zero. No context ends Do while it waits
// for the head of the response; if a server may never answer, let the client's Dial return
// connections whose Read sets a deadline.
//
// fasthttp (1.74) takes a response that is cut between two chunks for complete, which is where
// servers of event streams commonly cut. If that matters, look for the stream's own last event
// ("[DONE]"), or use package client.
package fasthttpsse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"strings"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/valyala/fasthttp"
)

// Events yields the events of a response that was requested with StreamBody (or
// StreamResponseBody), which is an event stream with the status 200. Each event is the caller's
// own; its ID is the last event id as of it.
//
// When the response is complete, the loop ends without an error, and the connection may be used
// again. Otherwise the last thing that it yields is an error: of ctx, when that is done; of the
// connection (io.ErrUnexpectedEOF, wrapped, if it was cut inside a chunk); of a response that is no event
// stream; or [fastsse.ErrTooLong], wrapped, at an event of more than 16 MiB.
//
// When the loop ends or is left, or ctx is done, a connection with an unfinished response is
// closed at once, also while the loop waits for an event. After the loop resp may be released, but not before.
// Events can be called once for a response.
func Events(ctx context.Context, resp *fasthttp.Response) iter.Seq2[fastsse.Event, error] {
	return func(yield func(fastsse.Event, error) bool) {
		err := read(ctx, resp, func(e fastsse.Event) bool { return yield(e, nil) })
		if err != nil {
			yield(fastsse.Event{}, fmt.Errorf("fasthttpsse: read an event stream: %w", err))
		}
	}
}

// read calls take for each event, until it returns false.
func read(ctx context.Context, resp *fasthttp.Response, take func(fastsse.Event) bool) error {
	body, ok := resp.BodyStream().(fasthttp.ReadCloserWithError)
	if !ok {
		return errors.New("the response has no body stream that can be closed; set resp.StreamBody before fasthttp's Do")
	}
	// Not resp.CloseBodyStream, which changes resp. The body may be closed twice, and while it
	// is being read.
	closeBody := func() { _ = body.CloseWithError(nil) }
	stop := context.AfterFunc(ctx, closeBody)
	defer closeBody()
	defer stop()
	if err := notAStream(resp, body, closeBody); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	for e, err := range fastsse.Read(body) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if !take(e) {
			return nil
		}
	}
	return ctx.Err()
}

// bodyTime is how long the body of a response that is no event stream is waited for: it may
// never end.
const bodyTime = time.Second

// notAStream says why resp is no event stream; nil: it is one.
func notAStream(resp *fasthttp.Response, body io.Reader, closeBody func()) error {
	kind, coding := string(resp.Header.ContentType()), string(resp.Header.ContentEncoding())
	essence, _, _ := mime.ParseMediaType(kind)
	switch {
	case resp.StatusCode() != fasthttp.StatusOK || essence != "text/event-stream":
	case coding != "" && !strings.EqualFold(coding, "identity"):
		return fmt.Errorf("the response is compressed (Content-Encoding: %s); ask for Accept-Encoding: identity", fastsse.Shorten(coding))
	default:
		return nil
	}
	defer time.AfterFunc(bodyTime, closeBody).Stop()
	said, _ := io.ReadAll(io.LimitReader(body, 200)) // what of it has come
	return fmt.Errorf("the response is none: status %d, Content-Type %q: %q", resp.StatusCode(), kind, fastsse.Shorten(string(said)))
}
