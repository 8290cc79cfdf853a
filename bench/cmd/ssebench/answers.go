package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// answersCommand measures streams that end, such as those of language models.
type answersCommand struct {
	Address string `arg:"" optional:"" name:"address" help:"URL to ask; the same as -url."`
	askFlags
	Clients  int            `name:"streams" short:"c" default:"20" group:"Streams" help:"Clients, each of which makes one request after the other."`
	Answer   time.Duration  `default:"30s" group:"Streams" help:"Leave an answer that sends no event for this long, and count it as stalled."`
	Match    *regexp.Regexp `group:"Streams" placeholder:"REGEXP" help:"Count only events whose data match, such as those with text: '\"content\":\"[^\"]'."`
	Duration time.Duration  `default:"10s" group:"Streams" help:"How long to make requests."`
	Patience time.Duration  `default:"30s" group:"Streams" help:"Let answers that are under way then go on for this long."`
	measuring
}

// AfterApply takes the URL from either place. kong calls it.
func (c *answersCommand) AfterApply() error { return c.takes(&c.Address) }

// Run asks, and says how the answers came.
func (c *answersCommand) Run(ctx context.Context, con *console) error {
	if c.Clients < 1 || c.Duration <= 0 || c.Answer <= 0 || c.Patience <= 0 {
		return fmt.Errorf("answers -c %d -duration %v -answer %v -patience %v: give numbers above zero", c.Clients, c.Duration, c.Answer, c.Patience)
	}
	port, stop, err := c.start(ctx, con.err)
	if err != nil {
		return err
	}
	defer stop()
	sc, err := c.fill(&scenario.Scenario{
		Command: "answers", Name: port(c.URL[0]), Flags: flagsOf(c), Streams: c.Clients, Answer: c.Answer, Duration: c.Duration, Patience: c.Patience,
	}, port, c.posting)
	if err != nil {
		return err
	}
	return c.measure(ctx, con, sc, func(ctx context.Context, sc *scenario.Scenario) (*result.Result, error) {
		return (&scenario.Answers{Scenario: *sc, Matching: c.Match}).Run(ctx)
	})
}

// posting sets the request: by POST if there is a body, which is JSON if it begins with {.
func (c *answersCommand) posting(sc *scenario.Scenario, port portOf) (err error) {
	if sc.Request, err = c.request(port); err != nil || c.Body == "" {
		return err
	}
	if c.Method == http.MethodGet {
		sc.Request.Method = http.MethodPost
	}
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(c.Body, "{") {
		kind = "application/json"
	}
	h := sc.Request.Header
	h.Set("Content-Type", cmp.Or(h.Get("Content-Type"), kind))
	return nil
}
