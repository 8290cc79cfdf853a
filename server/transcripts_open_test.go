package server_test

import (
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

// Streams that open, and what they are sent while they live.
var openTranscripts = []scenario{
	{name: "subscribe-defaults", in: twoKinds, setup: setup{config: server.Config{Retry: defaults}}, run: func(s *scene) {
		st := s.fresh("topic=a")
		s.put("a", "1")
		st.data("1")
		st.Close()
	}},
	{name: "subscribe-no-retry", in: twoKinds, setup: setup{config: server.Config{Retry: -1}}, run: func(s *scene) {
		st := s.fresh("topic=a")
		s.kick()
		st.finish()
	}},
	{name: "subscribe-events", in: twoKinds, run: everyEvent},
	{name: "subscribe-ephemeral", in: twoKinds, run: func(s *scene) {
		st := s.fresh("topic=a")
		from := s.put("a", "1")[0]
		st.data("1")
		s.putEphemeral("a", "2")
		st.data("2")
		s.put("a", "3")
		st.data("3")
		st.Close()
		back := s.get("topic=a", "Last-Event-ID: "+from)
		back.data("3")
		s.putEphemeral("a", "4")
		back.data("4")
		back.Close()
	}},
	{name: "subscribe-topics", in: twoKinds, run: func(s *scene) {
		st := s.fresh("topic=b&topic=a&topic=b")
		from := s.put("a", "1")[0]
		st.data("1")
		s.put("b", "2")
		st.data("2")
		s.put("c", "nobody's")
		s.put("a", "4")
		st.data("4")
		st.Close()
		back := s.get("topic=a&topic=b", "Last-Event-ID: "+from)
		back.data("2", "4")
		s.put("b", "5")
		back.data("5")
		back.Close()
	}},
	{name: "subscribe-subtree", in: twoKinds, run: func(s *scene) {
		st := s.fresh("topic=a/*")
		from := s.put("a/1", "1")[0]
		st.data("1")
		s.put("a", "not below itself")
		s.put("ab/1", "not below a")
		s.put("a/2/x", "4")
		st.data("4")
		st.Close()
		back := s.get("topic=a/*", "Last-Event-ID: "+from)
		back.data("4")
		s.put("a/1", "5")
		back.data("5")
		back.Close()
	}},
	{name: "subscribe-topic-and-its-subtree", in: twoKinds, run: func(s *scene) {
		st := s.fresh("topic=a/b&topic=a/*&topic=a/b/*")
		from := s.put("a/b", "1")[0]
		st.data("1")
		s.put("a/b/c", "2")
		st.data("2")
		s.put("a/d", "3")
		st.data("3")
		st.Close()
		back := s.get("topic=a/b&topic=a/*&topic=a/b/*", "Last-Event-ID: "+from)
		back.data("2", "3")
		s.put("a/b", "4")
		back.data("4")
		back.Close()
	}},
	{name: "subscribe-escaped", in: twoKinds, run: func(s *scene) {
		st := s.fresh("topic=a%2Fb%3Ac&_=1700000000&ticket=t")
		s.put("a/b:c", "1")
		st.data("1")
		st.Close()
	}},
	{name: "heartbeat", in: twoKinds, setup: setup{config: server.Config{Heartbeat: time.Millisecond}}, run: func(s *scene) {
		st := s.fresh("topic=a")
		for range 3 {
			st.Until(": .\n" + st.endOfChunk)
		}
		st.Close()
	}},
	// What was forgotten of others is above the position of this stream, which has
	// missed none of it, and is told so.
	{name: "heartbeat-position", in: twoKinds, setup: setup{config: server.Config{Heartbeat: time.Millisecond, MaxHistoryBytes: 64 << 10}}, run: func(s *scene) {
		from := s.put("quiet", "1")[0]
		s.tr.Note("publish to 300 other topics, more than the hub may hold")
		forgetOthers(s.harness, 0)
		st := s.get("topic=quiet", "Last-Event-ID: "+from, asEventSource[0], asEventSource[1])
		st.block("id: " + s.hub.LastID())
		for range 2 {
			st.Until(": .\n" + st.endOfChunk)
		}
		st.Close()
		s.tr.Note("to others a block without data may be an event")
		st = s.get("topic=quiet", "Last-Event-ID: "+from)
		st.Until("id: " + s.hub.LastID() + "\n" + st.endOfChunk)
		for range 2 {
			st.Until(": .\n" + st.endOfChunk)
		}
		st.Close()
	}},
}

// everyEvent publishes what the format can carry.
func everyEvent(s *scene) {
	st := s.fresh("topic=a")
	for _, e := range []struct {
		streamwriter.Event
		ends string
	}{
		{streamwriter.Event{Data: []byte("plain")}, "data: plain"},
		{streamwriter.Event{}, "data: "},
		{streamwriter.Event{Type: "goal", Data: []byte("typed")}, "data: typed"},
		{streamwriter.Event{ID: "mine-1", Data: []byte("own id")}, "data: own id"},
		{streamwriter.Event{Retry: 1500 * time.Millisecond, Data: []byte("retry")}, "data: retry"},
		{streamwriter.Event{ID: "mine:2", Type: "all", Retry: time.Second, Data: []byte("all")}, "data: all"},
		{streamwriter.Event{Data: []byte("LF\nCRLF\r\nCR\rend")}, "data: end"},
		{streamwriter.Event{Data: []byte("\n")}, "data: "},
		{streamwriter.Event{Data: []byte("ends\n")}, "data: "},
		{streamwriter.Event{Data: []byte(" : colons: and spaces ")}, "data:  : colons: and spaces "},
		{streamwriter.Event{Data: []byte(`{"json":"ö → 😀"}`)}, `data: {"json":"ö → 😀"}`},
		{streamwriter.Event{Data: []byte(largeEvent(1))}, "data: " + largeEvent(1)},
	} {
		s.putEvent("a", e.Event)
		st.event(e.ends)
	}
	st.Close()
}
