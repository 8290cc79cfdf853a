package hubs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/server/servertest"
)

// hub is a hub behind an HTTP server.
type hub struct {
	*servertest.Server
	t    testing.TB
	line *line
	log  *testkit.Log

	publisher *http.Client // waits longer than a publish may take
}

// prepare returns a hub that is not made yet.
func prepare(t testing.TB, f *backplanetest.Feed) *hub {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	h := &hub{
		t: t, line: newLine(f.Open(t)), log: &testkit.Log{},
		publisher: &http.Client{Timeout: 2 * testkit.Patience, Transport: transport},
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("a hub has logged:\n%s", h.log)
		}
	})
	return h
}

const (
	heartbeat = 100 * time.Millisecond
	few       = 5 // events of a topic "few/…" that a hub keeps
)

// start starts a hub on the feed.
func start(t testing.TB, f *backplanetest.Feed, change ...func(*server.Config)) *hub {
	t.Helper()
	h := prepare(t, f)
	h.Server = servertest.New(t, h.config(change...))
	h.Patience = testkit.Patience
	t.Cleanup(h.publisher.CloseIdleConnections) // before the server's end
	return h
}

func (h *hub) config(change ...func(*server.Config)) server.Config {
	c := server.Config{
		Backplane:     h.line,
		Heartbeat:     heartbeat,
		Retry:         10 * time.Millisecond,
		MaxEventBytes: 256 << 10,
		Retention:     []server.Retention{{Topics: "few/*", Events: few}},
		Logger:        h.log,
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func two(t testing.TB, f *backplanetest.Feed, change ...func(*server.Config)) []*hub {
	t.Helper()
	return []*hub{start(t, f, change...), start(t, f, change...)}
}

// answer is that of the publish endpoint.
type answer struct {
	status     int
	retryAfter string
	id         string // of the event, if status is 200
	text       string // the body
	took       time.Duration
}

func (a answer) String() string {
	return fmt.Sprintf("%d, Retry-After %q: %s", a.status, a.retryAfter, a.text)
}

// post publishes an event, with an idempotency key unless it is empty.
func (h *hub) post(topic, key, data string, query ...string) (a answer, err error) {
	values := url.Values{"topic": {topic}}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	req, err := http.NewRequest(http.MethodPost, h.URL+"/publish?"+values.Encode(), bytes.NewBufferString(data))
	if err != nil {
		return a, err
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if a, err = h.send(req); a.status == http.StatusOK && err == nil {
		var ok struct{ ID string }
		err = json.Unmarshal([]byte(a.text), &ok)
		a.id = ok.ID
	}
	return a, err
}

// send sends a request to publish.
func (h *hub) send(req *http.Request) (a answer, err error) {
	began := time.Now()
	resp, err := h.publisher.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After"), text: string(body), took: time.Since(began)}, err
}

// publish publishes an event, which must succeed, and returns its id.
func (h *hub) publish(topic, data string) string {
	h.t.Helper()
	return h.publishKeyed(topic, "", data)
}

func (h *hub) publishKeyed(topic, key, data string) string {
	h.t.Helper()
	a, err := h.post(topic, key, data)
	if err != nil || a.status != http.StatusOK {
		h.t.Fatalf("publish %.40q: %v (error %v)", data, a, err)
	}
	return a.id
}

// retry publishes an event with a key until it succeeds, and returns its id.
func (h *hub) retry(topic, key, data string) string {
	h.t.Helper()
	var (
		a   answer
		err error
	)
	if !testkit.Soon(testkit.Patience, func() bool {
		a, err = h.post(topic, key, data)
		return err == nil && a.status == http.StatusOK
	}) {
		h.t.Fatalf("publish %.40q, again and again: %v (error %v)", data, a, err)
	}
	return a.id
}

// has waits until the hub has the event with an id as its last.
func (h *hub) has(id string) {
	h.t.Helper()
	testkit.Eventually(h.t, "a hub has "+id, func() bool { return h.Hub.LastID() == id })
}

// connected waits until the hub knows that its broker is there, or is not.
func (h *hub) connected(want bool) {
	h.t.Helper()
	testkit.Eventually(h.t, fmt.Sprint("the hub is connected: ", want), func() bool { return h.Hub.Stats().Backplane.Connected == want })
}
