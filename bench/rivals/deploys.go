package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/scenario"
	"github.com/fastsse/fastsse/bench/internal/status"
	"github.com/fastsse/fastsse/bench/rivals/build"
	"github.com/fastsse/fastsse/bench/rivals/site"
)

// deploysCommand starts a site (a broker, two instances of examples/cloud, a proxy), and
// replaces its instances one after the other under load.
type deploysCommand struct {
	Broker string `enum:"nats,redis,none,embedded" default:"nats" group:"Site" help:"What the instances share: ${enum}. NATS is built from source, Redis is that of this machine; with none each hub is alone, and loses; embedded is NATS in the instance itself, for -proxy none."`
	Proxy  string `enum:"nginx,haproxy,none" default:"nginx" group:"Site" help:"What is in front of them: ${enum}, with its configuration of examples/proxies. With none there is one instance."`
	Times  int    `default:"5" group:"Site" help:"How many instances to replace, one after the other."`
	Kill   bool   `group:"Site" help:"End instances by SIGKILL, in place of SIGTERM."`
	Order  string `enum:"auto,start-first,stop-first" default:"auto" group:"Site" help:"When the next instance starts: before the old one is ended, at a port of its own that the proxy knows; or when it has ended, at its port. auto is start-first with a proxy, and stop-first without one and with -kill."`

	Streams int           `name:"streams" short:"c" default:"2000" group:"Load" help:"Streams to open, through the proxy."`
	Rate    float64       `default:"100" group:"Load" help:"Events to publish per second, through the proxy: one post after the other, of all events that are due, each again until it is taken."`
	Size    int           `default:"100" group:"Load" help:"Bytes of data per event."`
	Keys    bool          `default:"true" negatable:"" group:"Load" help:"Give each post an Idempotency-Key. Without, one that is tried again may be stored twice."`
	Calm    time.Duration `default:"3s" group:"Load" help:"How long nothing is replaced, before, between and after."`
	JSON    string        `name:"json" placeholder:"FILE" group:"Output" help:"Write the result as JSON. ssebench report makes a page of it."`
}

// errNotWhole is the failure of deploys that somebody noticed.
var errNotWhole = errors.New("not every stream had every event once and in order")

// Validate is what kong asks before Run.
func (c *deploysCommand) Validate() error {
	switch {
	case c.Streams < 1 || c.Rate <= 0 || c.Times < 1:
		return fmt.Errorf("-streams %d, -rate %v and -times %d: give at least one stream, one replacement, and a rate above zero", c.Streams, c.Rate, c.Times)
	case c.Broker == "embedded" && c.Proxy != "none":
		return errors.New("-broker embedded: it is in one instance, so there is nothing to choose for a proxy; add -proxy none")
	case c.Proxy == "none" && c.Order == "start-first":
		return errors.New("-proxy none and -order start-first: clients know one port, at which one instance can listen; leave out -order")
	}
	return nil
}

// startFirst is what -order comes to.
func (c *deploysCommand) startFirst() bool {
	return c.Order == "start-first" || c.Order == "auto" && !c.Kill && c.Proxy != "none"
}

// Run starts the site, replaces its instances, and fails unless nobody noticed.
func (c *deploysCommand) Run(ctx context.Context) error {
	s, err := c.site(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	debug.SetGCPercent(400) // the generator must not be the bottleneck
	line := status.New(os.Stderr, c.Streams, 0)
	sc := c.scenario(s)
	sc.Watch = line.Sample
	r, err := sc.Run(ctx)
	line.Done()
	if r == nil {
		return err
	}
	if err = errors.Join(err, r.Table(os.Stdout, 0)); c.JSON != "" {
		err = errors.Join(err, r.WriteFile(c.JSON))
	}
	if !r.Whole() {
		err = errors.Join(err, errNotWhole)
	}
	return err
}

func (c *deploysCommand) site(ctx context.Context) (*site.Site, error) {
	o := site.Config{Broker: c.Broker, Proxy: c.Proxy, Instances: 2}
	if c.Proxy == "none" {
		o.Instances = 1
	}
	if c.startFirst() {
		o.Spare = 1
	}
	var err error
	if o.Source, err = build.Source(); err != nil {
		return nil, err
	}
	return site.New(ctx, o)
}

// scenario makes the scenario that the flags describe.
func (c *deploysCommand) scenario(s *site.Site) *scenario.Deploys {
	return &scenario.Deploys{
		Scenario: scenario.Scenario{
			Command: "deploys", Name: fmt.Sprintf("%s behind %s", c.Broker, c.Proxy), Flags: c.flags(),
			Request: load.Request{URL: s.URL + "/events?topic=deploys"},
			Streams: c.Streams, Client: load.Client{Returns: true}, Ramp: 2000,
			Publish: &load.Publishing{
				URL: s.URL + "/publish", Body: `{"topic":"deploys","data":"{{.Message}}"}`, Array: true,
				Header: http.Header{"Authorization": {"Bearer " + s.Token}},
				Size:   c.Size, Retried: true, Keys: c.Keys,
			},
			Rate: c.Rate, Linger: time.Second,
		},
		Times: c.Times, Calm: c.Calm,
		Instances: s.Instances, Start: s.Start, StartFirst: c.startFirst(), Kill: c.Kill,
	}
}

// flags are what the result is to say of this command.
func (c *deploysCommand) flags() map[string]string {
	return map[string]string{
		"broker": c.Broker, "proxy": c.Proxy, "times": fmt.Sprint(c.Times), "kill": fmt.Sprint(c.Kill), "order": c.Order,
		"c": fmt.Sprint(c.Streams), "rate": fmt.Sprint(c.Rate), "size": fmt.Sprint(c.Size), "keys": fmt.Sprint(c.Keys),
	}
}
