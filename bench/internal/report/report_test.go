package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"math"
	"regexp"
	"slices"
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

// dataOf is the JSON that a page's charts are drawn from.
func dataOf(t *testing.T, page string) (d struct {
	Runs []struct {
		Label string
		At    []*float64
	}
	Charts []struct{ ID string }
}) {
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
	if label := dataOf(t, page).Runs[0].Label; label != hostile().Name {
		t.Errorf("the charts' label is %q, want the name as it is", label)
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

// shown are the texts of a page's elements, without its scripts and styles.
func shown(page string) string {
	body := page[strings.Index(page, "<main>"):strings.Index(page, "</main>")]
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " "))), " ")
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	page := shown(render(t, suspect()))
	for _, want := range []string{
		"Suspect Something other than the server may have been the bottleneck", "the busiest reader was busy 99 % of the time",
		"Partial Interrupted after 30.1 s", "12 streams refused, 3 streams failed; the first error: 503 Service Unavailable",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if page := shown(render(t, soak())); !strings.Contains(page, "Not flat This rose from the first third to the last: RSS from 3.66e+07 to 8.57e+07 B") || !strings.Contains(page, "Memory +134 %") {
		t.Error("a soak that rises does not say so")
	}
	if page := shown(render(t, plain())); strings.Contains(page, "Suspect") || strings.Contains(page, "Partial") || strings.Contains(page, "Errors") {
		t.Error("a result with nothing wrong has a notice")
	}
}

func TestWhatWasNotMeasuredIsLeftOut(t *testing.T) {
	page := shown(render(t, connect()))
	for _, absent := range []string{"Lost", "Delivered", "Latency", "Memory", "CPU", "NaN", "Over time", "Coming back"} {
		if strings.Contains(page, absent) {
			t.Errorf("connect shows %q, which it did not measure", absent)
		}
	}
	if charts := dataOf(t, render(t, &result.Result{})).Charts; len(charts) > 0 {
		t.Errorf("an empty result has charts %v", charts)
	}
}

func TestFiguresOfStorm(t *testing.T) {
	page := shown(render(t, storm("fastsse", 1)))
	for _, want := range []string{"Caught up 10,000 of 10,000 streams, each 100 events behind", "Caught up, p95 0.880 s", "Server's CPU during the storm 1.43 s"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	nobody := storm("x", 1)
	nobody.Storm.Caught, nobody.Storm.P50, nobody.Storm.Last = 0, math.NaN(), math.NaN()
	if page := render(t, nobody); strings.Contains(shown(page), "NaN") || len(dataOf(t, page).Charts) > 0 {
		t.Error("a storm that nobody came back from shows when they did")
	}
}

func TestFiguresOfDrain(t *testing.T) {
	page := shown(render(t, drain("fastsse")))
	for _, want := range []string{
		"Caught up 10,000 of 10,000 streams, with an event since", "Streams ended 0.420 s after SIGTERM · 12 cut · 0 not told when to return",
		"Process exited 0.510 s status 0 · listens again after 0.550 s", "Returns uneven 1.23 %", "Clients that came back, per second",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	r := drain("x")
	r.Storm.Drain.Returns, r.Storm.Drain.Uneven, r.Storm.Caught = []result.Return{}, nil, 0
	if page := render(t, r); strings.Contains(shown(page), "NaN") || len(dataOf(t, page).Charts) > 0 {
		t.Error("a drain from which nobody came back shows when they did")
	}
	if at, caught := caughtAt(&run{result: drain("x")}), caughtShare(&run{result: drain("x")}); len(at) != 6 || len(caught) != 6 || at[1] != 3.01 || caught[1] != 0 || caught[2] != 50 {
		t.Errorf("caught up at %v: %v; want none before the first is back", at, caught)
	}
	at, rate := returnsAt(&run{result: drain("x")}), returnRate(func(p *result.Return) int { return p.Due })(&run{result: drain("x")})
	if len(at) != 6 || len(rate) != 6 || !slices.IsSorted(at) || rate[0] < 3299.9 || rate[0] > 3300.1 || rate[1] != rate[0] {
		t.Errorf("at %v, %v per second; want a step for each second", at, rate)
	}
}

func TestLanesAreATable(t *testing.T) {
	page := shown(render(t, beside()))
	for _, want := range []string{"Several publishers", "main 10,000 150 1,500,000 of 1,500,000 0 0 0", "beside 100 30 2,998 of 3,000 2 0 0 3 10.2 33.9 –"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
}
