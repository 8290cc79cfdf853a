// Command notifications has an inbox for each user, behind a login: a stream is of the user
// whose session its cookie names, and of nobody else.
//
//	go run ./examples/notifications
//	curl -c jar -d user=ada http://localhost:8080/login
//	curl -b jar -N http://localhost:8080/events?topic=inbox
//
// Pages of other origins that -origin names may use it, with the cookie. GET /inbox is what
// there is, with the id of the last event that is in it. Everything is kept in memory, and
// there are no passwords: this is about streams.
package main

import (
	"crypto/rand"
	_ "embed"
	"flag"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/listen"
	"github.com/fastsse/fastsse/examples/page"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

//go:embed index.html
var index []byte

func main() {
	addr := flag.String("addr", listen.Addr(), "`address` to listen on; PORT in the environment changes the default")
	var origins []string
	flag.Func("origin", "another `origin` whose pages may use this, such as http://localhost:3000", func(o string) error {
		origins = append(origins, o)
		return nil
	})
	listen.Parse()
	hub, err := server.New(server.Config{})
	if err != nil {
		listen.Exit(err)
	}
	listen.Exit(listen.ServeHub(*addr, "/login -d user=ada -c jar", hub, newApp(hub, origins...).handler()))
}

const (
	cookie  = "session"
	kept    = 50  // notes of a user
	maxText = 450 // bytes of a note: 150 characters, as the page lets one write, of up to 3 bytes each
)

type app struct {
	hub     *server.Hub
	origins []string

	mu       sync.Mutex // guards what follows, and is held over Publish: notes and id are of one moment
	sessions map[string]string
	notes    map[string][]note // by user
	last     int
}

// note is the data of an event of type "note". That of "read" is the numbers of those that
// have been read.
type note struct {
	Number int    `json:"number"`
	From   string `json:"from"`
	Text   string `json:"text"`
	At     int64  `json:"at"` // milliseconds since 1970
	Read   bool   `json:"read"`
}

func newApp(hub *server.Hub, origins ...string) *app {
	return &app{hub: hub, origins: origins, sessions: map[string]string{}, notes: map[string][]note{"ada": {}, "bob": {}}}
}

func (a *app) handler() fasthttp.RequestHandler {
	r := router.New()
	page.Mount(r, index)
	r.ANY("/events", a.hub.SubscribeHandler(server.SubscribeOptions{
		Authorize: a.authorize,
		CORS:      server.CORS{Origins: a.origins, Credentials: true},
	}))
	r.POST("/login", a.open(a.login))
	r.POST("/logout", a.open(a.logout))
	r.GET("/inbox", a.open(a.inbox))
	r.POST("/read", a.open(a.read))
	r.POST("/send", a.open(a.send))
	return r.Handler
}

// open lets pages of the other origins in. A form that any other page has posted is refused.
func (a *app) open(h fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		origin := string(ctx.Request.Header.Peek("Origin"))
		ctx.Response.Header.Set("Vary", "Origin")
		switch {
		case slices.Contains(a.origins, origin):
			ctx.Response.Header.Set("Access-Control-Allow-Origin", origin)
			ctx.Response.Header.Set("Access-Control-Allow-Credentials", "true")
		case origin != "" && origin != "http://"+string(ctx.Host()) && origin != "https://"+string(ctx.Host()):
			refuse(ctx, fasthttp.StatusForbidden, "this origin is not one of -origin")
			return
		}
		ctx.Response.Header.Set("Cache-Control", "no-store")
		a.mu.Lock()
		defer a.mu.Unlock()
		h(ctx)
	}
}

// authorize makes a stream that of its cookie's user, whatever was asked for.
func (a *app) authorize(ctx *fasthttp.RequestCtx, s *server.Subscription) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	session, user := a.session(ctx)
	if user == "" {
		return &server.StatusError{Code: fasthttp.StatusUnauthorized, Message: "log in"}
	}
	s.User, s.Topics = session, []string{"inbox/" + user}
	return nil
}

