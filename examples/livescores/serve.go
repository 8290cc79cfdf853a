package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// grace is how long streams and requests have to end.
const grace = 3 * time.Second

// app is the server and what plays on it.
type app struct {
	config
	hub    *server.Hub
	player player
	http   fasthttp.Server
}

func newApp(c config, logger *log.Logger) (*app, error) {
	h, err := server.New(server.Config{
		MaxEventBytes: maxEventBytes,
		Retention: []server.Retention{
			{Topics: "live/*", Ephemeral: true},
			{Topics: "*", Events: 4096, Age: time.Hour}, // a laptop that was shut for a while catches up
		},
		Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	a := &app{config: c, hub: h}
	a.player = player{
		board: &board{hub: h, clock: clock{pace: c.speed}},
		speed: c.speed, log: logger,
		readers: func() int { return int(h.Stats().Subscribers) },
		viewers: func() int { return h.Subscribers("scores/*") },
	}
	a.http = fasthttp.Server{
		Name: "livescores", Logger: logger,
		ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}
	return a, nil
}

func (a *app) routes() fasthttp.RequestHandler {
	r := router.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false // a stream must not be redirected
	for _, method := range []string{fasthttp.MethodGet, fasthttp.MethodHead} {
		r.Handle(method, "/", asset("text/html; charset=utf-8", page))
		r.Handle(method, "/page.css", asset("text/css; charset=utf-8", pageStyle))
		r.Handle(method, "/page.js", asset("text/javascript; charset=utf-8", pageScript))
		r.Handle(method, "/live.js", asset("text/javascript; charset=utf-8", liveScript))
		r.Handle(method, "/scores", a.scores)
	}
	server.Mount(r, a.hub, server.MountOptions{
		Subscribe: server.SubscribeOptions{CORS: server.CORS{Origins: []string{"*"}}},
	})
	return r.Handler
}

// scores answers with the table and the id that it is true at.
func (a *app) scores(ctx *fasthttp.RequestCtx) {
	body, err := json.Marshal(a.player.board.snapshot())
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("application/json")
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	ctx.Response.Header.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
	ctx.SetBody(body)
}

// serve does all that c asks for until ctx is done.
func serve(ctx context.Context, c config, stdin io.Reader, stdout, stderr io.Writer) error {
	feed, err := openFeed(c.feed, stdin)
	if err != nil {
		return err
	}
	defer feed.Close()
	a, err := newApp(c, log.New(stderr, "livescores: ", 0))
	if err != nil {
		return err
	}
	ln, err := server.Listen("tcp", c.addr)
	if err != nil {
		return fmt.Errorf("%w; give a free port with -addr :3000 or PORT=3000", err)
	}
	a.announce(stdout, ln.Addr())
	return a.run(ctx, ln, feed)
}

// openFeed opens what -feed names. Nothing does not need closing.
func openFeed(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "" || name == "-" {
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the feed: %w; -feed takes an NDJSON file, or - for standard input", err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, fmt.Errorf("open the feed: %s is a directory; -feed takes an NDJSON file, or - for standard input", name)
	}
	return f, nil
}

func (a *app) announce(w io.Writer, addr net.Addr) {
	host, _, _ := net.SplitHostPort(a.addr)
	_, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	url := "http://" + net.JoinHostPort(host, port)
	fmt.Fprintf(w, "open    %s\nor      curl -N '%s/events?topic=scores/*'\n", url, url)
	if a.wait > 0 {
		fmt.Fprintf(w, "begins  when the number of open streams reaches %d\n", a.wait)
	}
}

// run serves on ln and plays until ctx is done or the process is told to end, then lets
// the streams end. It does not wait for a feed that has nothing to read.
func (a *app) run(ctx context.Context, ln net.Listener, feed io.Reader) error {
	playing, cancel := context.WithCancel(ctx)
	defer cancel()
	played := make(chan error, 1)
	go func() { played <- a.play(playing, feed) }()
	go a.player.countViewers(playing)
	err := server.Run(ctx, server.RunOptions{Hub: a.hub, Handler: a.routes(), Listener: ln, Server: &a.http, Grace: grace})
	return errors.Join(err, a.verdict(played))
}

// play waits for the readers that were asked for, and plays the feed or the
// simulation. Its errors are told at once, and once more at the end.
func (a *app) play(ctx context.Context, feed io.Reader) error {
	if a.player.awaitReaders(ctx, a.wait) != nil {
		return nil
	}
	var err error
	switch {
	case a.feed != "":
		err = a.player.feed(ctx, feed)
	case a.wait > 0: // readers that are waited for see all of it
		err = a.player.simulation(ctx, a.seed, time.Now(), 0)
	default:
		err = a.player.simulation(ctx, a.seed, time.Now(), halfPlayed)
	}
	if err != nil {
		a.player.log.Print(err)
	}
	return err
}

// verdict is an error if the feed had faults.
func (a *app) verdict(played <-chan error) error {
	select {
	case err := <-played:
		if err != nil {
			return err
		}
	default:
	}
	if n := a.player.skipped.Load(); n > 0 {
		return fmt.Errorf("%d lines of the feed were skipped; correct them", n)
	}
	return nil
}
