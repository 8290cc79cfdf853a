// Package listen is what the examples have in common with any other server: a
// command line, an address, a page, and an end. In a program of your own
// fasthttp.ListenAndServe will do to begin with.
package listen

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

// grace is how long streams and requests may take to end.
const grace = time.Second

// Parse parses the command line. What is wrong with it ends the program with
// status 2 and one sentence, not with a page of help; -help is for that.
func Parse() {
	flag.CommandLine.Init(flag.CommandLine.Name(), flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		flag.CommandLine.SetOutput(os.Stdout)
		fmt.Printf("Usage: %s [flags]\n", name())
		flag.PrintDefaults()
		os.Exit(0)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v; -help lists the flags\n", name(), err)
		os.Exit(2)
	}
}

// Exit ends the program: with status 1 and a sentence if there is an err.
func Exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name(), err)
		os.Exit(1)
	}
	os.Exit(0)
}

func name() string { return filepath.Base(os.Args[0]) }

// Addr is where to listen unless -addr says so: at the PORT of the environment,
// as container platforms give it, or at 8080.
func Addr() string { return ":" + cmp.Or(os.Getenv("PORT"), "8080") }

// Serve serves h at addr, says where its page and the stream at path are, and
// returns after SIGINT or SIGTERM, when every stream has been ended properly. A
// second signal ends the program at once.
func Serve(addr, path string, h fasthttp.RequestHandler) error { return ServeHub(addr, path, nil, h) }

// ServeHub is Serve for handlers of a hub, whose streams end as [server.Run] ends them.
func ServeHub(addr, path string, hub *server.Hub, h fasthttp.RequestHandler) error {
	err := server.Run(context.Background(), server.RunOptions{
		Hub: hub, Handler: h, Addr: addr, Grace: grace, Server: &fasthttp.Server{Name: "fastsse-example"},
		Listening: func(at net.Addr) {
			url := pageURL(addr, at)
			fmt.Printf("open    %s\nor      curl -N %s\n", url, quote(url+path))
		},
	})
	if err != nil {
		return fmt.Errorf("%w; -addr changes the address, such as -addr :3000, and so does PORT=3000", err)
	}
	return nil
}

// quote puts a URL in quotes if a shell would read more into it.
func quote(url string) string {
	if strings.ContainsAny(url, "?*&") {
		return "'" + url + "'"
	}
	return url
}

// Page answers with an HTML page.
func Page(status int, html []byte) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(status)
		ctx.SetContentType("text/html; charset=utf-8")
		ctx.Response.SetBodyRaw(html)
	}
}

// pageURL is where a browser on this machine finds what listens at addr.
func pageURL(addr string, at net.Addr) string {
	host, _, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(at.String()) // addr may say :0 or :http
	return "http://" + net.JoinHostPort(host, port)
}
