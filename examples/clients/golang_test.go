package clients

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/fastsse/fastsse/client"
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

// goSSE is go-sse's client, with its defaults or as docs/clients.md advises.
func goSSE(advised bool) goClient {
	return func(ctx context.Context, url string, r *running) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		conn := gosse.NewConnection(req)
		if advised {
			conn.Buffer(nil, 1<<20)
		}
		conn.SubscribeToAll(func(e gosse.Event) {
			if e.Data == "" && advised {
				return
			}
			r.took(entry{e.LastEventID, e.Type, e.Data})
		})
		return conn.Connect()
	}
}

// r3labs is r3labs' client, with its defaults or as docs/clients.md advises.
func r3labs(advised bool) goClient {
	return func(ctx context.Context, url string, r *running) error {
		c := sse.NewClient(url)
		if advised {
			c = sse.NewClient(url, sse.ClientMaxBufferSize(1<<20))
		}
		for {
			err := c.SubscribeRawWithContext(ctx, func(e *sse.Event) {
				if len(e.Data) > 0 || !advised {
					r.took(entry{string(e.ID), string(e.Event), string(e.Data)})
				}
			})
			if !advised || ctx.Err() != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// launchdarkly is LaunchDarkly's client, with its defaults or as docs/clients.md advises.
func launchdarkly(advised bool) goClient {
	return func(ctx context.Context, url string, r *running) error {
		handle := func(err error) (result eventsource.StreamErrorHandlerResult) {
			var s eventsource.SubscriptionError
			result.CloseNow = advised && errors.As(err, &s) && s.Code == http.StatusNoContent
			return result
		}
		stream, err := eventsource.SubscribeWithURL(url, eventsource.StreamOptionErrorHandler(handle))
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
				if e.Data() == "" && advised {
					continue
				}
				r.took(entry{e.Id(), e.Event(), e.Data()})
			}
		}
	}
}

// ours is this module's own client.
func ours(ctx context.Context, url string, r *running) error {
	source := client.EventSource{URL: url}
	for e, err := range source.Events(ctx) {
		if _, gap := errors.AsType[*client.GapError](err); err != nil && !gap {
			return err
		}
		r.took(entry{e.ID, e.Type, string(e.Data)})
	}
	return nil
}
