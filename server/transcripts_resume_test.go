package server_test

import (
	"strings"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

// few keeps two events of a topic.
var few = server.Config{Retention: []server.Retention{{Topics: "*", Events: 2}}}

// Streams that come back: to all they have missed, or to a gap.
var resumeTranscripts = []scenario{
	{name: "resume", in: twoKinds, run: func(s *scene) {
		ids := s.put("a", "1", "2", "3")
		s.tr.Note("the header")
		st := s.get("topic=a", "Last-Event-ID: "+ids[0])
		st.data("2", "3")
		s.put("a", "4")
		st.data("4")
		st.Close()
		s.tr.Note("the query")
		st = s.get("topic=a&lastEventId=" + ids[1])
		st.data("3", "4")
		st.Close()
		s.tr.Note("both: the header counts")
		st = s.get("topic=a&lastEventId="+ids[0], "Last-Event-ID: "+ids[2])
		st.data("4")
		st.Close()
		s.tr.Note("an empty header: the query counts")
		st = s.get("topic=a&lastEventId="+ids[2], "Last-Event-ID: ")
		st.data("4")
		st.Close()
	}},
	{name: "resume-up-to-date", in: twoKinds, run: func(s *scene) {
		s.put("a", "1")
		st := s.get("topic=a", "Last-Event-ID: "+s.hub.LastID())
		st.Until("retry: 4000000\n" + st.endOfChunk)
		s.put("a", "2")
		st.data("2")
		st.Close()
	}},
	{name: "resume-own-id", in: twoKinds, run: func(s *scene) {
		for _, id := range []string{"one", "two", "three"} {
			s.putEvent("a", streamwriter.Event{ID: id, Data: []byte(id)})
		}
		st := s.get("topic=a", "Last-Event-ID: one")
		st.data("two", "three")
		st.Close()
		st = s.get("topic=a/*&topic=a&lastEventId=two")
		st.data("three")
		st.Close()
	}},
	{name: "resume-many", in: twoKinds, run: func(s *scene) {
		from := s.hub.LastID()
		s.put("a", numbers(1, 40)...)
		st := s.get("topic=a", "Last-Event-ID: "+from)
		st.data(numbers(1, 40)...)
		st.Close()
	}},
	{name: "gap-evicted", in: twoKinds, setup: setup{config: few}, run: func(s *scene) {
		ids := s.put("a", "1", "2", "3", "4", "5")
		st := s.get("topic=a", "Last-Event-ID: "+ids[0])
		st.data("4", "5")
		s.put("a", "6")
		st.data("6")
		st.Close()
		s.tr.Note("nothing is lost from here on")
		st = s.get("topic=a", "Last-Event-ID: "+ids[3])
		st.data("5", "6")
		st.Close()
		s.tr.Note("a subtree")
		s.put("b/1", "1", "2", "3")
		st = s.get("topic=b/*", "Last-Event-ID: "+ids[4])
		st.data("2", "3")
		st.Close()
	}},
	{name: "gap-unknown", in: twoKinds, run: func(s *scene) {
		s.put("a", "1")
		st := s.get("topic=a", "Last-Event-ID: never-seen")
		st.data("1")
		st.Close()
		s.tr.Note("two events have it")
		for range 2 {
			s.putEvent("a", streamwriter.Event{ID: "twice", Data: []byte("twice")})
		}
		st = s.get("topic=a", "Last-Event-ID: twice")
		st.data("1", "twice", "twice")
		st.Close()
	}},
	{name: "gap-epoch", in: twoKinds, run: func(s *scene) {
		s.put("a", "1")
		st := s.get("topic=a", "Last-Event-ID: abcdefgh-7")
		st.data("1")
		st.Close()
	}},
	{name: "gap-ahead", in: twoKinds, run: func(s *scene) {
		s.put("a", "1")
		epoch, _, _ := strings.Cut(s.hub.LastID(), "-")
		st := s.get("topic=a", "Last-Event-ID: "+epoch+"-99")
		st.data("1")
		s.put("a", "2")
		st.data("2")
		st.Close()
	}},
	{name: "gap-of-another-type", in: twoKinds, setup: setup{config: server.Config{GapType: "lost"}}, run: func(s *scene) {
		st := s.get("topic=a", `Last-Event-ID: "quoted" <&> `+strings.Repeat("long", 30))
		st.event(`…"}`)
		s.put("a", "1")
		st.data("1")
		st.Close()
	}},
	{name: "gap-of-a-handler", in: twoKinds, setup: setup{
		subscribe: server.SubscribeOptions{Gap: server.GapEvent{Type: "message", Data: `{"type":"ping"}`}},
	}, run: gapAndOn},
	{name: "gap-as-comment", in: twoKinds, setup: setup{
		subscribe: server.SubscribeOptions{Gap: server.GapEvent{Comment: true}},
	}, run: gapAndOn},
	{name: "gap-slow-as-comment", in: twoKinds, setup: setup{
		config: server.Config{
			SlowSubscribers: server.Skip, MaxEventBytes: len(huge), Retention: []server.Retention{{Topics: "*", Events: 1}},
		},
		subscribe: server.SubscribeOptions{Gap: server.GapEvent{Comment: true}},
	}, run: func(s *scene) {
		st := s.fresh("topic=a")
		s.put("a", huge)
		st.Await(500)
		s.put("a", "2", "3")
		st.data(huge, "3")
		st.Close()
	}},
	// The reader is inside an event that no buffer holds, and misses the next.
	{name: "gap-slow", in: twoKinds, setup: setup{config: server.Config{
		SlowSubscribers: server.Skip, MaxEventBytes: len(huge), Retention: []server.Retention{{Topics: "*", Events: 1}},
	}}, run: func(s *scene) {
		st := s.fresh("topic=a")
		s.put("a", huge)
		st.Await(500)
		s.put("a", "2", "3")
		st.data(huge, "3")
		s.put("a", "4")
		st.data("4")
		st.Close()
	}},
}

// gapAndOn resumes after an event that nobody has, as an EventSource and as another client.
func gapAndOn(s *scene) {
	s.put("a", "1")
	for _, headers := range [][]string{asEventSource, nil} {
		st := s.get("topic=a", append([]string{"Last-Event-ID: never-seen"}, headers...)...)
		st.data("1")
		st.Close()
	}
}
