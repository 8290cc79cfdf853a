package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/fastsse/fastsse/client"
)

func TestOnceEndsWithTheStream(t *testing.T) {
	for name, c := range map[string]struct {
		step   http.HandlerFunc
		events []string
		err    error
	}{
		"finished": {stream("data: a\n\ndata: [DONE]\n\n"), []string{"||a", "||[DONE]"}, nil},
		"cut":      {cut("data: a\n\ndata: b"), []string{"||a"}, io.ErrUnexpectedEOF},
		"reset":    {reset("data: a\n\n"), []string{"||a"}, io.ErrUnexpectedEOF},
		"silent":   {silent("data: a\n\n"), []string{"||a"}, client.ErrReadTimeout},
		"nothing":  {status(204, ""), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, c.step)
			source := quick(t, s.URL)
			source.Once = true
			if name == "silent" {
				source.ReadTimeout = 500 * time.Millisecond
			}
			source.OnReconnect = func(err error, _ time.Duration) { t.Errorf("comes back after %v", err) }
			events, err := all(t, &source)
			expect(t, "events", events, c.events)
			if !errors.Is(err, c.err) || c.err == nil && err != nil || len(s.got()) != 1 {
				t.Errorf("%v after %d requests, want %v", err, len(s.got()), c.err)
			}
			if name == "silent" && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v is no cut", err)
			}
		})
	}
}

func TestOnceDoesNotTryAgain(t *testing.T) {
	s := newScript(t, status(http.StatusServiceUnavailable, "overloaded"))
	source := quick(t, s.URL)
	source.Once = true
	source.RetryStatus = func(int) bool { t.Error("RetryStatus is asked"); return true }
	_, err := all(t, &source)
	var refused *client.StatusError
	if !errors.As(err, &refused) || refused.StatusCode != 503 || len(s.got()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.got()))
	}
	s.Close()
	if _, err := all(t, &source); err == nil {
		t.Error("no error where nobody listens")
	}
}

// A connection that is closed before the answer ends with io.EOF, as a whole stream does.
func TestNoAnswerIsNoCleanEnd(t *testing.T) {
	s := newScript(t)
	s.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hangsUp.Close()
	go func() {
		for c, err := hangsUp.Accept(); err == nil; c, err = hangsUp.Accept() {
			_, _ = c.Read(make([]byte, 4<<10))
			_ = c.Close()
		}
	}()
	for name, url := range map[string]string{"request": s.URL, "TLS handshake": "https://" + hangsUp.Addr().String()} {
		source := quick(t, url)
		source.Once = true
		if events, err := all(t, &source); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			t.Errorf("%s: the loop yields %q and ends with %v", name, events, err)
		}
		source.Once = false
		ctx, stop := context.WithCancel(t.Context())
		source.OnReconnect = func(err error, _ time.Duration) {
			stop()
			if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				t.Errorf("%s: comes back after %v", name, err)
			}
		}
		for range source.Events(ctx) {
		}
	}
}