// session is that of the request's cookie, and whose it is: nobody's if there is none, or if
// the URL names somebody else. Such a request comes from a page that shows another user's
// inbox, from before the browser's cookie was replaced.
func (a *app) session(ctx *fasthttp.RequestCtx) (session, user string) {
	session = string(ctx.Request.Header.Cookie(cookie))
	user = a.sessions[session]
	if named := string(ctx.QueryArgs().Peek("user")); named != "" && named != user {
		return session, ""
	}
	return session, user
}

// login begins a session, and ends the one that the browser had: its other tabs are told.
func (a *app) login(ctx *fasthttp.RequestCtx) {
	user, session := string(ctx.PostArgs().Peek("user")), rand.Text()
	if a.notes[user] == nil {
		refuse(ctx, fasthttp.StatusForbidden, "ada and bob are the users")
		return
	}
	a.end(string(ctx.Request.Header.Cookie(cookie)))
	a.sessions[session] = user
	var c fasthttp.Cookie
	c.SetKey(cookie)
	c.SetValue(session)
	c.SetHTTPOnly(true)
	c.SetSameSite(fasthttp.CookieSameSiteLaxMode) // with https, SetSecure(true) as well
	ctx.Response.Header.SetCookie(&c)
}

func (a *app) logout(ctx *fasthttp.RequestCtx) {
	session, user := a.session(ctx)
	if user == "" {
		refuse(ctx, fasthttp.StatusUnauthorized, "log in")
		return
	}
	a.end(session)
	ctx.Response.Header.DelClientCookie(cookie)
}

// end ends a session and its streams. When their clients come back they get 401.
func (a *app) end(session string) {
	delete(a.sessions, session)
	a.hub.KickUser(session)
}

func (a *app) inbox(ctx *fasthttp.RequestCtx) {
	_, user := a.session(ctx)
	if user == "" {
		refuse(ctx, fasthttp.StatusUnauthorized, "log in")
		return
	}
	page.JSON(ctx, map[string]any{"id": a.hub.LastID(), "user": user, "notes": a.notes[user]})
}

// read marks one note as read, or all.
func (a *app) read(ctx *fasthttp.RequestCtx) {
	_, user := a.session(ctx)
	number, read := ctx.PostArgs().GetUintOrZero("number"), []int{}
	for i, n := range a.notes[user] {
		if n.Number == number || number == 0 {
			a.notes[user][i].Read = true
			read = append(read, n.Number)
		}
	}
	a.publish(ctx, user, "read", read)
}

// send adds a note to another user's inbox.
func (a *app) send(ctx *fasthttp.RequestCtx) {
	_, from := a.session(ctx)
	to, text := string(ctx.PostArgs().Peek("to")), string(ctx.PostArgs().Peek("text"))
	if from == "" {
		refuse(ctx, fasthttp.StatusUnauthorized, "log in")
		return
	}
	if a.notes[to] == nil || text == "" || len(text) > maxText {
		refuse(ctx, fasthttp.StatusBadRequest, fmt.Sprintf("give a user and a text of up to %d bytes", maxText))
		return
	}
	a.last++
	n := note{a.last, from, text, time.Now().UnixMilli(), false}
	a.notes[to] = append(a.notes[to][max(0, len(a.notes[to])-kept+1):], n)
	a.publish(ctx, to, "note", n)
}

func (a *app) publish(ctx *fasthttp.RequestCtx, user, typ string, data any) {
	if user == "" {
		refuse(ctx, fasthttp.StatusUnauthorized, "log in")
	} else if _, err := a.hub.PublishJSON("inbox/"+user, streamwriter.Event{Type: typ}, data); err != nil {
		refuse(ctx, fasthttp.StatusServiceUnavailable, err.Error())
	}
}

// refuse answers with a sentence, and leaves the headers as they are: ctx.Error would not.
func refuse(ctx *fasthttp.RequestCtx, status int, why string) {
	ctx.SetStatusCode(status)
	ctx.SetBodyString(why)
}
