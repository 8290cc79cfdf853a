// Command cloud is a hub to deploy: streams at /events, publishing at /publish, and an end
// that nobody notices when the platform stops it.
//
//	TOKEN=secret go run ./examples/cloud
//	curl -N 'http://localhost:8080/events?topic=news'
//	curl -H 'Authorization: Bearer secret' -d 'it works' 'http://localhost:8080/publish?topic=news'
//
// Without -backplane, events are kept in memory: one instance serves a feed, and a restart is
// a gap. With one, a broker orders and keeps them: several instances serve a feed, and clients
// go on after a restart where they were.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/metrics"
	"github.com/valyala/fasthttp"
)

// config is what the command line and the environment say.
type config struct {
	addr, platform, token, origins string
	backplane, feed                string
	grace, maxAge                  time.Duration
	limits                         server.Config // on streams; the rest is zero
}

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC | log.Lmsgprefix)
	log.SetPrefix("cloud: ")
	c, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "cloud: %v; -help lists the flags\n", err)
		os.Exit(2)
	}
	if err := run(context.Background(), c); err != nil {
		log.Fatal(err)
	}
}

// parse reads the command line. For -help it writes the flags to help.
func parse(args []string, help io.Writer) (c config, err error) {
	flags := flag.NewFlagSet("cloud", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.addr, "addr", "", "`address` to listen on, such as :8080; without it AWS_LAMBDA_HTTP_ENDPOINT, PORT, or :8080")
	flags.StringVar(&c.platform, "platform", "", "`name` of the platform, whose limits set -grace and -max-age; without it the environment says which")
	flags.DurationVar(&c.grace, "grace", 0, "`time` from SIGTERM to the end of the program; 0: the platform's")
	flags.DurationVar(&c.maxAge, "max-age", 0, "`time` after which a stream ends and its client comes back; 0: the platform's, -1s: none")
	flags.StringVar(&c.token, "token", "", "`secret` that publishers send as a bearer token; without it TOKEN in the environment; without both nobody can publish")
	flags.StringVar(&c.origins, "origins", "", "`origins` of other sites whose pages may subscribe, separated by commas; * for all")
	flags.StringVar(&c.backplane, "backplane", "", "`broker` that orders and keeps the events: nats://HOST:4222 or redis://HOST:6379/0, which several instances share, or embedded:DIRECTORY for one instance alone; without it events are in memory, and the instance is alone")
	flags.StringVar(&c.feed, "feed", "fastsse", "`name` of the feed on the broker: instances with the same one have the same events")
	flags.IntVar(&c.limits.MaxSubscribers, "max-streams", 0, "`number` of open streams; 0: nine tenths of the descriptors that the process may open")
	flags.IntVar(&c.limits.MaxSubscribersPerIP, "max-streams-per-ip", 0, "`number` of open streams of one client address; 0: no limit")
	flags.IntVar(&c.limits.MaxOpensPerSecond, "max-opens", 0, "`number` of streams that may open per second; 0: no limit")
	flags.IntVar(&c.limits.ForwardedHops, "forwarded-hops", 0, "`number` of proxies in front that append to X-Forwarded-For")
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(help)
		fmt.Fprintln(help, "Usage: cloud [flags]")
		flags.PrintDefaults()
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	c.token = cmp.Or(c.token, os.Getenv("TOKEN"))
	c.feed = cmp.Or(c.feed, "fastsse") // -feed "$FEED", without FEED
	return c, err
}

// run serves until ctx is done, the process is told to end, or its broker has failed for good.
func run(ctx context.Context, c config) error {
	p, err := server.PlatformNamed(c.platform)
	if err != nil {
		return err
	}
	if c.grace == 0 {
		c.grace = p.Grace
	}
	c.limits.MaxAge = c.maxAge
	settings := p.Config(c.limits)
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	b, err := openBroker(ctx, c, fail)
	if err != nil {
		return err
	}
	settings.Backplane = b.Backplane
	hub, err := server.New(settings)
	if err != nil {
		return errors.Join(err, b.close())
	}
	err = server.Run(serving, server.RunOptions{
		Hub: hub, Handler: routes(hub, c), Addr: c.addr, Grace: c.grace,
		// Half a request must not use up the grace.
		Server: &fasthttp.Server{Name: "fastsse", ReadTimeout: min(10*time.Second, c.grace/2), IdleTimeout: 2 * time.Minute},
		Listening: func(a net.Addr) {
			log.Printf("listening on %s; platform %s: grace %v, streams end after %s; %s", a, p.Name, c.grace, age(settings.MaxAge), b.kept(c.feed))
			if c.token == "" {
				log.Print("nobody can publish: give a -token, or TOKEN in the environment")
			}
		},
	})
	if ctx.Err() == nil {
		err = errors.Join(context.Cause(serving), err)
	}
	return errors.Join(err, b.close())
}

func routes(hub *server.Hub, c config) fasthttp.RequestHandler {
	r := router.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false // a stream must not be redirected
	o := server.MountOptions{Publish: server.PublishOptions{Token: c.token}}
	if c.origins != "" {
		o.Subscribe.CORS.Origins = strings.Split(c.origins, ",")
	}
	hub.Mount(r, o)
	r.GET("/metrics", metrics.Handler(hub))
	return r.Handler
}

func age(d time.Duration) string {
	if d <= 0 {
		return "no time"
	}
	return d.String()
}
