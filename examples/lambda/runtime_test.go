package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
)

// TestMain lets the tests run the function as a process of its own. With brokenAnswer in
// its environment, its callback panics.
func TestMain(m *testing.M) {
	exampletest.Main(m, func() {
		if os.Getenv(brokenAnswer) != "" {
			lambda.Start(newAnswer(text, 0).handle)
		}
		main()
	})
}

const brokenAnswer = "LAMBDATEST_BROKEN_ANSWER"

// runtimeAPI is Lambda's side of a function: it hands out invocations, and takes their
// responses. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	addr        string
	invocations chan invocation
	wire        testkit.Log // every byte that the function has sent
}

type invocation struct {
	id       string
	request  any
	deadline time.Time
	response func(r *http.Request) // takes what the function posts
	early    bool                  // answer then, and read no more
}

// newRuntimeAPI starts one, and the function as a process that asks it for work.
func newRuntimeAPI(t *testing.T, env ...string) *runtimeAPI {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	api := &runtimeAPI{addr: ln.Addr().String(), invocations: make(chan invocation)}
	srv := &http.Server{Handler: api.routes(t)}
	go func() { _ = srv.Serve(recorder{ln, &api.wire}) }()
	cmd := exampletest.Command(t, append(env, "AWS_LAMBDA_RUNTIME_API="+api.addr))
	said := &testkit.Log{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // as Lambda ends an environment that is idle
		_ = cmd.Wait()
		_ = srv.Close()
		if t.Failed() {
			t.Logf("the function said:\n%s", said)
		}
	})
	return api
}

func (api *runtimeAPI) routes(t *testing.T) http.Handler {
	var current invocation
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case current = <-api.invocations:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", current.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(current.deadline.UnixMilli()))
		if err := json.NewEncoder(w).Encode(current.request); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != current.id {
			t.Errorf("a response to %s, want %s", r.PathValue("id"), current.id)
		}
		current.response(r)
		if !current.early {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack() // or net/http would read the body
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		t.Cleanup(func() { conn.Close() })
	})
	return mux
}

// invoke hands out an invocation, and waits until take has returned.
func (api *runtimeAPI) invoke(t *testing.T, request any, timeout time.Duration, take func(r *http.Request)) {
	t.Helper()
	api.handOut(t, invocation{request: request, deadline: time.Now().Add(timeout), response: take})
}

func (api *runtimeAPI) handOut(t *testing.T, next invocation) {
	t.Helper()
	done, take := make(chan struct{}), next.response
	next.id = fmt.Sprintf("request-%d", time.Now().UnixNano())
	next.response = func(r *http.Request) {
		defer close(done)
		take(r)
	}
	testkit.Within(t, "the function asks for an invocation", func() { api.invocations <- next })
	testkit.Receive(t, "the function responds", done)
}

// recorder logs what is read from its connections.
type recorder struct {
	net.Listener
	wire io.Writer
}

func (r recorder) Accept() (net.Conn, error) {
	c, err := r.Listener.Accept()
	return recorded{c, r.wire}, err
}

type recorded struct {
	net.Conn
	wire io.Writer
}

func (r recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	_, _ = r.wire.Write(p[:n])
	return n, err
}

// readPrelude reads what Lambda makes the head of the HTTP response of.
func readPrelude(t *testing.T, r io.Reader) (prelude struct {
	StatusCode int
	Headers    map[string]string
}) {
	t.Helper()
	const separator = "\x00\x00\x00\x00\x00\x00\x00\x00"
	var head []byte
	for !strings.HasSuffix(string(head), separator) {
		b := make([]byte, 1)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Errorf("the prelude %q: %v", head, err)
			return prelude
		}
		head = append(head, b...)
	}
	if err := json.Unmarshal(head[:len(head)-len(separator)], &prelude); err != nil {
		t.Errorf("the prelude %q: %v", head, err)
	}
	return prelude
}

