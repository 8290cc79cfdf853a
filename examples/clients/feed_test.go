package clients

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// feed is a server, and the clients that run against it. Each has a topic of its name.
type feed struct {
	*exampletest.Server
	t       *testing.T
	hub     *server.Hub
	serve   atomic.Pointer[fasthttp.RequestHandler] // of the hub
	clients []*running
}

// running is a client and what it got.
type running struct {
	subject
	tear *tear
	pull func() []entry // if set, asks the client what it got since the last time; for the test's goroutine

	mu       sync.Mutex // guards what follows
	got      []entry
	heard    []string // what the program said beside it
	requests int
	answer   error // of the hub's Authorize; if oneTime, to the next request only
	oneTime  bool

	ledger *ledger
	failed string // what the client did not do; it is left alone then
	found  outcome
}

// newRunning is a client in front of which the server at addr is to stand.
func newRunning(t *testing.T, c subject, addr string, cuts ...*cut) *running {
	t.Helper()
	return &running{subject: c, ledger: newLedger(), tear: newTear(t, addr, cuts...)}
}

// newFeed serves a hub and, for each client, a tear in front of it.
func newFeed(t *testing.T, routes *router.Router, clients []subject) *feed {
	t.Helper()
	f := &feed{t: t}
	routes.GET("/events", func(ctx *fasthttp.RequestCtx) { (*f.serve.Load())(ctx) })
	serve := fasthttpadaptor.NewFastHTTPHandler(pages())
	routes.GET("/pages/{path:*}", serve)
	routes.GET("/npm/{path:*}", serve)
	f.Server = exampletest.Serve(t, "", routes.Handler)
	for _, c := range clients {
		f.clients = append(f.clients, newRunning(t, c, f.Addr,
			&cut{mark: mark(resetAt)}, &cut{mark: mark(tornAt), more: 30000}, &cut{mark: mark(resetAt2)}))
	}
	f.newHub()
	t.Cleanup(func() { f.closeHub(f.hub) })
	return f
}

// newHub makes a hub, which all requests come to from now on.
func (f *feed) newHub() {
	f.t.Helper()
	hub, err := server.New(server.Config{
		Retry: 100 * time.Millisecond, Logger: &testkit.Log{},
		Retention: []server.Retention{{Topics: "*", Events: 2 * total, Bytes: 16 << 20}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.hub = hub
	serve := hub.SubscribeHandler(server.SubscribeOptions{Authorize: f.authorize})
	f.serve.Store(&serve)
}

func (f *feed) closeHub(hub *server.Hub) {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	if err := hub.Close(ctx); err != nil {
		f.t.Error(err)
	}
}

// authorize counts the requests of a client, and answers as the script has it.
func (f *feed) authorize(_ *fasthttp.RequestCtx, s *server.Subscription) error {
	i := slices.IndexFunc(f.clients, func(r *running) bool { return r.name == s.Topics[0] })
	if i < 0 {
		return errors.New("nobody has this name")
	}
	r := f.clients[i]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	answer := r.answer
	if r.oneTime {
		r.answer, r.oneTime = nil, false
	}
	return answer
}

// next says what the client's requests are answered from now on.
func (r *running) next(answer error, oneTime bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.oneTime, r.requests = answer, oneTime, 0
}

func (r *running) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// took notes what a client handed out.
func (r *running) took(e ...entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range e {
		if e.Type == "message" {
			e.Type = ""
		}
		r.got = append(r.got, e)
	}
}

// said notes what else a client says.
func (r *running) said(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, line)
}

// log is all that the client got so far.
func (r *running) log() []entry {
	if r.pull != nil {
		r.took(r.pull()...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// has reports whether the client has event n.
func (r *running) has(n int) bool {
	return slices.ContainsFunc(r.log(), func(e entry) bool {
		id, known := r.ledger.byID[e.ID]
		if e.ID == "" {
			id, known = r.ledger.byIs[e.Data]
		}
		return known && id == n && (e.Data != "" || r.ledger.sent[n].data == "")
	})
}

// told reports whether the client was told of a gap.
func (r *running) told() bool {
	return slices.ContainsFunc(r.log(), func(e entry) bool { return e.Type == "gap" })
}

// report takes a line of JSON, which a program of another language prints.
func report(t *testing.T, clients []*running, line []byte) {
	var e struct{ Client, ID, Type, Data, Said string }
	if err := json.Unmarshal(line, &e); err != nil {
		t.Errorf("a client says %.200q: %v", line, err)
		return
	}
	for _, r := range clients {
		switch {
		case r.name != e.Client:
		case e.Said != "":
			r.said(e.Said)
		default:
			r.took(entry{e.ID, e.Type, e.Data})
		}
	}
}

// publish publishes event n to the topics of all clients.
func (f *feed) publish(n int) {
	f.t.Helper()
	var messages []server.Message
	for _, r := range f.clients {
		messages = append(messages, server.Message{Topic: r.name, Event: r.event(n)})
	}
	ids, err := f.hub.PublishAll(messages)
	if err != nil {
		f.t.Fatal(err)
	}
	for i, r := range f.clients {
		r.note(n, ids[i])
	}
}

// event is number n as this client can take it.
func (r *running) event(n int) streamwriter.Event {
	if r.datastar {
		return datastarEvent(n)
	}
	e, _ := event(n)
	return e
}

// note enters event n in the ledger.
func (r *running) note(n int, id string) {
	e, kind := event(n)
	s := sent{e.Type, seen(string(e.Data)), kind}
	if r.datastar {
		s = sent{"", string(datastarEvent(n).Data[3:]), "number"}
		s.data, _, _ = strings.Cut(s.data, "\n")
	}
	r.ledger.add(n, id, s)
}
