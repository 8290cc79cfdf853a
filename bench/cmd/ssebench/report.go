package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/fastsse/fastsse/bench/internal/report"
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
	results, err := readResults(r.Results)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.Write(&page, r.Title, results...); err != nil {
		return err
	}
	if r.Output == "-" {
		if _, err := page.WriteTo(con.out); err != nil {
			return fmt.Errorf("write the report to standard output: %w", err)
		}
		return nil
	}
	if err := os.WriteFile(r.Output, page.Bytes(), 0o666); err != nil {
		return fmt.Errorf("write the report: %w; choose another file with -o", err)
	}
	_, err = fmt.Fprintf(con.out, "%s: %d KiB, %s; open it in a browser\n", r.Output, page.Len()/1024, howMany(len(results)))
	return err
}

func readResults(paths []string) ([]*result.Result, error) {
	results := make([]*result.Result, len(paths))
	for i, path := range paths {
		var err error
		results[i], err = result.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w; bench run -json %s writes one", err, path)
		}
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

func howMany(results int) string {
	if results == 1 {
		return "1 result"
	}
	return fmt.Sprintf("%d results compared", results)
}
