package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stub is a poster that does what the test says.
type stub struct {
	posted []stamp
	times  []time.Duration
	waits  func(posted int) error
}

func (s *stub) post(_ context.Context, a *ask, _ values) error {
	var st stamp
	text := string(a.body[len(marker):])
	if _, err := fmt.Sscan(text, &st.lane, &st.seq, (*int64)(&st.due)); err != nil { // a bubble's clock may be before ours
		return fmt.Errorf("no payload: %q: %w", text, err)
	}
	s.posted, s.times = append(s.posted, st), append(s.times, Now())
	return nil
}

func (s *stub) await(ctx context.Context, _ uint64) error {
	if s.waits == nil {
		return ctx.Err()
	}
	return s.waits(len(s.posted))
}

func (s *stub) close() {}

func newStubPublisher(s *stub) *Publisher {
	return &Publisher{lane: 2, size: 80, bare: true, form: &form{fixed: &ask{}}, poster: s, late: newHistogram()}
}

// worst is the worst lag of a publisher.
func (p *Publisher) worst() time.Duration { return time.Duration(p.Late().Max()) * time.Microsecond }

// A timer of Go is about a millisecond late when the process has nothing else to do: more than
// a server takes for an event.
func TestPublisherSaysHowLateItWas(t *testing.T) {
	p := newStubPublisher(&stub{})
	if err := p.Run(t.Context(), 50, 100, Now()); err != nil {
		t.Fatal(err)
	}
	t.Logf("half of the events by %d µs, 99%% by %d µs", p.Late().ValueAtPercentile(50), p.Late().ValueAtPercentile(99))
	if n := p.Late().TotalCount(); n != 50 {
		t.Errorf("%d lags of 50 events", n)
	}
}

func TestPublisherKeepsItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stub{}
		p := newStubPublisher(s)
		begin := Now() + 100*time.Millisecond
		if err := p.Run(t.Context(), 1000, 250, begin); err != nil {
			t.Fatal(err)
		}
		for i, st := range s.posted {
			due := begin + time.Duration(i)*4*time.Millisecond
			if want := (stamp{2, uint64(i + 1), due}); st != want || s.times[i] != due {
				t.Fatalf("event %d is %+v at %v, want %+v then", i+1, st, s.times[i], want)
			}
		}
		if p.Sent() != 1000 || p.worst() > time.Microsecond {
			t.Errorf("sent %d, %v late; want 1000 and 0", p.Sent(), p.worst())
		}
	})
}

// Events that were held up are sent at once, and say when they were due.
func TestPublisherCatchesUpWithItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stub{waits: func(posted int) error {
			if posted == 10 {
				time.Sleep(55 * time.Millisecond)
			}
			return nil
		}}
		p := newStubPublisher(s)
		begin := Now()
		if err := p.Run(t.Context(), 100, 100, begin); err != nil {
			t.Fatal(err)
		}
		for i, st := range s.posted {
			due := begin + time.Duration(i)*10*time.Millisecond
			at := due
			if i >= 10 {
				at = max(at, begin+155*time.Millisecond-coarse)
			}
			if st.due != due || s.times[i] != at {
				t.Fatalf("event %d was due %v and came at %v; want %v and %v", i+1, st.due, s.times[i], due, at)
			}
		}
		if want := 55*time.Millisecond - coarse; (p.worst() - want).Abs() > want/100 {
			t.Errorf("%v late, want %v", p.worst(), want)
		}
	})
}

func TestPublisherStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newStubPublisher(&stub{})
		ctx, stop := context.WithTimeout(t.Context(), 95*time.Millisecond)
		defer stop()
		if err := p.Run(ctx, 1000, 100, Now()); err != nil {
			t.Errorf("the end of the context is an error: %v", err)
		}
		if p.Sent() != 10 {
			t.Errorf("sent %d, want 10", p.Sent())
		}
	})
}

func TestPublisherStopsWhereItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		p := newStubPublisher(&stub{waits: func(posted int) error {
			if posted == 3 {
				return broken
			}
			return nil
		}})
		if err := p.Run(t.Context(), 1000, 100, Now()); !errors.Is(err, broken) || p.Sent() != 3 {
			t.Errorf("sent %d, the error is %v; want 3, and that it is broken", p.Sent(), err)
		}
	})
}

func TestPublishingsThatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		p    Publishing
		says []string
	}{
		"no URL":             {Publishing{}, []string{`publish: URL ""`, "give one that begins with http://"}},
		"no host":            {Publishing{URL: "https:///x"}, []string{`"https:///x"`, "give one that begins with http:// or https:// and a host"}},
		"nobody listens":     {Publishing{URL: "http://127.0.0.9:9/"}, []string{"connect publisher to http://127.0.0.9:9/", "refused", "start the server first"}},
		"no template":        {Publishing{URL: "http://127.0.0.1/", Body: "{{.Message"}, []string{`"{{.Message"`}},
		"no message":         {Publishing{URL: "http://127.0.0.1/", Body: "{}"}, []string{`"{}"`, "has no {{.Message}}"}},
		"another name":       {Publishing{URL: "http://127.0.0.1/", Body: "{{.Data}}"}, []string{`"{{.Data}}"`, "there is no {{.Data}}: there are {{.ID}}, {{.Message}}, {{.Seq}}, {{.Stream}}, {{.Time}}"}},
		"no such command":    {Publishing{Command: []string{"no-such-command"}}, []string{`"no-such-command"`, "not found"}},
		"no message in args": {Publishing{Command: []string{"go", "{{.Data}}"}}, []string{"there is no {{.Data}}"}},
	} {
		_, err := NewPublisher(t.Context(), c.p, 0)
		for _, says := range c.says {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: the error is %v, want %q", name, err, says)
			}
		}
	}
}

// What is published goes to each topic in turn, and says what it is.
func TestPublishedTemplatesAreFilledIn(t *testing.T) {
	got := make(chan string, 10)
	url := takes(t, func(c net.Conn, r *http.Request, body string) bool {
		got <- r.RequestURI + " " + r.Header.Get("X-Topic") + " " + body
		fmt.Fprint(c, accepted)
		return true
	})
	p := publisher(t, Publishing{
		URL: url + "&room={{.Topic}}", Header: http.Header{"X-Topic": {"{{.Topic}} {{.ID}}"}}, Size: 60,
		Body: `{"n":{{.Seq}},"of":{{.Stream}},"at":"{{.Time}}","ms":{{.Time.UnixMilli}},"d":"{{.Message}}"}`,
		Data: Data{Topics: []string{"a b", "c"}},
	})
	begin := Now()
	if err := p.Run(t.Context(), 3, 1000, begin); err != nil {
		t.Fatal(err)
	}
	for i, topic := range []string{"a b", "c", "a b"} {
		due := epoch.Add(begin + time.Duration(i)*time.Millisecond)
		id := fmt.Sprintf("bench-%s-0-%d", bytes.Fields(marker)[1], i+1)
		message := AppendPayload(nil, 0, uint64(i+1), begin+time.Duration(i)*time.Millisecond, 60)
		want := fmt.Sprintf(`/publish?topic=x&room=%s %s %s {"n":%d,"of":%d,"at":"%s","ms":%d,"d":"%s"}`, strings.ReplaceAll(topic, " ", "%20"), topic, id,
			i+1, i%2, due.UTC().Format(time.RFC3339Nano), due.UnixMilli(), message)
		if request := <-got; request != want {
			t.Errorf("event %d: %s\nwant %s", i+1, request, want)
		}
	}
}

// Run publishes n events, the i-th due at begin + i/rate.
func (p *Publisher) Run(ctx context.Context, n uint64, rate float64, begin time.Duration) error {
	return p.Follow(ctx, n, begin, Steady(rate).At)
}
