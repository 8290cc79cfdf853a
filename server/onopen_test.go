package server_test

import (
	"errors"
	"testing"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

// What OnOpen sends has no say in where the stream resumes.
func TestOnOpenCannotReplaceThePosition(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
			OnOpen: func(_ server.Subscriber, w *streamwriter.Writer) error {
				for _, err := range []error{
					w.Send(streamwriter.Event{ID: "snapshot-7", Data: []byte("with an id")}),
					w.SendEncoded([]byte("data: encoded, with an id\nid: snapshot-8\n\n")),
					w.SendEncoded(streamwriter.AppendID(nil, "")),
				} {
					if fe, ok := errors.AsType[*streamwriter.FieldError](err); !ok || fe.Field != "id" {
						t.Errorf("got %v, want an error that says why", err)
					}
				}
				return w.SendString("state", "snapshot")
			},
		}})
		h.publish("a", "before")
		at := h.hub.LastID()
		c := h.open("a")
		c.expect("snapshot")
		if c.dec.LastID != at {
			t.Errorf("the client would come back with %q, want %q", c.dec.LastID, at)
		}
		c.leave()
		h.publish("a", "missed")
		again := h.resume(c.dec.LastID, "a")
		again.expect("snapshot", "missed")
	})
}
