package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// render is a page as text.
func render(t testing.TB, results ...*result.Result) string {
	t.Helper()
	var page bytes.Buffer
	if err := Write(&page, "", results...); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

// dataOf is the JSON that a page is drawn from.
func dataOf(t *testing.T, page string) (d data) {
	t.Helper()
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="data">`)
	text, _, found := strings.Cut(rest, "</script>")
	if !found {
		t.Fatal("the page has no data")
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("the page's data: %v", err)
	}
	return d
}

func TestTheSameResultsGiveTheSameBytes(t *testing.T) {
	first := render(t, plain(), lossy(), beside())
	for range 5 {
		if render(t, plain(), lossy(), beside()) != first {
			t.Fatal("the same results gave another page")
		}
	}
}

func TestResultsAreOnlyRead(t *testing.T) {
	r := lossy()
	_ = r.Encode(io.Discard) // makes empty lists of nil
	before, _ := json.Marshal(r)
	render(t, r, storm("x", 1))
	if after, _ := json.Marshal(r); !bytes.Equal(before, after) {
		t.Error("the result is another after it was rendered")
	}
}

// A page loads nothing: it has everything in it, and tells the browser so.
func TestPageNeedsNothingElse(t *testing.T) {
	page := render(t, plain(), lossy())
	for _, m := range regexp.MustCompile(`(?i)<(?:script|link|img|iframe)[^>]*(?:src|href)\s*=\s*["']?([^"'\s>]*)`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "data:") {
			t.Errorf("the page loads %q: %s", m[1], m[0])
		}
	}
	if m := regexp.MustCompile(`@import|url\(\s*["']?https?:`).FindString(page); m != "" {
		t.Errorf("the style sheet has %q", m)
	}
	if !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"`) {
		t.Error("no policy keeps the page from loading anything")
	}
}

func TestLicenceOfUplotIsInThePage(t *testing.T) {
	page := render(t, connect())
	comment := regexp.MustCompile(`(?s)<!--.*?-->`).FindString(page)
	if !strings.Contains(comment, "Copyright (c) 2022 Leon Sorokin") || !strings.Contains(comment, "THE SOFTWARE IS PROVIDED") {
		t.Errorf("the page's comment is %q, want the licence of uPlot", comment)
	}
}

// hostile is what no server would call itself.
func hostile() *result.Result {
	const text = `</script></style><b id=hostile>--><img src=x onerror="fail()">` + "\u2028'\"`${x}{{.}}"
	r := beside()
	r.Name, r.Command, r.FirstError, r.SuspectOf, r.Suspect = text, text, text, []string{text}, true
	r.Scenario = map[string]string{text: text, "c": text}
	r.Machine = result.Machine{OS: text, Kernel: text, Go: text}
	r.Lanes[0].Name = text
	r.Trend = &result.Trend{Rising: []string{text}}
	for i := range r.Samples {
		r.Samples[i].Phase = text
	}
	return r
}

func TestHostileTextStaysText(t *testing.T) {
	page := render(t, hostile(), plain())
	if strings.Contains(page, "<b id") || strings.Contains(page, "<img") {
		t.Error("text of a result has become markup")
	}
	if n, want := strings.Count(page, "</script>"), strings.Count(render(t, plain()), "</script>"); n != want {
		t.Errorf("the page closes %d scripts, want %d", n, want)
	}
	r, err := result.Decode(bytes.NewReader(dataOf(t, page).Results[0]))
	if err != nil || r.Name != hostile().Name {
		t.Errorf("the result in the page is of %q, %v; want the name as it is", r.Name, err)
	}
}

func TestNothingToRenderIsAnError(t *testing.T) {
	var page bytes.Buffer
	if err := Write(&page, "x"); err == nil || !strings.Contains(err.Error(), "at least one") || page.Len() > 0 {
		t.Errorf("no results: %v and %d bytes, want an error that says what to do", err, page.Len())
	}
	if err := Write(&page, "x", plain(), nil); err == nil || !strings.Contains(err.Error(), "result 2 of 2 is nil") || page.Len() > 0 {
		t.Errorf("a nil result: %v and %d bytes, want an error that says which", err, page.Len())
	}
}

type brokenWriter struct{}

var errBroken = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteTellsOfTheWriter(t *testing.T) {
	if err := Write(brokenWriter{}, "", plain()); !errors.Is(err, errBroken) {
		t.Errorf("the error is %v, want the writer's", err)
	}
}

func TestTitle(t *testing.T) {
	for _, c := range []struct {
		title   string
		results []*result.Result
		want    string
	}{
		{"", []*result.Result{plain()}, "run of fastsse"},
		{"fastsse", []*result.Result{plain()}, "run of fastsse"},
		{"Evening", []*result.Result{plain()}, "Evening"},
		{"", []*result.Result{plain(), lossy()}, "2 results compared"},
		{"", []*result.Result{{}}, "result"},
	} {
		var page bytes.Buffer
		if err := Write(&page, c.title, c.results...); err != nil {
			t.Fatal(err)
		}
		if want := "<title>" + c.want + "</title>"; !strings.Contains(page.String(), want) {
			t.Errorf("title %q of %d results: no %s", c.title, len(c.results), want)
		}
	}
}

func TestNumberThatJSONCannotHoldIsAnError(t *testing.T) {
	r := plain()
	r.PerSecond = math.NaN()
	var page bytes.Buffer
	if err := Write(&page, "", r); err == nil || !strings.Contains(err.Error(), "delivered_per_second") || page.Len() > 0 {
		t.Errorf("%v and %d bytes, want an error that names the field", err, page.Len())
	}
}

// Who has no JavaScript reads the tables as text.
func TestPageHasTheResultsAsText(t *testing.T) {
	page := render(t, lossy(), storm("another", 1))
	_, rest, _ := strings.Cut(page, "<details open>")
	text, _, _ := strings.Cut(rest, "</details>")
	for _, want := range []string{"<pre", "1,499,086 of 1,500,000", "connection reset by peer", "storm of another"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the text", want)
		}
	}
	if !strings.Contains(page, "<noscript>") {
		t.Error("nothing tells who has no JavaScript where to read")
	}
}

func TestFiguresHaveTheValueOfEachResult(t *testing.T) {
	for _, f := range dataOf(t, render(t, plain(), connect())).Figures {
		switch f.Path {
		case "opened":
			if *f.Values[0] != 10_000 || *f.Values[1] != 10_000 {
				t.Errorf("opened is %v, want 10,000 of both", f.Values)
			}
		case "lost":
			if *f.Values[0] != 0 || f.Values[1] != nil {
				t.Errorf("lost is %v, want 0 and null", f.Values)
			}
		case "storm.caught_up":
			t.Error("there is a figure that none of the results has")
		}
	}
}
