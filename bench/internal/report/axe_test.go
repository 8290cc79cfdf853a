package report

import (
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/internal/absent"
)

// runAxe is a script for the page's end: it lists what axe-core finds. Contrast that it cannot
// work out counts too: it would be a hole in the audit.
const runAxe = `<script>setTimeout(async () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const { violations, incomplete } = await axe.run(document, { resultTypes: ["violations", "incomplete"] });
  document.body.dataset.axe = [matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
    ...[...violations, ...incomplete.filter(rule => rule.id === "color-contrast")].map(rule => rule.id + ": " + rule.nodes.map(node => node.target.join(" ")).join(", "))].join("\n");
}, 500)</script>`

// TestAxeFindsNothingWrong: with one result and several, dark on a desktop and light on a phone.
func TestAxeFindsNothingWrong(t *testing.T) {
	if os.Getenv("AXE_CORE") == "" {
		absent.Skipf(t, "needs axe-core: npm install --prefix /tmp/axe axe-core, and AXE_CORE=/tmp/axe/node_modules/axe-core")
	}
	axe, err := os.ReadFile(filepath.Join(os.Getenv("AXE_CORE"), "axe.min.js"))
	if err != nil {
		t.Fatalf("AXE_CORE must name the folder of the npm package axe-core: %v", err)
	}
	program, file := chromium(t), filepath.Join(t.TempDir(), "page.html")
	for _, results := range [][]*result.Result{{suspect()}, {lossy(), suspect(), drain("fastsse"), deploys()}} {
		page := render(t, results...) + "<script>" + string(axe) + "</script>" + runAxe
		if err := os.WriteFile(file, []byte(page), 0o666); err != nil {
			t.Fatal(err)
		}
		checkAxe(t, dump(t, program, file, "1280", "--blink-settings=preferredColorScheme=0"), "dark")
		checkAxe(t, dump(t, program, file, "420", "--blink-settings=preferredColorScheme=1"), "light")
	}
}

func checkAxe(t *testing.T, dom, scheme string) {
	t.Helper()
	found := regexp.MustCompile(`(?s)data-axe="([^"]*)"`).FindStringSubmatch(dom)
	if found == nil {
		t.Fatal("axe-core did not come to its end")
	}
	seen, faults, _ := strings.Cut(html.UnescapeString(found[1]), "\n")
	if seen != scheme || faults != "" {
		t.Errorf("%s (want %s): axe-core finds\n%s", seen, scheme, faults)
	}
}
