// Package browser opens pages in a headless Chromium, or Firefox, for the tests of
// the examples.
package browser

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/fastsse/fastsse/internal/absent"
)

// programs are the names that Chromium goes by, the likeliest first.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// patience bounds a browser's whole life, so that a page that never gets there
// fails its own test and not the test binary's timeout.
const patience = 4 * time.Minute

// New starts a browser with a fresh profile and one empty tab, and returns that
// tab's context for chromedp.Run. Both end with the test. Certificates that have
// signed themselves are good enough for it. Where there is no
// Chromium the test is skipped, and says so; where CI is set it fails.
//
// New must not be called from a goroutine other than the test's.
func New(t testing.TB) context.Context {
	t.Helper()
	path := find(t)
	// Not from t.Context: that is cancelled before Cleanup, and a killed browser
	// cannot be told to close its tabs.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	// A copy of its own: the options of chromedp are one slice for everybody.
	flags := append(append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...),
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // or it refuses to run as root, as in a container
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("no-proxy-server", true), // the pages are on this machine
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.UserDataDir(t.TempDir()),
	)
	ctx, cancel = chromedp.NewExecAllocator(ctx, flags...)
	t.Cleanup(cancel) // waits for the process, so that its profile can be deleted
	return open(t, ctx)
}

// Tab opens another tab in the browser of ctx, which is what [New] or Tab
// returned. It shares its cookies, its storage and its six connections a host.
func Tab(t testing.TB, ctx context.Context) context.Context {
	t.Helper()
	return open(t, ctx)
}

// Open goes to url and waits until it is loaded. A page that holds a stream
// open is loaded all the same.
func Open(t testing.TB, ctx context.Context, url string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("browser: open %s: %v", url, err)
	}
}

// Eval returns what the JavaScript expression js is in the page. A promise is
// waited for.
func Eval[T any](t testing.TB, ctx context.Context, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("browser: evaluate %s: %v", js, err)
	}
	return v
}

// most is what a page may take for anything, on a machine however busy.
const most = 30 * time.Second

// Until waits until the JavaScript expression js is truthy in the page, and
// fails the test after 30 s, showing the text of the page. It asks again and
// again from here: a page in a background tab has slow timers.
func Until(t testing.TB, ctx context.Context, js string) {
	t.Helper()
	deadline := time.Now().Add(most)
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
			t.Fatalf("browser: not within %v: %s (last error: %v); the page says:\n%s", most, js, err, text)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Click clicks the first element that the CSS selector sel matches.
func Click(t testing.TB, ctx context.Context, sel string) {
	t.Helper()
	within, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := chromedp.Do(within, chromedp.Click(chromedp.CSS(sel))); err != nil {
		t.Fatalf("browser: click %s: %v", sel, err)
	}
}

// Press presses a key, such as "\r" for Enter (package chromedp/kb has more),
// wherever the focus is.
func Press(t testing.TB, ctx context.Context, key string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(key)); err != nil {
		t.Fatalf("browser: press %q: %v", key, err)
	}
}

// open starts the browser, or a tab where ctx has one.
func open(t testing.TB, ctx context.Context) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("browser: start Chromium: %v", err)
	}
	return ctx
}

func find(t testing.TB) string {
	t.Helper()
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	absent.Skipf(t, "NO BROWSER. This test needs a Chromium in PATH, named one of %q: apt-get install chromium", programs)
	return ""
}
