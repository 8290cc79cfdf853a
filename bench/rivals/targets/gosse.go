package main

import (
	"net/http"

	"github.com/tmaxmax/go-sse"
)

// history is how many events the replayer keeps: as many as fastsse keeps per topic.
const history = 4096

// gosse is tmaxmax/go-sse as in its README and its larger example: the provider Joe, with a
// replayer that gives the events their ids, and the topics of a session from the query.
//
// Joe writes to all streams in turn, in one goroutine, and waits for those that do not
// read. A client that comes back and has missed nothing is sent the whole buffer again.
// Events with empty data cannot be sent.
func gosse() (library, error) {
	replayer, err := sse.NewFiniteReplayer(history, true)
	if err != nil {
		return library{}, err
	}
	events := &sse.Server{Provider: &sse.Joe{Replayer: headFirst{replayer}}, OnSession: topicOf}
	return library{events.ServeHTTP, func(topic string, data []byte) error {
		m := &sse.Message{}
		m.AppendData(string(data))
		return events.Publish(m, topic)
	}}, nil
}

func topicOf(_ http.ResponseWriter, r *http.Request) (topics []string, allowed bool) {
	return []string{r.URL.Query().Get("topic")}, true
}

// headFirst sends a session's head when it is subscribed. On its own go-sse sends the
// head with the first event, so that a client cannot tell an open stream from one that
// hangs. Flushing in OnSession would be too early: events published between that and
// the subscription would be lost.
type headFirst struct{ sse.Replayer }

func (h headFirst) Replay(s sse.Subscription) error {
	if err := h.Replayer.Replay(s); err != nil {
		return err
	}
	return s.Client.Flush()
}
