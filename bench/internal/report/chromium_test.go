package report

import (
	"context"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/internal/absent"
)

// looked is a page that is opened in a browser: the charts it must have, texts that it must
// show, and texts that it must not.
type looked struct {
	name    string
	results []*result.Result
	charts  string
	says    []string
	silent  []string
}

// widths are the widths of a screen and, for one page, also of a phone.
func (l looked) widths() []string {
	if l.name == "mixed" {
		return []string{"1280", "420"}
	}
	return []string{"1280"}
}

// all are the charts of a run whose server was measured.
const all = "events streams latency spectrum spread server-cpu server-memory server-descriptors tool-cpu tool-lag"

var pages = []looked{
	{name: "plain", results: []*result.Result{plain()}, charts: all, silent: []string{"Suspect", "Partial", "Errors", "Coming back"},
		says: []string{"Delivery 11.8 20.1 40.1 72.0 133 13.9 0 0 0 0", "Last reader 24.8", "Opening 2.40", "linux 6.1.0-28-amd64 · 8 processors · go1.26.8"}},
	{name: "lossy", results: []*result.Result{lossy()}, charts: all, says: []string{"Lost 914 0.061 % of expected",
		"missing 812 at 20.0 s", "duplicated 3 at 20.0 s", "out of order 1 at 20.0 s", "streams ended 40 at 20.0 s", "Delivery 14.1 24.0 47.9 86.0 159 16.6 914 812 3 1"}},
	{name: "suspect", results: []*result.Result{suspect()}, charts: all, says: []string{
		"Suspect Something other than the server may have been the bottleneck", "the busiest reader was busy 99 % of the time",
		"Partial Interrupted after 30.1 s", "12 streams refused, 3 streams failed; the first error: 503 Service Unavailable"}},
	{name: "beside", results: []*result.Result{beside()}, charts: all, says: []string{
		"Several publishers", "main 10,000 150 1,500,000 of 1,500,000 0 0 0 0", "beside 100 30 2,998 of 3,000 2 0 0 0 3 10.2 33.9 –"}},
	{name: "soak", results: []*result.Result{soak()}, charts: strings.Replace(all, "descriptors", "descriptors server-goroutines", 1), says: []string{
		"Not flat This rose: RSS from 3.66e+07 to 8.57e+07 B", "Rise of RSS +134 %", "Rise of CPU −0.400 %"}},
	{name: "sparse", results: []*result.Result{sparse()}, charts: all},
	{name: "single", results: []*result.Result{single()}, charts: "events streams latency spectrum spread tool-cpu tool-lag"},
	{name: "storm", results: []*result.Result{storm("fastsse", 1)}, charts: "storm", says: []string{
		"Caught up 10,000 of 10,000 streams, each 100 events behind", "0.880 s", "1.43 s", "Delivery – – – – – – 0 0 0 0"}},
	{name: "nobody back", results: []*result.Result{nobodyBack(storm("x", 1))}},
	{name: "nobody back from a drain", results: []*result.Result{nobodyBack(drain("x"))}},
	{name: "drain", results: []*result.Result{drain("fastsse")}, charts: "storm returns", says: []string{
		"of 10,000 streams, with an event since", "0.420 s after the signal · 12 cut · 0 not told when to return",
		"0.510 s status 0 · listens again after 0.550 s", "1.23 %", "Clients that came back, per second"}},
	{name: "drains", results: []*result.Result{drain("fastsse"), storm("another", 1), drain("a third")}, charts: "storm returns"},
	{name: "deploys", results: []*result.Result{deploys()}, charts: all, says: []string{
		"http://127.0.0.1:8081 3.10 s 0.200 s 0.510 s 0 5,000 0.420 s 1.01 s 3.02 s 3,040 ms", "In deploys 14 23.8"}},
	{name: "connect", results: []*result.Result{connect()},
		silent: []string{"Lost", "lost", "Delivered", "Latency", "Memory", "CPU to", "Over time", "Coming back"}},
	{name: "empty", results: []*result.Result{{}}},
	{name: "two", results: []*result.Result{plain(), lossy()}, charts: all, says: []string{"In all of them: -c 10000 -duration 30s",
		"Latency p99 40.1 ms 47.9 ms ×1.19", "Lost 0 914", "missing http://127.0.0.1:8080/events?topic=bench: 812 at 16.0 s", "Time counts from when each began to publish."}},
	{name: "hostile", results: []*result.Result{hostile()}, charts: all},
	{name: "hostiles", results: []*result.Result{hostile(), plain(), hostile()}, charts: all},
	{name: "storms", results: []*result.Result{storm("fastsse", 1), storm("another", 2.3)}, charts: "storm"},
	{name: "mixed", results: []*result.Result{plain(), storm("fastsse", 1), connect(), sparse()}, charts: "storm " + all, silent: []string{"In all of them"}},
}

