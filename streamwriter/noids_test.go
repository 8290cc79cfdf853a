package streamwriter

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestNoIDsRefusesIDsAndEndsNothing(t *testing.T) {
	var wire bytes.Buffer
	w := must(NewWriter(&wire, Options{NoIDs: true, Heartbeat: -1}))
	defer w.Close()
	encoded := func(p string) func() error {
		return func() error { return w.SendEncoded([]byte(p)) }
	}
	for name, send := range map[string]func() error{
		"event":             func() error { return w.Send(Event{ID: "x", Data: []byte("d")}) },
		"AppendID":          func() error { return w.SendEncoded(AppendID(nil, "x")) },
		"AppendEvent":       func() error { return w.SendEncoded(AppendEvent(nil, &Event{ID: "x", Data: []byte("d")})) },
		"second block":      encoded("data: a\n\nid: x\ndata: b\n\n"),
		"no space":          encoded("id:x\n\n"),
		"reset":             encoded("data: a\nid\n\n"),
		"behind a lone CR":  encoded("data: a\rid: x\r\r"),
		"behind CRLF":       encoded("data: a\r\nid: x\r\n\r\n"),
		"without a newline": encoded("data: a\n\nid"),
		"without any":       encoded("i"),
	} {
		err := send()
		var fe *FieldError
		if !errors.As(err, &fe) || fe.Remedy == "" || !strings.HasPrefix(err.Error(), "streamwriter: send e") {
			t.Errorf("%s: %v", name, err)
		}
		if wire.Len() != 0 || w.Context().Err() != nil {
			t.Fatalf("%s: wrote %q, stream %v", name, wire.String(), w.Context().Err())
		}
	}
	const good = ":\nidea: x\ndata: id: x\ndata:id\nidx\n id: x\n\n"
	if err := errors.Join(w.SendString("", "a\nid: x"), w.SendEncoded([]byte(good)), w.SendEncoded(nil)); err != nil {
		t.Error(err)
	}
	if want := "data: a\ndata: id: x\n\n" + good; wire.String() != want {
		t.Errorf("wrote %q, want %q", wire.String(), want)
	}
}
