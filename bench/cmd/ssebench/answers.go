package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// answersCommand measures streams that end, such as those of language models.
type answersCommand struct {
	Address string `arg:"" optional:"" name:"address" help:"URL to ask; the same as -url."`
	askFlags
	Clients  int           `name:"streams" short:"c" default:"20" group:"Streams" help:"Clients, each of which makes one request after the other."`
	Answer   time.Duration `default:"30s" group:"Streams" help:"Leave an answer that sends no event for this long, and count it as stalled."`
	Duration time.Duration `default:"10s" group:"Streams" help:"How long to make requests."`
	Patience time.Duration `default:"30s" group:"Streams" help:"Let answers that are under way then go on for this long."`
	outputFlags
}

// AfterApply takes the URL from either place. kong calls it.
func (c *answersCommand) AfterApply() error { return c.takes(&c.Address) }

// Run asks, and says how the answers came.
func (c *answersCommand) Run(ctx context.Context, con *console) error {
	if c.Clients < 1 || c.Duration <= 0 || c.Answer <= 0 || c.Patience <= 0 {
		return fmt.Errorf("answers -c %d -duration %v -answer %v -patience %v: give numbers above zero", c.Clients, c.Duration, c.Answer, c.Patience)
	}
	r, err := c.posting()
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	rec, err := c.record(con, c.Clients, c.Duration)
	if err != nil {
		return err
	}
	a := &scenario.Answers{Scenario: scenario.Scenario{
		Command: "answers", Name: c.URL[0], Flags: flagsOf(c), Request: r,
		Streams: c.Clients, Answer: c.Answer, Duration: c.Duration, Patience: c.Patience,
	}}
	rec.watch(&a.Scenario)
	res, err := a.Run(ctx)
	return rec.finish(res, err)
}

// posting is the request: by POST if there is a body, which is JSON if it begins with {.
func (c *answersCommand) posting() (load.Request, error) {
	r, err := c.request(func(text string) string { return text })
	if err != nil || c.Body == "" {
		return r, err
	}
	if r.Method == http.MethodGet {
		r.Method = http.MethodPost
	}
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(c.Body, "{") {
		kind = "application/json"
	}
	r.Header.Set("Content-Type", cmp.Or(r.Header.Get("Content-Type"), kind))
	return r, nil
}
