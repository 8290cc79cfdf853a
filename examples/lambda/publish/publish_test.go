package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
	"github.com/valyala/fasthttp"
)

// newHub serves a hub that takes the token "secret". asked counts what is published, or
// was to be.
func newHub(t *testing.T) (s *servertest.Server, asked *atomic.Int64) {
	t.Helper()
	hub, err := server.New(server.Config{MaxEventBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	routes := router.New()
	hub.Mount(routes, server.MountOptions{Publish: server.PublishOptions{Token: "secret"}})
	asked = &atomic.Int64{}
	return servertest.Start(t, hub, func(ctx *fasthttp.RequestCtx) {
		if ctx.IsPost() {
			asked.Add(1)
		}
		routes.Handler(ctx)
	}), asked
}

func publisherTo(t *testing.T, hub, token string) *publisher {
	t.Helper()
	p, err := newPublisher(hub, token)
	if err != nil {
		t.Fatal(err)
	}
	p.timeout = testkit.Patience
	t.Cleanup(p.client.CloseIdleConnections)
	return p
}

// publish calls the function, and returns the status and the fields of its answer.
func publish(t *testing.T, ctx context.Context, p *publisher, body string) (int, map[string]string) {
	t.Helper()
	req := events.LambdaFunctionURLRequest{Body: body}
	req.RequestContext.HTTP.Method = http.MethodPost
	return call(t, ctx, p, req)
}

func call(t *testing.T, ctx context.Context, p *publisher, req events.LambdaFunctionURLRequest) (int, map[string]string) {
	t.Helper()
	resp, err := p.handle(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	if err := json.Unmarshal([]byte(resp.Body), &said); err != nil || resp.Headers["Content-Type"] != "application/json" {
		t.Errorf("answer %q, %v: %v", resp.Body, resp.Headers, err)
	}
	return resp.StatusCode, said
}

const goal = `{"topic": "scores/42", "type": "goal", "data": {"home": 2, "note": "<b>"}}`

func TestSubscribersGetWhatTheFunctionPublishes(t *testing.T) {
	hub, _ := newHub(t)
	p := publisherTo(t, hub.URL+"/", "secret")
	c := hub.Open("scores/*")
	encoded := events.LambdaFunctionURLRequest{Body: base64.StdEncoding.EncodeToString([]byte(goal)), IsBase64Encoded: true}
	encoded.RequestContext.HTTP.Method = http.MethodPost
	plain := encoded
	plain.Body, plain.IsBase64Encoded = goal, false
	for _, req := range []events.LambdaFunctionURLRequest{plain, encoded} {
		code, said := call(t, t.Context(), p, req)
		if code != 200 || said["id"] == "" {
			t.Errorf("answer %d %v", code, said)
		}
		if e := c.Next(); e.ID != said["id"] || e.Type != "goal" || e.Data != `{"home":2,"note":"<b>"}` {
			t.Errorf("published %v, want id %q", e, said["id"])
		}
	}
}

func TestWhatIsWrongWithAMessageIsSaid(t *testing.T) {
	hub, asked := newHub(t)
	p := publisherTo(t, hub.URL, "secret")
	for body, want := range map[string]struct {
		code  int
		error string
	}{
		"":                               {400, "cannot read the message"},
		"[]":                             {400, "cannot read the message"},
		`{"topic": "a", "id": "7"}`:      {400, `unknown field "id"`},
		`{"data": "no topic"}`:           {400, "topic"},
		`{"topic": "a"} {}`:              {400, "something follows"},
		`{"topic": "a", "type": "a\nb"}`: {400, "type"},
		`{"topic": "a", "data": "` + strings.Repeat("long", 300) + `"}`: {413, "MaxEventBytes"},
	} {
		if code, said := publish(t, t.Context(), p, body); code != want.code || !strings.Contains(said["error"], want.error) || said["published"] != "no" {
			t.Errorf("%.40s: %d %v, want %d and %q", body, code, said, want.code, want.error)
		}
	}
	if n := asked.Load(); n != 4 {
		t.Errorf("the hub was asked %d times, want once for each message that is JSON of the right form", n)
	}
	get := events.LambdaFunctionURLRequest{}
	get.RequestContext.HTTP.Method = http.MethodGet
	if code, said := call(t, t.Context(), p, get); code != 405 || said["published"] != "no" {
		t.Errorf("GET: %d %v", code, said)
	}
}

func TestAWrongTokenIsTheFunctionsFault(t *testing.T) {
	hub, asked := newHub(t)
	code, said := publish(t, t.Context(), publisherTo(t, hub.URL, "wrong"), goal)
	if code != 502 || !strings.Contains(said["error"], "401") || said["published"] != "no" || asked.Load() != 1 {
		t.Errorf("answer %d %v after %d tries", code, said, asked.Load())
	}
}

func TestAHubThatIsClosedIsAskedTwice(t *testing.T) {
	hub, asked := newHub(t)
	if err := hub.Hub.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	code, said := publish(t, t.Context(), publisherTo(t, hub.URL, "secret"), goal)
	if code != 502 || !strings.Contains(said["error"], "503") || said["published"] != "no" || asked.Load() != 2 {
		t.Errorf("answer %d %v after %d tries", code, said, asked.Load())
	}
}

// unused is an address at which nothing listens.
func unused(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestAConnectionThatIsRefusedIsTriedOnceMore(t *testing.T) {
	hub, asked := newHub(t)
	nobody := unused(t)
	p := publisherTo(t, hub.URL, "secret")
	tries := 0
	p.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if tries++; tries == 1 {
			addr = nobody
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	if code, said := publish(t, t.Context(), p, goal); code != 200 || asked.Load() != 1 || tries != 2 {
		t.Errorf("answer %d %v after %d connections and %d requests", code, said, tries, asked.Load())
	}
	code, said := publish(t, t.Context(), publisherTo(t, "http://"+nobody, "secret"), goal)
	if code != 502 || !strings.Contains(said["error"], "cannot reach the hub") || said["published"] != "no" {
		t.Errorf("nobody listens: %d %v", code, said)
	}
}

// fails serves fail, and counts the requests.
func fails(t *testing.T, fail http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked.Add(1)
		fail(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// When a request was sent and no answer came, a second one could publish twice.
func TestWhatMayHaveBeenPublishedIsNotPublishedAgain(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	proxy := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<h1>Bad Gateway</h1>", http.StatusBadGateway)
	}
	busy := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<h1>Busy</h1>", http.StatusServiceUnavailable)
	}
	for name, c := range map[string]struct {
		fail http.HandlerFunc
		code int
	}{
		"no answer in time": {silent, 504}, "cut": {cut, 504}, "a proxy's 502": {proxy, 502}, "a proxy's 503": {busy, 502},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := fails(t, c.fail)
			p := publisherTo(t, url, "secret")
			if name == "no answer in time" {
				p.timeout = 100 * time.Millisecond
			}
			code, said := publish(t, t.Context(), p, goal)
			if code != c.code || said["published"] != "unknown" || asked.Load() != 1 {
				t.Errorf("answer %d %v after %d requests", code, said, asked.Load())
			}
		})
	}
}

func TestTheAnswerComesBeforeTheFunctionsDeadline(t *testing.T) {
	url, _ := fails(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	code, said := publish(t, ctx, publisherTo(t, url, "secret"), goal)
	if code != 504 || said["published"] != "unknown" || ctx.Err() != nil {
		t.Errorf("answer %d %v; the function's context: %v", code, said, ctx.Err())
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	url, asked := fails(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
	if code, said := publish(t, t.Context(), publisherTo(t, url, "secret"), goal); code != 502 || said["published"] != "no" || asked.Load() != 1 {
		t.Errorf("answer %d %v after %d requests", code, said, asked.Load())
	}
}

func TestSettingsThatAreMissingAreNamed(t *testing.T) {
	for _, c := range []struct{ url, token, names string }{
		{"", "secret", "HUB_URL"}, {"feed.example.com", "secret", "HUB_URL"}, {"ftp://feed.example.com", "secret", "HUB_URL"},
		{"https://", "secret", "HUB_URL"}, {"https://feed.example.com", "", "HUB_TOKEN"},
	} {
		if _, err := newPublisher(c.url, c.token); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%q, %q: %v; want an error that names %s", c.url, c.token, err, c.names)
		}
	}
}
