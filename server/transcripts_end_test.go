package server_test

import (
	"time"

	"github.com/fastsse/fastsse/server"
)

// Streams that the hub ends, and clients that it tells to come back later.
var endTranscripts = []scenario{
	// The least, a millisecond, is none in a hub that is not yet that old.
	{name: "end-max-age", in: twoKinds, setup: setup{config: server.Config{MaxAge: 2 * time.Millisecond}}, run: func(s *scene) {
		s.fresh("topic=a").finish()
		s.fresh("topic=a", asEventSource...).finish()
	}},
	{name: "end-drain", in: twoKinds, run: func(s *scene) {
		st, idle, source := s.fresh("topic=a"), s.fresh("topic=b"), s.fresh("topic=a", asEventSource...)
		s.put("a", "1")
		st.data("1")
		source.data("1")
		s.put("a", "2", "3")
		s.drain()
		st.finish()
		idle.finish()
		source.finish()
	}},
	{name: "end-kick", in: twoKinds, run: func(s *scene) {
		st := s.fresh("topic=a")
		from := s.put("a", "1")[0]
		st.data("1")
		s.kick()
		st.finish()
		back := s.get("topic=a", "Last-Event-ID: "+from, asEventSource[0], asEventSource[1])
		s.put("a", "2")
		back.data("2")
		s.kickTopic("a")
		back.finish()
	}},
	{name: "end-close", in: twoKinds, run: func(s *scene) {
		st, source := s.fresh("topic=a"), s.fresh("topic=a", asEventSource...)
		s.put("a", "1")
		st.data("1")
		source.data("1")
		s.close()
		st.finish()
		source.finish()
	}},
	{name: "later-draining", in: twoKinds, run: func(s *scene) {
		s.drain()
		s.turnedAway("topic=a")
		s.turnedAway("topic=a", asEventSource...)
		s.ask("HEAD", s.kind.path+"?topic=a")
	}},
	{name: "later-full", in: twoKinds, setup: setup{config: server.Config{MaxSubscribers: 1}}, run: func(s *scene) {
		st := s.fresh("topic=a")
		s.turnedAway("topic=a")
		s.turnedAway("topic=a", asEventSource...)
		s.put("a", "1")
		st.data("1")
		st.Close()
	}},
	{name: "later-closed", in: twoKinds, run: func(s *scene) {
		s.close()
		s.turnedAway("topic=a")
	}},
	// A client that is turned away is told a time whatever Retry says.
	{name: "later-no-retry", in: twoKinds, setup: setup{config: server.Config{Retry: -1}}, run: func(s *scene) {
		s.tr.Drawn(3*time.Second, 6*time.Second)
		s.drain()
		s.turnedAway("topic=a")
	}},
}
