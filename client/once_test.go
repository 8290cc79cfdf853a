package client_test

import (
	"errors"
	"io"
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
				source.ReadTimeout = 50 * time.Millisecond
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
