package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// compareCommand measures servers in turn or, given the results of two measurements, puts
// these side by side.
type compareCommand struct {
	Results []string `arg:"" optional:"" help:"Two saved results to compare, base.json and new.json, instead of measuring; or several of each, as two patterns in quotes, 'base*.json' 'new*.json'."`
	targetFlags
	HTML string `name:"html" placeholder:"FILE" group:"Output" help:"Write a report that overlays the results, or one round of each server."`
}

// Run compares results, or measures servers.
func (c *compareCommand) Run(ctx context.Context, con *console) error {
	switch {
	case len(c.Results) == 0 && len(c.Targets) > 0:
		return c.measure(ctx, con, c.HTML)
	case len(c.Results) == 2 && len(c.Targets) == 0:
		return c.saved(con)
	}
	return fmt.Errorf("compare %s: give servers to measure, each as -target NAME='COMMAND'; or two results, base.json and new.json, or two patterns in quotes, 'base*.json' 'new*.json'", strings.Join(c.Results, " "))
}

// saved compares the results whose paths match two patterns.
func (c *compareCommand) saved(con *console) error {
	before, err := result.ReadAll(c.Results[0])
	if err != nil {
		return err
	}
	after, err := result.ReadAll(c.Results[1])
	if err != nil {
		return err
	}
	return errors.Join(result.Compare(con.out, before, after), con.saveReport(c.HTML, before[0].Name, slices.Concat(before, after)...))
}
