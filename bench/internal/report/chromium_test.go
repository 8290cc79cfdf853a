package report

import (
	"context"
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

// looked is a page that is opened in a browser, and the charts it must have.
type looked struct {
	name    string
	results []*result.Result
	charts  string
}

// widths are the widths of a screen and, without -short, also of a phone.
func (l looked) widths() []string {
	if l.name == "mixed" {
		return []string{"1280", "420"}
	}
	return []string{"1280"}
}

// all are the charts of a run whose server was measured.
const all = "events streams latency spectrum spread server-cpu server-memory server-descriptors tool-cpu tool-lag"

var pages = []looked{
	{"plain", []*result.Result{plain()}, all},
	{"lossy", []*result.Result{lossy()}, all},
	{"suspect", []*result.Result{suspect()}, all},
	{"beside", []*result.Result{beside()}, all},
	{"soak", []*result.Result{soak()}, "events streams latency spectrum spread server-cpu server-memory server-descriptors server-goroutines tool-cpu tool-lag"},
	{"sparse", []*result.Result{sparse()}, all},
	{"single", []*result.Result{single()}, "events streams latency spectrum spread tool-cpu tool-lag"},
	{"storm", []*result.Result{storm("fastsse", 1)}, "storm"},
	{"drain", []*result.Result{drain("fastsse")}, "storm returns"},
	{"drains", []*result.Result{drain("fastsse"), storm("another", 1), drain("a third")}, "storm returns"},
	{"connect", []*result.Result{connect()}, ""},
	{"two", []*result.Result{plain(), lossy()}, all},
	{"hostile", []*result.Result{hostile()}, all},
	{"storms", []*result.Result{storm("fastsse", 1), storm("another", 2.3)}, "storm"},
	{"mixed", []*result.Result{plain(), storm("fastsse", 1), connect(), sparse()}, "storm " + all},
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
			html := render(t, p.results...)
			if err := os.WriteFile(file, []byte(html+look), 0o666); err != nil {
				t.Fatal(err)
			}
			for _, width := range p.widths() {
				checkPage(t, dump(t, program, file, width), strings.Fields(p.charts))
			}
		})
	}
}

// checkPage expects these charts, and no error of the script.
func checkPage(t *testing.T, dom string, charts []string) {
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
	checkCharts(t, dom, charts)
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

// dump is a page's DOM after its scripts have run.
func dump(t *testing.T, program, file, width string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--window-size="+width+",900", "--virtual-time-budget=3000", "--dump-dom", "file://"+file)
	cmd.Stderr = &stderr
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, file, err, stderr.String())
	}
	return string(dom)
}
