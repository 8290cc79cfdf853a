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

// Err is an ErrFailed if checks have failed; if strict, warnings are failures.
func (r *Report) Err(strict bool) error {
	failed := r.Counts[Fail]
	if strict {
		failed += r.Counts[Warn]
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d %w", failed, len(r.Findings)-r.Counts[Skipped], ErrFailed)
}

// WriteJSON writes the report as an object, indented.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Width is how wide the report is printed.
const Width = 100

// marks is how verdicts are printed.
var marks = map[Verdict]string{OK: "ok", Warn: "warn", Fail: "FAIL", Skipped: "-"}

// nameWidth is that of the longest name of a check.
const nameWidth = len("x-accel-buffering")

// Print writes the report for people to read, one line or a few per check. Adjacent checks
// that were skipped for the same reason share a line.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	section, margin := "", strings.Repeat(" ", 2+4+1+nameWidth+2)
	for rest := r.Findings; len(rest) > 0; {
		f, n := rest[0], 1
		for n < len(rest) && f.Verdict == Skipped && rest[n].Verdict == Skipped && rest[n].Found == f.Found && rest[n].Section == f.Section {
			f.Name = fmt.Sprintf("%d checks", n+1)
			n++
		}
		if rest = rest[n:]; f.Section != section {
			section = f.Section
			b.WriteString("\n" + section + "\n")
		}
		fmt.Fprintf(&b, "  %-4s %-*s  %s\n", marks[f.Verdict], nameWidth, f.Name, wrap(f.Found, margin))
		if f.Remedy != "" {
			fmt.Fprintf(&b, "%s→ %s\n", margin, wrap(f.Remedy, margin+"  "))
		}
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", b.String(), r.verdict())
	return err
}

// wrap breaks text into lines that begin at a margin.
func wrap(s, margin string) string {
	lines, room := "", Width-len(margin)
	for _, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case lines == "":
		case n+1 > room:
			lines, room = lines+"\n"+margin, Width-len(margin)
		default:
			lines, room = lines+" ", room-1
		}
		lines, room = lines+word, room-n
	}
	return lines
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
