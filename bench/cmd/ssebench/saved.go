package main

import (
	"errors"
	"slices"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// compareSaved compares the results whose paths match two patterns.
func compareSaved(con *console, base, changed, html string) error {
	before, err := result.ReadAll(base)
	if err != nil {
		return err
	}
	after, err := result.ReadAll(changed)
	if err != nil {
		return err
	}
	err = result.Compare(con.out, before, after)
	if html != "" {
		err = errors.Join(err, saveReport(html, slices.Concat(before, after)...))
	}
	return err
}
