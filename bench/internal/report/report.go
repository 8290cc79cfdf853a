// Package report renders results as one HTML file that needs nothing else: no network, no
// second file, a browser of 2024 or later. One result is shown with its figures and charts,
// several are compared with the first.
//
// The file holds the results as JSON, the figures of the table in package result, and the script
// below page, which draws tables and charts from these. Without JavaScript there are the same
// tables as text.
package report

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
)

//go:embed page uplot
var files embed.FS

// scripts are one in the page, in this order. The last one puts the page together.
var scripts = []string{"text", "element", "run", "chart", "figures", "tables", "head", "plot", "page"}

var pageTemplate = template.Must(template.New("page").Parse(source("page/page.html.tmpl")))

// page is what the template is filled with.
type page struct {
	Title   string
	Text    string // the results as tables of text
	Data    data
	License template.HTML
	CSS     template.CSS
	Uplot   template.JS
	Script  template.JS
}

// data is the input of the page's script.
type data struct {
	Results []json.RawMessage `json:"results"`
	Figures []figure          `json:"figures"`
}

// figure is a figure with its value in each result, or null where it was not measured.
type figure struct {
	result.Figure
	Values []*float64 `json:"values"`
}

// Write renders results as one HTML page. If the title is empty, it says what was measured. The
// same results give the same bytes. Text in a result is always shown as text, never as HTML. Results
// are changed as their Encode does. Nothing is written if one cannot be written as JSON.
func Write(w io.Writer, title string, results ...*result.Result) error {
	if len(results) == 0 {
		return errors.New("report: render 0 results; give at least one")
	}
	for i, r := range results {
		if r == nil {
			return fmt.Errorf("report: result %d of %d is nil; leave it out", i+1, len(results))
		}
	}
	p, err := newPage(title, results)
	if err != nil {
		return err
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("report: write the page of %d results: %w", len(results), err)
	}
	return nil
}

func newPage(title string, results []*result.Result) (*page, error) {
	encoded, err := encode(results)
	if err != nil {
		return nil, err
	}
	if title == "" || title == results[0].Name {
		title = titleOf(results)
	}
	return &page{
		Title: title, Text: tables(results), Data: data{encoded, figuresOf(results)},
		License: template.HTML("<!--\nuPlot, which draws the charts of this page:\n\n" + source("uplot/LICENSE") + "\n-->"),
		CSS:     template.CSS(source("uplot/uPlot.min.css") + source("page/page.css")),
		Uplot:   template.JS(source("uplot/uPlot.iife.min.js")),
		Script:  template.JS(script(scripts...)),
	}, nil
}

// source is a file of this package, which has to be there.
func source(path string) string {
	text, err := files.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// script joins some of the page's scripts.
func script(names ...string) string {
	var all strings.Builder
	for _, name := range names {
		all.WriteString(source("page/" + name + ".js"))
	}
	return all.String()
}

func titleOf(results []*result.Result) string {
	if len(results) > 1 {
		return fmt.Sprintf("%d results compared", len(results))
	}
	if r := results[0]; r.Command != "" {
		return r.Command + " of " + r.Name
	}
	return "result"
}

// rawHistogram is a field of the JSON that the page does not need, and that is most of it. No
// text in a result has such a line break.
var rawHistogram = regexp.MustCompile(`,\n *"hdr": "[^"]*"`)

// encode is each result as JSON.
func encode(results []*result.Result) ([]json.RawMessage, error) {
	var all []json.RawMessage
	for _, r := range results {
		var text bytes.Buffer
		if err := r.Encode(&text); err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		all = append(all, rawHistogram.ReplaceAll(text.Bytes(), nil))
	}
	return all, nil
}

// tables are the results as text.
func tables(results []*result.Result) string {
	var all strings.Builder
	for i, r := range results {
		if i > 0 {
			all.WriteString("\n\n")
		}
		_ = r.Table(&all, 100) // a Builder takes everything
	}
	return all.String()
}

// figuresOf are the figures that any of the results has.
func figuresOf(results []*result.Result) []figure {
	all := []figure{}
	for _, f := range result.FigureTable() {
		row, some := figure{Figure: f}, false
		for _, r := range results {
			var value *float64
			if v, measured := f.Of(r); measured {
				value, some = &v, true
			}
			row.Values = append(row.Values, value)
		}
		if some {
			all = append(all, row)
		}
	}
	return all
}
