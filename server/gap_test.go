package server_test

import (
	"strings"
	"testing"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// gapForms are gap events of a handler's own, and what a client of each reads first when it
// resumes after an event that nobody has.
var gapForms = []struct {
	form server.GapEvent
	gap  string
}{
	{server.GapEvent{}, "event: lost\ndata: {\"reason\":\"unknown\",\"lastEventId\":\"never-seen\"}\nid: E-0\n\n"},
	{server.GapEvent{Type: "t"}, "event: t\ndata: {\"reason\":\"unknown\",\"lastEventId\":\"never-seen\"}\nid: E-0\n\n"},
	{server.GapEvent{Data: "one\ntwo"}, "event: lost\ndata: one\ndata: two\nid: E-0\n\n"},
	{server.GapEvent{Type: "t", Data: "{}"}, "event: t\ndata: {}\nid: E-0\n\n"},
	{server.GapEvent{Comment: true}, ": gap unknown\nid: E-0\n\n"},
}

// Handlers of one hub, and calls of Follow, tell of gaps each in their own way.
func TestEachHandlerHasItsOwnGapEvent(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		var routes map[string]fasthttp.RequestHandler
		h := newHarness(t, kind, setup{config: server.Config{GapType: "lost"}, wrap: func(fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(ctx *fasthttp.RequestCtx) { routes[string(ctx.Path())](ctx) }
		}})
		routes = map[string]fasthttp.RequestHandler{}
		for i, f := range gapForms {
			routes["/events"+strings.Repeat("+", i)] = h.hub.SubscribeHandler(server.SubscribeOptions{Gap: f.form})
			routes["/follow"+strings.Repeat("+", i)] = func(ctx *fasthttp.RequestCtx) {
				streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
					return h.hub.FollowWith(w, server.FollowOptions{Gap: f.form}, "a")
				})
			}
		}
		h.publish("a", "1")
		epoch, _, _ := strings.Cut(h.hub.LastID(), "-")
		for i, f := range gapForms {
			c := h.openWith(request{path: kind.path + strings.Repeat("+", i), topics: []string{"a"}, lastID: "never-seen"})
			want := strings.ReplaceAll(f.gap, "E-", epoch+"-") + "data: 1\nid: " + h.hub.LastID() + "\n\n"
			var got strings.Builder
			for !strings.HasSuffix(got.String(), want) {
				b := make([]byte, 1)
				if _, err := c.body.Read(b); err != nil {
					t.Fatalf("%+v: read %q, %v, want %q", f.form, got.String(), err, want)
				}
				got.Write(b)
			}
			c.leave()
		}
		if n := h.hub.Stats().Gaps; n != int64(len(gapForms)) {
			t.Errorf("%d gaps are counted", n)
		}
	})
}

func TestGapEventsThatAreNotValidAreRefused(t *testing.T) {
	t.Parallel()
	hub := newHub(t, server.Config{MaxEventBytes: 10})
	w, err := streamwriter.NewWriter(&strings.Builder{}, streamwriter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, tt := range []struct {
		form  server.GapEvent
		parts []string
	}{
		{server.GapEvent{Type: "a\nb"}, []string{".Gap.Type", `"a\nb"`, "plain name"}},
		{server.GapEvent{Type: strings.Repeat("x", 257)}, []string{".Gap.Type", "256 bytes", "shorten"}},
		{server.GapEvent{Data: "12345678901"}, []string{".Gap.Data", "11 bytes", "MaxEventBytes (10)", "send less"}},
		{server.GapEvent{Comment: true, Type: "t"}, []string{".Gap.Comment", "Type or Data", "alone"}},
		{server.GapEvent{Comment: true, Data: "t"}, []string{".Gap.Comment", "Type or Data", "alone"}},
	} {
		said := func() (said any) {
			defer func() { said = recover() }()
			hub.SubscribeHandler(server.SubscribeOptions{Gap: tt.form})
			return nil
		}()
		text, _ := said.(string)
		followed := hub.FollowWith(w, server.FollowOptions{Gap: tt.form}, "a")
		if followed == nil {
			t.Errorf("%.50v: followed", tt.form)
			continue
		}
		for _, part := range tt.parts {
			if !strings.Contains(text, "SubscribeOptions.Gap") || !strings.Contains(text, part) || !strings.Contains(followed.Error(), part) {
				t.Errorf("%.50v: %q and %q, want %q in both", tt.form, text, followed, part)
			}
		}
	}
}
