package scenario

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/bench/internal/load"
)

// replaceable is a Deploys of two replacements of a drainable server, at one port.
func replaceable(t *testing.T, kind string) *Deploys {
	t.Helper()
	s := drainOf(t, kind).Instances[0]
	c := &Deploys{
		Scenario: short(s.URL()), Times: 2, Calm: 200 * time.Millisecond, Instances: []*launch.Server{s},
	}
	c.Start = func(ctx context.Context) (*launch.Server, error) {
		next, err := c.Instances[0].Again(ctx)
		if err == nil {
			t.Cleanup(next.Stop)
		}
		return next, err
	}
	c.Publish.Retried, c.Patience = true, 2*time.Second
	return c
}

// The server forgets at each end, and says so: what was published while nobody was there is
// posted again until somebody is.
func TestDeploysAreNoticed(t *testing.T) {
	c := replaceable(t, "slow")
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := r.Deploys
	if r.Whole() || d.Gaps != 20 || d.Reconnects != 20 || d.Away != 0 || d.Cut != 0 || d.Untold != 0 {
		t.Errorf("%+v; want that each of 10 streams was told of each gap, and nobody stayed away", d)
	}
	if len(d.Replaced) != 2 || d.Retried == 0 || len(d.Errors) == 0 || d.SilenceMS.Count != 10 || d.SilenceMS.Max < 300 {
		t.Errorf("%+v; want two replacements, posts that were tried again, and silences of 400 ms", d)
	}
	for i, p := range d.Replaced {
		if p.Ended != 10 || p.ExitStatus != 0 || p.ExitedS <= 0 || p.ReadyS < p.ExitedS || p.FirstBackS < 0.4 || p.SilenceMS < 400 {
			t.Errorf("replacement %d: %+v; want 10 streams that came back after 400 ms", i+1, p)
		}
	}
}

func TestDeploysCountWhoIsCut(t *testing.T) {
	c := replaceable(t, "good")
	c.Kill = true
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Deploys; !d.Killed || d.Cut == 0 || d.Untold == 0 || d.Replaced[0].ExitStatus != -1 {
		t.Errorf("%+v; want streams that were cut, and not told when to come back", d)
	}
}

// A post that is stored, and answered with an error, is stored again where nobody knows keys.
func TestDeploysCountWhatComesTwice(t *testing.T) {
	c := replaceable(t, "double")
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Whole() || *r.Duplicated < 10 {
		t.Errorf("%d came twice; want one for each of 10 streams, at least", *r.Duplicated)
	}
}

func TestDeploysNeed(t *testing.T) {
	publish := &load.Publishing{URL: "http://127.0.0.1:1", Retried: true}
	returns := Scenario{Publish: publish, Client: load.Client{Returns: true}}
	for want, c := range map[string]Deploys{
		"set Publish":             {},
		"set Client.Returns":      {Scenario: Scenario{Publish: publish}},
		"set Instances and Start": {Scenario: returns},
	} {
		if _, err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want something of %q", err, want)
		}
	}
}
