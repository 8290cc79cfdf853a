package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/valyala/fasthttp"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

const patience = 20 * time.Second // for what should happen at once, on a busy machine

// start serves a relay of the upstream.
func start(t *testing.T, upstream string) *exampletest.Server {
	t.Helper()
	return exampletest.Serve(t, "", handler(&relay{upstream: upstream + "/v1", key: key}, "good"))
}

func request(model string) string {
	return `{"model": "` + model + `", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}`
}

func ask(t *testing.T, url, model string) *http.Response {
	t.Helper()
	res, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(request(model)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// read returns the text of an answer, and the error of the API that came with it.
func read(t *testing.T, res *http.Response) (text, problem string, done bool, err error) {
	t.Helper()
	events, err := testkit.NewDecoder(res.Body).All()
	for _, e := range events {
		if e.Data == "[DONE]" {
			done = true
			continue
		}
		var c struct {
			Choices []struct{ Delta struct{ Content string } }
			Error   struct{ Message string }
		}
		if err := json.Unmarshal([]byte(e.Data), &c); err != nil {
			t.Fatalf("%q: %v", e.Data, err)
		}
		problem += c.Error.Message
		for _, choice := range c.Choices {
			text += choice.Delta.Content
		}
	}
	return text, problem, done, err
}

func TestAnswerOfTheUpstreamIsPassedOnWithTheRelaysKey(t *testing.T) {
	u := newUpstream(t)
	s := start(t, u.URL)
	text, problem, done, err := read(t, ask(t, s.URL, "good"))
	if text != "One two\n日本." || problem != "" || !done || err != nil {
		t.Errorf("%q, %q, done %v, %v", text, problem, done, err)
	}
	if got := u.authorization(); got != "Bearer "+key {
		t.Errorf("the upstream was sent Authorization %q", got)
	}
}

func TestEachTokenArrivesBeforeTheNext(t *testing.T) {
	u := newUpstream(t)
	s := start(t, u.URL)
	res := ask(t, s.URL, "slow")
	e := exampletest.Next(t, testkit.NewDecoder(res.Body), 1)[0]
	if !strings.Contains(e.Data, `"One "`) {
		t.Errorf("got %q while the upstream thinks", e.Data)
	}
	res.Body.Close()
	testkit.Receive(t, "the upstream's request is cancelled", u.left)
}

// leave opens an answer, and closes or resets its connection after the first token.
func leave(t *testing.T, addr string, reset bool) (at time.Time) {
	t.Helper()
	c := post(t, addr, "slow")
	defer c.Close()
	var got strings.Builder
	for b := make([]byte, 4096); !strings.Contains(got.String(), "One"); {
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("after %q: %v", got.String(), err)
		}
		got.Write(b[:n])
	}
	if reset {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	return time.Now()
}

// The upstream thinks, so nothing is written by which anybody would notice.
func TestUpstreamIsCancelledWhenTheReaderLeaves(t *testing.T) {
	u := newUpstream(t)
	s := start(t, u.URL)
	for _, reset := range []bool{false, true} {
		var took []time.Duration
		for range 20 {
			at := leave(t, s.Addr, reset)
			took = append(took, testkit.Receive(t, "the upstream's request is cancelled", u.left).Sub(at))
		}
		slices.Sort(took)
		t.Logf("reset %v: the upstream knows after %v (median), %v (most)", reset, took[len(took)/2], took[len(took)-1])
	}
}

func TestUpstreamIsCancelledWhenTheReaderLeavesBeforeItAnswers(t *testing.T) {
	u := newUpstream(t)
	s := start(t, u.URL)
	for _, reset := range []bool{false, true} {
		c := post(t, s.Addr, "silent")
		testkit.Receive(t, "the upstream is asked", u.asked)
		if reset {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		at := time.Now()
		c.Close()
		took := testkit.Receive(t, "the upstream's request is cancelled", u.left).Sub(at)
		t.Logf("reset %v: the upstream knows after %v", reset, took)
		if took >= headWait {
			t.Errorf("the reader is not watched while the upstream is silent: it took %v", took)
		}
	}
}

// A connection whose reader was watched serves further requests.
func TestConnectionsAreUsedAgainAfterRefusals(t *testing.T) {
	s := start(t, newUpstream(t).URL)
	c := post(t, s.Addr, "busy")
	defer c.Close()
	answers := bufio.NewReader(c)
	for i, want := range []int{429, 200, 401} {
		res, err := http.ReadResponse(answers, nil)
		if err != nil || res.StatusCode != want {
			t.Fatalf("answer %d: %v, %v; want %d", i+1, res, err, want)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		if i == 0 {
			ask(t, s.URL, "good") // another connection meanwhile
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
		} else if i == 1 {
			fmt.Fprint(c, posted("no key"))
		}
	}
}

// post requests an answer on a connection of its own.
func post(t *testing.T, addr, model string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, posted(model))
	return c
}

func posted(model string) string {
	body := request(model)
	return fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestRefusalsOfTheUpstreamArePassedOnWithTheirStatus(t *testing.T) {
	u := newUpstream(t)
	s := start(t, u.URL)
	nobody := start(t, "http://"+testkit.FreeAddress(t))
	for _, c := range []struct {
		url, model string
		status     int
		says       string
	}{
		{s.URL, "no key", 401, "refused with 401"},
		{s.URL, "busy", 429, "refused with 429"},
		{s.URL, "broken", 500, "the upstream refuses: Internal Server Error"},
		{s.URL, "no stream", 502, "the upstream does not answer with a stream"},
		{s.URL, "nothing", 502, "the upstream does not answer with a stream"},
		{s.URL, "hangs up", 502, "the upstream has broken off its answer"},
		{nobody.URL, "good", 502, "the upstream does not answer with a stream"},
	} {
		res := ask(t, c.url, c.model)
		var got struct{ Error struct{ Message string } }
		if err := json.NewDecoder(res.Body).Decode(&got); err != nil || res.StatusCode != c.status || got.Error.Message != c.says {
			t.Errorf("%s: %s, %+v, %v; want %d, %q", c.model, res.Status, got, err, c.status, c.says)
		}
		if cached := res.Header.Get("Cache-Control"); cached != "no-store" {
			t.Errorf("%s: Cache-Control %q, want no-store", c.model, cached)
		}
	}
	res := ask(t, s.URL, "busy")
	if res.Header.Get("Retry-After") != "7" || res.Header.Get("X-Request-Id") != "req-1" || res.Header.Get("X-Ratelimit-Reset-Tokens") != "6m0s" {
		t.Errorf("%v; want the upstream's Retry-After, X-Request-Id and limits", res.Header)
	}
	if res.Header.Get("X-Accel-Redirect") != "" {
		t.Error("X-Accel-Redirect is passed on")
	}
}

func TestWhatIsNoRequestForAStreamIsRefused(t *testing.T) {
	s := start(t, newUpstream(t).URL)
	for _, body := range []string{"", "no JSON", `{"messages": []}`} {
		res, err := http.Post(s.URL+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		says, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != fasthttp.StatusBadRequest || !strings.Contains(string(says), "this relay streams") {
			t.Errorf("%q: %s, %s; want 400", body, res.Status, says)
		}
	}
}

// TestPagesOfOtherOriginsAreRefused: they would spend the key.
func TestPagesOfOtherOriginsAreRefused(t *testing.T) {
	u := newUpstream(t)
	s := start(t, u.URL)
	for origin, want := range map[string]int{"": 200, s.URL: 200, "http://other.example": 403, "null": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/chat/completions", strings.NewReader(request("good")))
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("a page of %q: %s, want %d", origin, res.Status, want)
		}
	}
}

func TestErrorsInTheMiddleBecomeEvents(t *testing.T) {
	u := newUpstream(t)
	s := start(t, u.URL)
	for model, want := range map[string]struct{ text, problem string }{
		"error": {"One ", "the model is overloaded"},
		"cut":   {"One ", "the upstream has broken off its answer"},
		"late":  {"", "refused with 429"},
	} {
		text, problem, done, err := read(t, ask(t, s.URL, model))
		if text != want.text || problem != want.problem || done || err != nil {
			t.Errorf("%s: %q, %q, done %v, %v; want %+v, and a clean end", model, text, problem, done, err, want)
		}
	}
}