// look is a script for the page's end: it notes in each chart how many pixels
// of its canvas are painted, then presses everything that can be pressed, points
// at the first chart over time, and notes what the legends say then.
const look = `<script>setTimeout(() => {
  for (const canvas of document.querySelectorAll("canvas")) {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let painted = 0;
    for (let i = 3; i < pixels.length; i += 4) painted += pixels[i] > 0;
    canvas.closest("figure").dataset.canvas = canvas.width + " " + canvas.height + " " + painted;
  }
  for (const e of document.querySelectorAll("button, input")) e.click();
  setTimeout(() => {
    const over = document.querySelector("[data-chart=events] .u-over"), box = over?.getBoundingClientRect();
    const at = { bubbles: true, clientX: box?.left + box?.width / 2, clientY: box?.top + 20 };
    for (const type of ["mouseenter", "mousemove"]) over?.dispatchEvent(new MouseEvent(type, at));
  }, 100);
  setTimeout(() => {
    for (const figure of document.querySelectorAll("figure")) figure.dataset.says = figure.querySelector(".u-value").textContent;
    document.documentElement.dataset.looked = "yes";
  }, 300);
}, 500)</script>`

func TestChartsAreDrawn(t *testing.T) {
	program, dir := chromium(t), t.ArtifactDir() // go test -artifacts keeps the pages, to be looked at
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			file := filepath.Join(dir, p.name+".html")
			source := render(t, p.results...)
			if err := os.WriteFile(file, []byte(source+look), 0o666); err != nil {
				t.Fatal(err)
			}
			for _, width := range p.widths() {
				p.check(t, dump(t, program, file, width))
			}
		})
	}
}

// check expects these charts and texts, and no error of the script.
func (l looked) check(t *testing.T, dom string) {
	t.Helper()
	if !strings.Contains(dom, `data-looked="yes"`) {
		t.Fatal("the page did not come to its end")
	}
	if m := regexp.MustCompile(`data-error="([^"]*)"`).FindStringSubmatch(dom); m != nil {
		t.Errorf("the page's script failed: %s", m[1])
	}
	if strings.Contains(dom, "<b id") || strings.Contains(dom, "<img") {
		t.Error("text of a result has become markup")
	}
	text := shown(dom)
	for _, want := range l.says {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page:\n%s", want, text)
		}
	}
	for _, absent := range append(l.silent, "NaN", "undefined", "null", "Infinity") {
		if strings.Contains(text, absent) {
			t.Errorf("the page says %q:\n%s", absent, text)
		}
	}
	checkCharts(t, dom, strings.Fields(l.charts))
}

// shown are the texts of a page above its foot, where all figures and the text are.
func shown(dom string) string {
	_, body, _ := strings.Cut(strings.ReplaceAll(dom, "<wbr>", ""), "<main>")
	body, _, _ = strings.Cut(body, "<details")
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " "))), " ")
}

// checkCharts expects these charts with something in each, and that pointing at the first
// chart over time shows the same time in all.
func checkCharts(t *testing.T, dom string, want []string) {
	t.Helper()
	var names []string
	var pointed string
	for _, m := range drawnChart.FindAllStringSubmatch(dom, -1) {
		name, says := m[1], m[5]
		names = append(names, name)
		width, _ := strconv.Atoi(m[2])
		height, _ := strconv.Atoi(m[3])
		painted, _ := strconv.Atoi(m[4])
		if width < 200 || height < 200 || painted < 1000 {
			t.Errorf("chart %s is %d×%d with %d pixels painted, want a picture", name, width, height, painted)
		}
		switch {
		case slices.Contains([]string{"storm", "returns", "spectrum", "spread"}, name):
		case says == "", pointed != "" && says != pointed:
			t.Errorf("chart %s says it is %q where the pointer is, another %q", name, says, pointed)
		default:
			pointed = says
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("charts are %v, want %v", names, want)
	}
}

var drawnChart = regexp.MustCompile(`data-chart="([^"]+)" data-canvas="(\d+) (\d+) (\d+)" data-says="([^"]*)"`)

func chromium(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		absent.Skipf(t, "needs chromium: apt-get install chromium")
	}
	return path
}

// dump is the DOM of a page after its scripts have run.
func dump(t *testing.T, program, file, width string, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, program, append(flags, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--window-size="+width+",900", "--virtual-time-budget=3000", "--dump-dom", "file://"+file)...)
	cmd.Stderr = &stderr
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, file, err, stderr.String())
	}
	return string(dom)
}
