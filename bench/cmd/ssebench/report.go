package main

import (
	"fmt"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// reportCommand renders results that were saved as JSON.
type reportCommand struct {
	Output  string   `name:"o" short:"o" placeholder:"FILE" default:"report.html" help:"File to write; - writes to standard output."`
	Title   string   `placeholder:"TEXT" help:"Title of the page; by default what was measured."`
	Results []string `arg:"" name:"result.json" help:"Results written with -json; if there are several, each is compared with the first."`
}

// Run reads all results before it writes anything, so that an existing report is
// not changed when one of them cannot be read.
func (r *reportCommand) Run(con *console) error {
	results, err := result.ReadAll(r.Results...)
	if err != nil {
		return err
	}
	if err := con.saveReport(r.Output, r.Title, results...); err != nil || r.Output == "-" {
		return err
	}
	_, err = fmt.Fprintf(con.out, "%s: of %d saved; open it in a browser\n", r.Output, len(results))
	return err
}
