// Command htmx is a shopping list that all windows share. The server sends HTML, and htmx 4
// puts it into the page: what one window changes by POST, a hub sends to all as a fragment.
//
//	go run ./examples/htmx
//	curl -N 'http://localhost:8080/changes?topic=list'
//
// The folder htmx holds version 4.0.1 of htmx and its extension hx-sse, so that nothing has
// to be installed. htmx puts events without a type into the page, and makes others DOM
// events. It reads streams by fetch, and comes back after every end.
package main

import (
	"bytes"
	"context"
	"embed"
	"flag"
	"fmt"
	"html/template"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/listen"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

//go:embed htmx
var scripts embed.FS

//go:embed index.html
var page string

var pages = template.Must(template.New("page").Parse(page))

func main() {
	addr := flag.String("addr", listen.Addr(), "`address` to listen on; PORT in the environment changes the default")
	listen.Parse()
	listen.Exit(run(*addr))
}

func run(addr string) error {
	hub, err := server.New(server.Config{})
	if err != nil {
		return err
	}
	return server.Run(context.Background(), server.RunOptions{
		Hub: hub, Handler: newList(hub).handler(), Addr: addr, Grace: 3 * time.Second,
		Listening: func(at net.Addr) {
			fmt.Printf("open    http://localhost:%d\nor      curl -N 'http://localhost:%[1]d/changes?topic=list'\n", at.(*net.TCPAddr).Port)
		},
	})
}

// most is how many things fit on a list.
const most = 50

type item struct {
	ID   int
	Text string
	Done bool
}

type list struct {
	hub *server.Hub

	mu    sync.Mutex // guards what follows, and keeps the fragments in the order of the changes
	items []item
	last  int // ID of the newest item
}

func newList(hub *server.Hub) *list {
	return &list{hub: hub, items: []item{{1, "Bread", false}, {2, "Tea", true}}, last: 2}
}

func (l *list) handler() fasthttp.RequestHandler {
	r := router.New()
	r.GET("/", l.page)
	r.GET("/htmx/{file}", (&fasthttp.FS{FS: scripts}).NewRequestHandler())
	r.GET("/changes", l.hub.SubscribeHandler(server.SubscribeOptions{}))
	r.POST("/items", l.add)
	r.POST("/items/{id}/done", l.change(func(it *item) bool { it.Done = !it.Done; return true }))
	r.DELETE("/items/{id}", l.change(func(*item) bool { return false }))
	return r.Handler
}

// page is the list as it is, and the position at which it is that: the page's stream begins
// there, so it misses no change, however long it takes to open.
func (l *list) page(ctx *fasthttp.RequestCtx) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx.SetContentType("text/html; charset=utf-8")
	err := pages.Execute(ctx, map[string]any{"Items": l.items, "Position": l.hub.LastID()})
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
	}
}

func (l *list) add(ctx *fasthttp.RequestCtx) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSpace(string(ctx.FormValue("text")))
	switch {
	case text == "" || utf8.RuneCountInString(text) > 100:
		ctx.Error("Write what to buy, in 100 characters at most.", fasthttp.StatusUnprocessableEntity)
	case len(l.items) == most:
		ctx.Error(fmt.Sprintf("A list holds %d things; remove one first.", most), fasthttp.StatusConflict)
	default:
		l.last++
		l.items = append(l.items, item{ID: l.last, Text: text})
		l.send(ctx)
	}
}

// change returns a handler that changes an item, or removes it when keep returns false. If
// another window has removed it already, there is nothing to do.
func (l *list) change(keep func(*item) bool) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		id, _ := strconv.Atoi(ctx.UserValue("id").(string))
		l.mu.Lock()
		defer l.mu.Unlock()
		if i := slices.IndexFunc(l.items, func(it item) bool { return it.ID == id }); i >= 0 && !keep(&l.items[i]) {
			l.items = slices.Delete(l.items, i, i+1)
		}
		l.send(ctx)
	}
}

// send sends the list to all windows, that of the change too, so its answer is empty. A
// whole list needs no other event, and does no harm if it comes twice.
func (l *list) send(ctx *fasthttp.RequestCtx) {
	var fragment bytes.Buffer
	err := pages.ExecuteTemplate(&fragment, "list", l.items)
	if err == nil {
		_, err = l.hub.Publish("list", streamwriter.Event{Data: fragment.Bytes()})
	}
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}
