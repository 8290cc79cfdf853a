package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Schema is the version of a Report's JSON. It changes when a field changes its
// meaning; new fields and new findings alone do not change it.
const Schema = "fastsse-check/1"

// ErrFailed is what Report.Err returns, wrapped, if checks have failed.
var ErrFailed = errors.New("checks failed")

// Report is what was found.
type Report struct {
	Schema   string          `json:"schema"`
	URL      string          `json:"url"`
	Direct   string          `json:"direct,omitempty"`
	Begun    time.Time       `json:"begun"`
	Seconds  float64         `json:"seconds"`
	Counts   map[Verdict]int `json:"counts"`
	Findings []Finding       `json:"findings"`
}

func newReport(c *Config, begun time.Time, findings []Finding) *Report {
	counts := map[Verdict]int{OK: 0, Warn: 0, Fail: 0, Skipped: 0}
	for _, f := range findings {
		counts[f.Verdict]++
	}
	return &Report{
		Schema: Schema, URL: c.URL, Direct: c.Direct, Begun: begun.UTC().Truncate(time.Millisecond),
		Seconds: time.Since(begun).Round(time.Millisecond).Seconds(), Counts: counts, Findings: findings,
	}
}

// Find returns a finding by its section and name.
func (r *Report) Find(section, name string) (Finding, bool) {
	for _, f := range r.Findings {
		if f.Section == section && f.Name == name {
			return f, true
		}
	}
	return Finding{}, false
}

// Err is an ErrFailed if checks have failed; if strict, warnings are failures.
func (r *Report) Err(strict bool) error {
	failed := r.Counts[Fail]
	if strict {
		failed += r.Counts[Warn]
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d %w", failed, r.made(), ErrFailed)
}

// made counts the checks that were not skipped.
func (r *Report) made() int { return len(r.Findings) - r.Counts[Skipped] }

// WriteJSON writes the report as an object, indented.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Width is how wide the report is printed.
const Width = 100

// Marks is how verdicts are printed: for a terminal, or for everything else.
type Marks map[Verdict]string

var (
	TerminalMarks = Marks{OK: "✓", Warn: "!", Fail: "✗", Skipped: "–"}
	PlainMarks    = Marks{OK: "ok", Warn: "warn", Fail: "FAIL", Skipped: "-"}
)

// width is that of the widest mark.
func (m Marks) width() int {
	n := 0
	for _, mark := range m {
		n = max(n, utf8.RuneCountInString(mark))
	}
	return n
}

// nameWidth is that of the longest name of a check.
const nameWidth = len("x-accel-buffering")

// Print writes the report for people to read, one line or a few per check.
func (r *Report) Print(w io.Writer, marks Marks) error {
	var b strings.Builder
	for rest := r.Findings; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Section == rest[0].Section {
			n++
		}
		printSection(&b, rest[:n], marks)
		rest = rest[n:]
	}
	b.WriteString("\n" + r.verdict() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// printSection prints the findings of one section. Adjacent ones that were skipped
// for the same reason share a line.
func printSection(b *strings.Builder, findings []Finding, marks Marks) {
	b.WriteString("\n" + findings[0].Section + "\n")
	for len(findings) > 0 {
		f, n := findings[0], 1
		for n < len(findings) && f.Verdict == Skipped && findings[n].Verdict == Skipped && findings[n].Found == f.Found {
			n++
		}
		if n > 1 {
			f.Name = fmt.Sprintf("%d checks", n)
		}
		f.print(b, marks)
		findings = findings[n:]
	}
}

func (f *Finding) print(b *strings.Builder, marks Marks) {
	indent := 2 + marks.width() + 1 + nameWidth + 2
	fmt.Fprintf(b, "  %s %s  ", pad(marks[f.Verdict], marks.width()), pad(f.Name, nameWidth))
	writeWrapped(b, f.Found, indent)
	if f.Remedy != "" {
		b.WriteString(strings.Repeat(" ", indent) + "→ ")
		writeWrapped(b, f.Remedy, indent+2)
	}
}

// pad makes s that many characters wide.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// writeWrapped writes text from column indent on, in as many lines as it takes.
func writeWrapped(b *strings.Builder, text string, indent int) {
	column := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > Width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
}

// verdict is the last line.
func (r *Report) verdict() string {
	c := r.Counts
	says := "a correct endpoint, as far as was checked"
	switch {
	case c[Fail] > 0:
		says = "not a correct endpoint, as seen from here"
	case c[Warn] > 0:
		says = "a correct endpoint, but some clients or proxies will have trouble with it"
	}
	return fmt.Sprintf("%s: %d ok, %s, %d failed, %d skipped, in %.1f s", says, c[OK], count(c[Warn], "warning"), c[Fail], c[Skipped], r.Seconds)
}
