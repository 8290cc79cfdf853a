package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/fastsse/fastsse/internal/absent"
)

// axeFolder is the environment variable that names the folder of the npm package
// axe-core.
const axeFolder = "AXE_CORE"

// Look is what a page is looked at with.
type Look struct {
	Width, Height int64
	Scheme        string // light or dark
}

// Looks are a desktop and a phone, each in light and dark.
var Looks = []Look{{1280, 900, "light"}, {1280, 900, "dark"}, {390, 844, "light"}, {390, 844, "dark"}}

func (l Look) String() string { return fmt.Sprintf("%dx%d, %s", l.Width, l.Height, l.Scheme) }

// Use shows the page of ctx as l does. Nothing is animated then.
func (l Look) Use(t testing.TB, ctx context.Context) {
	t.Helper()
	media := func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.Scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(l.Width, l.Height), chromedp.Func(media)); err != nil {
		t.Fatalf("browser: show the page at %s: %v", l, err)
	}
	// The page hears of its new size with the next frame.
	Eval[bool](t, ctx, `new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))`)
}

var axe = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile(filepath.Join(os.Getenv(axeFolder), "axe.min.js"))
	return string(source), err
})

// NeedAxe skips the test where axe-core is not there, and says so; where CI is
// set it fails.
func NeedAxe(t testing.TB) {
	t.Helper()
	if os.Getenv(axeFolder) == "" {
		absent.Skipf(t, "NO AXE. This test needs axe-core: npm install --prefix /tmp/axe axe-core, and %s=/tmp/axe/node_modules/axe-core", axeFolder)
	}
	if _, err := axe(); err != nil {
		t.Fatalf("%s must name the folder of the npm package axe-core: %v", axeFolder, err)
	}
}

// Audit fails the test for whatever axe-core finds wrong with the page as it is,
// in each of [Looks]. state says in which one it is.
func Audit(t testing.TB, ctx context.Context, state string) {
	t.Helper()
	NeedAxe(t)
	source, err := axe()
	if err != nil {
		t.Fatal(err)
	}
	Eval[bool](t, ctx, source+"\n;!!window.axe")
	for _, look := range Looks {
		look.Use(t, ctx)
		if found := Eval[[]string](t, ctx, runAxe); len(found) > 0 {
			t.Errorf("%s, %s: axe-core finds %d faults:\n%s", state, look, len(found), strings.Join(found, "\n"))
		}
	}
}

// runAxe lists what axe-core finds. Contrast that it cannot work out counts too:
// it would be a hole in the audit.
const runAxe = `axe.run(document, { resultTypes: ["violations", "incomplete"] }).then(({ violations, incomplete }) =>
	[...violations, ...incomplete.filter(rule => rule.id === "color-contrast")].flatMap(rule => rule.nodes.map(node =>
		rule.id + " (" + rule.impact + ") at " + node.target.join(" ") + ": " +
		[...node.any, ...node.all, ...node.none].map(check => check.message).join("; "))))`