func TestRuntimeStreamsTheAnswerAcrossInvocations(t *testing.T) {
	api := newRuntimeAPI(t)
	var got []string
	id := ""
	// Of this one the deadline is near: the stream ends, with a reconnection time.
	api.invoke(t, get(""), 2*time.Second, func(r *http.Request) {
		if len(r.TransferEncoding) != 1 || r.TransferEncoding[0] != "chunked" {
			t.Errorf("transfer encoding %q, want chunked", r.TransferEncoding)
		}
		if got := r.Header.Get("Content-Type"); got != "application/vnd.awslambda.http-integration-response" {
			t.Errorf("content type %q", got)
		}
		prelude := readPrelude(t, r.Body)
		if prelude.StatusCode != 200 || prelude.Headers["Content-Type"] != "text/event-stream" || prelude.Headers["X-Accel-Buffering"] != "no" {
			t.Errorf("prelude %+v", prelude)
		}
		began := time.Now()
		d := testkit.NewDecoder(r.Body)
		first, err := d.Next()
		if err != nil {
			t.Error(err)
		}
		all, err := d.All()
		if err != nil || len(all) == 0 || all[len(all)-1].Type == "end" {
			t.Errorf("after the first word %d events, %v; want some, and not the end", len(all), err)
		}
		if time.Since(began) > 2*time.Second {
			t.Errorf("ended after %v, past the deadline", time.Since(began))
		}
		if d.Retry == "" || d.Retry == "3000" {
			t.Errorf("the last reconnection time is %q, want a new one", d.Retry)
		}
		for _, e := range append([]testkit.Event{first}, all...) {
			got = append(got, e.Data)
		}
		id = d.LastID
		for name, value := range r.Trailer {
			if len(value) > 0 {
				t.Errorf("trailer %s: %q; want none: the answer is not broken", name, value)
			}
		}
	})
	api.invoke(t, get(id), time.Minute, func(r *http.Request) {
		readPrelude(t, r.Body)
		all, err := testkit.NewDecoder(r.Body).All()
		if err != nil || len(all) == 0 || all[len(all)-1].Type != "end" {
			t.Errorf("%d events, %v; want the rest, and the end", len(all), err)
			return
		}
		for _, e := range all[:len(all)-1] {
			got = append(got, e.Data)
		}
	})
	if want := strings.Join(strings.Fields(text), " "); strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// Each event is a chunk of its own.
	first := fmt.Sprintf("data: A\nid: %s\n\n", newAnswer(text, 0).id(1))
	if chunk := fmt.Sprintf("%x\r\n%s\r\n", len(first), first); !strings.Contains(api.wire.String(), chunk[:len(chunk)-2]) {
		t.Errorf("no chunk %q in\n%q", chunk, api.wire.String())
	}
}

// Lambda may answer before the response is complete, and read no more of it.
func TestRuntimeGoesOnAfterAResponseThatIsNotRead(t *testing.T) {
	api := newRuntimeAPI(t)
	for range 3 {
		api.handOut(t, invocation{
			request: get(""), deadline: time.Now().Add(time.Minute), early: true,
			response: func(r *http.Request) { readPrelude(t, r.Body) },
		})
	}
	api.invoke(t, get(newAnswer(text, 0).id(1000)), time.Minute, func(r *http.Request) {
		readPrelude(t, r.Body)
		if all, err := testkit.NewDecoder(r.Body).All(); err != nil || len(all) != 1 || all[0].Type != "end" {
			t.Errorf("%v, %v; want the end alone", all, err)
		}
	})
}

func TestRuntimeOutlivesAPanic(t *testing.T) {
	api := newRuntimeAPI(t, brokenAnswer+"=1")
	for range 2 {
		api.invoke(t, get(""), time.Minute, func(r *http.Request) {
			readPrelude(t, r.Body)
			if _, err := io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			body, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
			if err != nil || !strings.Contains(string(body), "panic in the callback") {
				t.Errorf("trailer %v: %s, %v; want the panic", r.Trailer, body, err)
			}
		})
	}
}
