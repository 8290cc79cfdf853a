package server_test

import (
	"errors"
	"fmt"

	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// Hooks: what they add, rename and refuse.
var hookTranscripts = []scenario{
	{name: "onopen-events", in: twoKinds, setup: setup{subscribe: subscribeOptions{OnOpen: func(_ subscriber, w *streamwriter.Writer) error {
		return errors.Join(
			w.SendJSON(streamwriter.Event{Type: "state"}, map[string]int{"home": 2, "away": 1}),
			w.Comment("a comment"),
			w.SendString("", "seen "+w.LastEventID()),
		)
	}}}, run: func(s *scene) {
		from := s.put("a", "1")[0]
		st := s.get("topic=a")
		st.data("seen ")
		s.put("a", "2")
		st.data("2")
		st.Close()
		back := s.get("topic=a", "Last-Event-ID: "+from)
		back.data("seen "+from, "2")
		back.Close()
		s.tr.Note("a gap comes first")
		back = s.get("topic=a", "Last-Event-ID: never-seen")
		back.data("seen never-seen", "1", "2")
		back.Close()
	}},
	{name: "onopen-refuses", in: twoKinds, setup: setup{subscribe: subscribeOptions{OnOpen: func(s subscriber, w *streamwriter.Writer) error {
		return errors.Join(w.SendString("", "nobody sees this"), refusals[s.Topics[0]])
	}}}, run: askRefused},
	{name: "onopen-fails", in: twoKinds, setup: setup{subscribe: subscribeOptions{OnOpen: func(_ subscriber, w *streamwriter.Writer) error {
		return errors.Join(w.SendString("", "nobody sees this"), errInternal)
	}}}, run: func(s *scene) { s.turnedAway("topic=a") }},
	{name: "authorize-refuses", in: twoKinds, setup: setup{subscribe: subscribeOptions{Authorize: func(_ *fasthttp.RequestCtx, s *subscription) error {
		return refusals[s.Topics[0]]
	}}}, run: askRefused},
	{name: "authorize-fails", in: twoKinds, setup: setup{subscribe: subscribeOptions{Authorize: func(*fasthttp.RequestCtx, *subscription) error {
		return errInternal
	}}}, run: func(s *scene) {
		s.turnedAway("topic=a")
		s.ask("HEAD", s.kind.path+"?topic=a")
	}},
	{name: "authorize-changes", in: twoKinds, setup: setup{subscribe: subscribeOptions{Authorize: func(_ *fasthttp.RequestCtx, s *subscription) error {
		if s.Topics[0] == "spoiled" {
			s.Topics = []string{"hunter2 "}
			return nil
		}
		s.Topics, s.LastEventID = []string{"of/" + s.Topics[0]}, ""
		return nil
	}}}, run: func(s *scene) {
		st := s.fresh("topic=a&topic=b", "Last-Event-ID: never-seen")
		s.put("a", "not this")
		s.put("b", "nor this")
		s.put("of/a", "3")
		st.data("3")
		st.Close()
		s.ask("GET", s.kind.path+"?topic=spoiled")
	}},
}

// refusals are what hooks say to streams of topics.
var refusals = map[string]error{
	"default": refuse(0, ""),
	"reason":  refuse(401, `who "are" you?`),
	"wrapped": fmt.Errorf("hunter2: %w", refuse(410, "it is over")),
	"over":    refuse(204, "not to be seen"),
}

func askRefused(s *scene) {
	for _, topic := range []string{"default", "reason", "wrapped", "over"} {
		s.ask("GET", s.kind.path+"?topic="+topic)
	}
}
