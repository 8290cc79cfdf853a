package proxies

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

const (
	resumed  = 64 // events that a client has missed
	resuming = 10 // clients that come back for them
	parallel = 40 // streams on one connection
	each     = 50 // events that each of these gets
)

// resumes says what is wrong with streams that go on where their clients left off, each
// with 16 KiB to catch up with, and then an event that is published; nil: nothing.
func (w *watched) resumes(t *testing.T, l line, topic string) error {
	var ids []string
	for n := range resumed {
		ids = append(ids, w.publish(t, topic, strconv.Itoa(n)+strings.Repeat(" ", 256)))
	}
	late := 0
	for n := range resuming {
		header := eventSource.Clone()
		header.Set("Last-Event-ID", ids[n])
		s, err := l.open(t, "/events?topic="+topic, header)
		if err != nil {
			return err
		}
		for want := n + 1; want < resumed; want++ {
			a, ok := s.next(headLimit / 2)
			if !ok {
				late++
				break
			}
			if a.ID != ids[want] {
				return fmt.Errorf("after %s came %s, want %s", ids[want-1], a.ID, ids[want])
			}
		}
		s.connections.close()
	}
	if late > 0 {
		t.Logf("%s: of %d that resumed, %d were held back", l.url, resuming, late)
		return errors.New("some held back")
	}
	return nil
}

// answers says what is wrong with what a client sees of the server's own answers; nil: they
// are passed on as they are.
func (w *watched) answers(t *testing.T, l line) error {
	for _, status := range []int{204, 401, 503} {
		a := ask(t.Context(), http.MethodGet, l.url+"/events/status?topic=x&status="+strconv.Itoa(status), eventSource)
		if a.err != nil || a.status != status {
			return fmt.Errorf("%d comes as %d, %v", status, a.status, a.err)
		}
	}
	a := ask(t.Context(), http.MethodGet, l.url+"/events/later?topic=x", eventSource)
	if a.err != nil || a.status != http.StatusOK || !strings.Contains(a.body, "retry: ") {
		return fmt.Errorf(`"later" comes as %d, %q, %w`, a.status, a.body, a.err)
	}
	return nil
}

// endings says how the end of a stream arrives at an EventSource and at another client,
// after an event that was published before: "end" or "cut".
func (w *watched) endings(t *testing.T, l line, topic string) (forEventSource, forOthers string, err error) {
	for header, how := range map[*http.Header]*string{&eventSource: &forEventSource, &asFetch: &forOthers} {
		s, err := l.open(t, "/events?topic="+topic, *header)
		if err != nil {
			return "", "", err
		}
		w.publish(t, topic, "last")
		if a, ok := s.next(headLimit); !ok || a.Data != "last" {
			return "", "", errors.New("the event before the end has not come")
		}
		w.hub.KickTopic(topic)
		if !s.ended(headLimit) {
			return "", "", errors.New("the end has not come")
		}
		*how = "cut"
		if s.err == io.EOF {
			*how = "end"
		}
	}
	return forEventSource, forOthers, nil
}

// together says how many of the streams that a client asks for over one HTTP/2 connection
// open; each of these must get every event, in order.
func (w *watched) together(t *testing.T, l line, topic string) (opened int, err error) {
	c := l.connect(1)
	defer c.close()
	open := c.openMany(t, l.url+"/events?topic="+topic)
	for n := range each {
		w.number(t, topic, n)
	}
	for _, s := range open {
		for n := range each {
			if a, ok := s.next(headLimit); !ok || a.Data != strconv.Itoa(n) {
				return len(open), fmt.Errorf("event %d came as %q", n, a.Data)
			}
		}
	}
	return len(open), nil
}

// openMany opens streams over one connection: the first, and then all others at once. It
// returns those that have opened.
func (c *connections) openMany(t *testing.T, url string) (open []*stream) {
	t.Helper()
	first, err := c.open(t, url, eventSource)
	if err != nil {
		return nil
	}
	found := make(chan *stream, parallel)
	for range parallel - 1 {
		go func() {
			s, _ := c.open(t, url, eventSource)
			found <- s
		}()
	}
	open = append(open, first)
	for range parallel - 1 {
		if s := testkit.Receive(t, "a stream, or that it does not open in time", found); s != nil {
			open = append(open, s)
		}
	}
	return open
}
