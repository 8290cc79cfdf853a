package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/fastsse/fastsse/bench/internal/check"
	"github.com/fastsse/fastsse/bench/internal/load"
)

// checkCommand checks that a URL serves a correct event stream, and that no proxy
// buffers or cuts it.
type checkCommand struct {
	Address string `arg:"" optional:"" name:"address" help:"Stream to check, such as http://127.0.0.1:8080/events?topic=check, or unix:/run/app.sock:/events for a server at a Unix socket; the same as -url. Some twenty streams are opened, forty with -publish-url."`
	URL     string `name:"url" help:"Stream to check."`
	Direct  string `help:"URL of the same stream that bypasses the proxy; differences are then blamed on the proxy."`

	requestFlags

	PublishURL    string   `name:"publish-url" help:"URL to publish to. Without it nothing is published, and delivery and resuming are not checked."`
	PublishMethod string   `name:"publish-method" default:"POST" help:"Method of the requests that publish."`
	PublishBody   string   `name:"publish-body" placeholder:"TEMPLATE" help:"Body of the requests that publish, with {{.Message}} where the event's data goes, such as '{\"data\":\"{{.Message}}\"}'; by default the data is the whole body."`
	PublishHeader []string `name:"publish-header" sep:"none" placeholder:"'Name: value'" help:"Header of the requests that publish; may be repeated."`

	For     time.Duration `default:"10s" help:"How long to listen without publishing: 40s is enough for most heartbeats, 5m for most idle limits."`
	Origin  string        `help:"Origin that CORS has to allow, such as https://example.org."`
	GapType string        `name:"gap-type" default:"gap" help:"Event type that tells a client that it has missed events."`

	JSON   string `name:"json" help:"Write the findings as JSON to this file; - prints them instead of the table."`
	Strict bool   `help:"Treat warnings as failures."`
}

// Run checks, prints what was found, and is an error if a check failed.
func (c *checkCommand) Run(ctx context.Context, con *console) error {
	config, err := c.config(ctx, con)
	if err != nil {
		return err
	}
	report, err := check.Run(ctx, config)
	if err != nil {
		return err
	}
	err = con.save(c.JSON, os.O_TRUNC, report.WriteJSON)
	if c.JSON != "-" {
		err = errors.Join(err, report.Print(con.out))
	}
	return errors.Join(err, report.Err(c.Strict))
}

func (c *checkCommand) config(ctx context.Context, con *console) (config check.Config, err error) {
	if c.Address != "" && c.URL != "" && c.Address != c.URL {
		return config, fmt.Errorf("check: two addresses, %q and -url %q; give one", c.Address, c.URL)
	}
	if c.URL = cmp.Or(c.URL, c.Address); c.URL == "" {
		return config, errors.New("check: no address; give one such as http://127.0.0.1:8080/events?topic=check")
	}
	if config.TLS, err = c.tlsConfig(); err != nil {
		return config, err
	}
	if err := c.logIn(ctx, config.TLS); err != nil {
		return config, fmt.Errorf("check: %w", err)
	}
	config = check.Config{
		URL: c.URL, TLS: config.TLS, Direct: c.Direct, Method: c.Method, Body: c.Body,
		PublishURL: c.PublishURL, PublishMethod: c.PublishMethod, PublishBody: c.PublishBody,
		For: c.For, Origin: c.Origin, GapType: c.GapType,
	}
	if config.Header, err = c.header(); err != nil {
		return config, err
	}
	if config.PublishHeader, err = headers(c.PublishHeader); err != nil {
		return config, err
	}
	config.Progress = func(doing string) { fmt.Fprintf(con.err, "%s …\n", doing) }
	return config, nil
}

// logIn logs in, if that is asked for, and fills in what {{…}} stands for.
func (c *checkCommand) logIn(ctx context.Context, config *tls.Config) error {
	login, err := c.loginFlags.request(func(text string) string { return text })
	if login == nil || err != nil {
		return err
	}
	socket, _ := load.SplitUnix(c.URL)
	user, err := (&load.Request{Login: login, TLS: config, Unix: socket}).LogIn(ctx)
	if err != nil {
		return err
	}
	publishes := strings.Contains(c.PublishURL+c.PublishBody+strings.Join(c.PublishHeader, ""), ".Login")
	texts := []*string{&c.Body, &c.PublishBody}
	for _, lines := range [][]string{c.Header, c.PublishHeader} {
		for i := range lines {
			texts = append(texts, &lines[i])
		}
	}
	if err := errors.Join(user.FillURLs(&c.URL, &c.Direct, &c.PublishURL), user.Fill(texts...)); err != nil {
		return err
	}
	c.Cookie = user.Cookies(c.Cookie)
	if cookies := user.Cookies(""); publishes && cookies != "" {
		c.PublishHeader = append(c.PublishHeader, "Cookie: "+cookies)
	}
	return nil
}
