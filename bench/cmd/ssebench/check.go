package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fastsse/fastsse/bench/internal/check"
)

// checkCommand checks that a URL serves a correct event stream, and that no proxy
// buffers or cuts it.
type checkCommand struct {
	Address       string   `arg:"" optional:"" name:"address" help:"Stream to check, such as http://127.0.0.1:8080/events?topic=check; the same as -url."`
	URL           string   `name:"url" help:"Stream to check."`
	PublishURL    string   `name:"publish-url" help:"URL to publish to: each event of that stream is posted there as the raw body. Without it nothing is published, and delivery and resuming are not checked."`
	Header        []string `name:"header" short:"H" sep:"none" help:"Header of the requests for the stream, such as 'Authorization: Bearer x'; may be repeated."`
	PublishHeader []string `name:"publish-header" sep:"none" help:"Header of the requests that publish; may be repeated."`
	Direct        string   `help:"URL of the same stream that bypasses the proxy; differences are then blamed on the proxy."`

	For      time.Duration `default:"10s" help:"How long to listen without publishing: 40s is enough for most heartbeats, 5m for most idle limits."`
	Origin   string        `help:"Origin that CORS has to allow, such as https://example.org."`
	Insecure bool          `help:"Do not verify certificates."`
	GapType  string        `name:"gap-type" default:"gap" help:"Event type that tells a client that it has missed events."`

	JSON   string `name:"json" help:"Write the findings as JSON to this file; - prints them instead of the table."`
	Strict bool   `help:"Treat warnings as failures."`
}

// Run checks, prints what was found, and is an error if a check failed.
func (c *checkCommand) Run(ctx context.Context, con *console) error {
	config, err := c.config(con)
	if err != nil {
		return err
	}
	report, err := check.Run(ctx, config)
	if err != nil {
		return err
	}
	if err := c.print(report, con.out); err != nil {
		return err
	}
	return report.Err(c.Strict)
}

func (c *checkCommand) config(con *console) (check.Config, error) {
	url := c.URL
	switch {
	case url == "":
		url = c.Address
	case c.Address != "" && c.Address != url:
		return check.Config{}, fmt.Errorf("check: two addresses, %q and -url %q; give one", c.Address, url)
	}
	if url == "" {
		return check.Config{}, errors.New("check: no address; give one such as http://127.0.0.1:8080/events?topic=check")
	}
	header, err := check.ParseHeader(c.Header)
	if err != nil {
		return check.Config{}, err
	}
	publishHeader, err := check.ParseHeader(c.PublishHeader)
	if err != nil {
		return check.Config{}, err
	}
	config := check.Config{
		URL: url, PublishURL: c.PublishURL, Direct: c.Direct, Header: header, PublishHeader: publishHeader,
		For: c.For, Origin: c.Origin, Insecure: c.Insecure, GapType: c.GapType,
	}
	if isTerminal(con.err) {
		config.Progress = func(doing string) { fmt.Fprintf(con.err, "%s …\n", doing) }
	}
	return config, nil
}

// print prints the table, the JSON, or writes the JSON to its file beside the
// table.
func (c *checkCommand) print(r *check.Report, out io.Writer) error {
	switch c.JSON {
	case "-":
		return r.WriteJSON(out)
	case "":
	default:
		if err := c.writeJSON(r); err != nil {
			return err
		}
	}
	marks := check.PlainMarks
	if isTerminal(out) {
		marks = check.TerminalMarks
	}
	return r.Print(out, marks)
}

func (c *checkCommand) writeJSON(r *check.Report) error {
	f, err := os.Create(c.JSON)
	if err != nil {
		return fmt.Errorf("check: write the findings: %w; choose another -json", err)
	}
	if err := r.WriteJSON(f); err != nil {
		_ = f.Close()
		return fmt.Errorf("check: write the findings: %w", err)
	}
	return f.Close()
}

// isTerminal reports whether w is a terminal, where somebody is likely to look.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
