package server_test

import (
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// Streams of an application's own that follow the hub's topics.
var followTranscripts = []scenario{
	{name: "follow", in: following, handler: followAfter, run: func(s *scene) {
		st := s.fresh("topic=a")
		from := s.put("a", "1")[0]
		st.data("1")
		s.put("a", "2")
		st.data("2")
		st.Close()
		s.tr.Note("resume")
		st = s.get("topic=a", "Last-Event-ID: "+from)
		st.data("2")
		s.put("a", "3")
		st.data("3")
		st.Close()
		st = s.get("topic=a&lastEventId=" + s.hub.LastID())
		st.data("first")
		st.Close()
	}},
	{name: "follow-alone", in: following, run: func(s *scene) {
		st := s.fresh("topic=a&topic=b/*")
		s.put("b/1", "1")
		st.data("1")
		s.putEphemeral("a", "2")
		st.data("2")
		st.Close()
	}},
	{name: "follow-gap", in: following, handler: followAfter, setup: setup{config: few}, run: func(s *scene) {
		s.put("a", "1", "2", "3")
		st := s.get("topic=a", "Last-Event-ID: never-seen")
		st.data("3")
		st.Close()
	}},
	{name: "follow-drain", in: following, handler: followAfter, run: func(s *scene) {
		st, source := s.fresh("topic=a"), s.fresh("topic=a", asEventSource...)
		s.put("a", "1")
		st.data("1")
		source.data("1")
		s.put("a", "2")
		s.drain()
		st.finish()
		source.whole()
		s.turnedAway("topic=a")
	}},
	{name: "follow-kick", in: following, handler: followAfter, run: func(s *scene) {
		st, source := s.fresh("topic=a"), s.fresh("topic=a", asEventSource...)
		s.put("a", "1")
		st.data("1")
		source.data("1")
		s.kick()
		st.finish()
		source.whole()
	}},
	{name: "follow-close", in: following, handler: followAfter, run: func(s *scene) {
		st := s.fresh("topic=a")
		s.put("a", "1")
		st.data("1")
		s.close()
		st.finish()
		s.turnedAway("topic=a")
	}},
	{name: "follow-full", in: following, handler: followAfter, setup: setup{config: server.Config{MaxSubscribers: 1}}, run: func(s *scene) {
		st := s.fresh("topic=a")
		s.turnedAway("topic=a")
		s.get("topic=a", asEventSource...).whole()
		st.Close()
	}},
	{name: "follow-bad-topic", in: following, handler: followAfter, run: func(s *scene) {
		s.get("topic=a%20b").finish()
	}},
	{name: "follow-head", in: following, handler: followAfter, run: func(s *scene) {
		s.ask("HEAD", s.kind.path+"?topic=a")
		s.ask(fasthttp.MethodHead, s.kind.path+"?topic=a%20b")
	}},
}

// whole reads to the end of an application's stream that ends cleanly, after which its
// connection may live on.
func (st *stream) whole() {
	if st.endOfChunk != "" {
		st.Until("0\r\n\r\n")
		st.HalfClose()
	}
	st.finish()
}
