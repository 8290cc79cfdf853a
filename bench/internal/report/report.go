// Package report renders results as one HTML file that needs nothing else: no
// network, no second file, a browser of 2024 or later. One result is shown
// with its figures and charts, several are compared with the first.
//
// Figures are text in the page and need no JavaScript. Charts are drawn by report.js
// and uPlot from the JSON in the element with the id data.
package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"

	"github.com/fastsse/fastsse/bench/internal/result"
)

var (
	//go:embed report.html.tmpl
	pageSource string
	//go:embed report.css
	pageCSS string
	//go:embed report.js
	pageJS string

	//go:embed uplot/uPlot.iife.min.js
	uplotJS string
	//go:embed uplot/uPlot.min.css
	uplotCSS string
	//go:embed uplot/LICENSE
	uplotLicense string
)

var pageTemplate = template.Must(template.New("report").Parse(pageSource))

// Write renders results as one HTML page. If the title is empty, it says what was
// measured. The same results give the same bytes. Text in a result is always shown as
// text, never as HTML. The results are not changed.
func Write(w io.Writer, title string, results ...*result.Result) error {
	if len(results) == 0 {
		return errors.New("report: render 0 results; give at least one")
	}
	for i, r := range results {
		if r == nil {
			return fmt.Errorf("report: result %d of %d is nil; leave it out", i+1, len(results))
		}
	}
	if err := pageTemplate.Execute(w, newPage(title, results)); err != nil {
		return fmt.Errorf("report: write the page of %d results: %w", len(results), err)
	}
	return nil
}
