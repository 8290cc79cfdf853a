package clients

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/launchdarkly/eventsource"
	"github.com/r3labs/sse/v2"
	gosse "github.com/tmaxmax/go-sse"
)

// goClient runs until ctx is done or the client ends by itself.
type goClient func(ctx context.Context, url string, r *running) error

// startGo runs clients of this process.
func startGo(t *testing.T, clients []*running) {
	t.Helper()
	for _, r := range clients {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if err := r.run(ctx, r.tear.URL+"/events?topic="+r.name, r); err != nil {
				r.said(err.Error())
			}
		}()
		t.Cleanup(cancel) // not waited for: r3labs' waits do not end with its context
	}
}

// goSSE is go-sse's client; its buffer is the default if size is zero.
func goSSE(size int) goClient {
	return func(ctx context.Context, url string, r *running) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		conn := gosse.NewConnection(req)
		if size > 0 {
			conn.Buffer(nil, size)
		}
		conn.SubscribeToAll(func(e gosse.Event) { r.took(entry{e.LastEventID, e.Type, e.Data}) })
		return conn.Connect()
	}
}

// r3labs is r3labs' client. Its user calls it again when it has returned, if loop says so.
func r3labs(loop bool, options ...func(*sse.Client)) goClient {
	return func(ctx context.Context, url string, r *running) error {
		for c := sse.NewClient(url, options...); ; {
			err := c.SubscribeRawWithContext(ctx, func(e *sse.Event) {
				r.took(entry{string(e.ID), string(e.Event), string(e.Data)})
			})
			if !loop || ctx.Err() != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// launchdarkly is LaunchDarkly's client.
func launchdarkly(ctx context.Context, url string, r *running) error {
	stream, err := eventsource.SubscribeWithURL(url, eventsource.StreamOptionErrorHandler(func(error) (result eventsource.StreamErrorHandlerResult) {
		return result
	}))
	if err != nil {
		return err
	}
	defer stream.Close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-stream.Events:
			if !open {
				return nil
			}
			r.took(entry{e.Id(), e.Event(), e.Data()})
		}
	}
}
