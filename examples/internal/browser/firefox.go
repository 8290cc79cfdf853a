package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// Firefox is a headless Firefox with a fresh profile. It is driven by Marionette, the
// protocol that is built into it.
type Firefox struct {
	mu   sync.Mutex // guards what follows, for as long as a tab is chosen and used
	conn net.Conn
	in   *bufio.Reader
	last int // number of the last command
}

// FirefoxTab is a tab of a [Firefox].
type FirefoxTab struct {
	firefox *Firefox
	handle  string
}

// profile is what the preferences of a fresh profile are not to be: pages are on this
// machine, and nothing else is asked for.
const profile = `user_pref("marionette.port", 0);
user_pref("network.proxy.type", 0);
user_pref("app.update.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:1");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.server", "data:,");
user_pref("browser.safebrowsing.provider.mozilla.updateURL", "");
user_pref("browser.startup.page", 0);
`

// NewFirefox starts a Firefox that ends with the test. Certificates that have signed
// themselves are good enough for it. Where there is no Firefox the test is skipped, and
// says so; where CI is set it fails.
func NewFirefox(t testing.TB) *Firefox {
	t.Helper()
	path := findFirefox(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "user.js"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, path, "--headless", "--marionette", "--no-remote", "--profile", dir)
	cmd.Env = append(os.Environ(), "HOME="+dir) // where it would write caches
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("browser: start %s: %v", path, err)
	}
	f := &Firefox{}
	t.Cleanup(func() {
		cancel()       // it has nothing to save, and would take its time to end by itself
		_ = cmd.Wait() // "signal: killed"
		if f.conn != nil {
			_ = f.conn.Close()
		}
	})
	f.connect(t, filepath.Join(dir, "MarionetteActivePort"))
	return f
}

// Open opens a new tab at url and waits until the page is loaded. The tab is closed at the
// end of the test. Like Eval it may be called from any test's goroutine.
func (f *Firefox) Open(t testing.TB, url string) *FirefoxTab {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var created struct {
		Handle string `json:"handle"`
	}
	f.must(t, &created, "WebDriver:NewWindow", map[string]any{"type": "tab"})
	tab := &FirefoxTab{firefox: f, handle: created.Handle}
	t.Cleanup(tab.close)
	f.must(t, nil, "WebDriver:SwitchToWindow", map[string]any{"handle": created.Handle})
	f.must(t, nil, "WebDriver:Navigate", map[string]any{"url": url})
	return tab
}

// close closes the tab, and with it the page's streams.
func (tab *FirefoxTab) close() {
	f := tab.firefox
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.do(nil, "WebDriver:SwitchToWindow", map[string]any{"handle": tab.handle, "focus": false}) != nil {
		return // Firefox ends anyway
	}
	var left []string
	if f.do(&left, "WebDriver:CloseWindow", nil) == nil && len(left) > 0 { // or it could open no other
		_ = f.do(nil, "WebDriver:SwitchToWindow", map[string]any{"handle": left[0], "focus": false})
	}
}

// Eval puts what the JavaScript expression js is in the page into result, as
// encoding/json does. A promise is waited for.
func (tab *FirefoxTab) Eval(t testing.TB, result any, js string) {
	t.Helper()
	f := tab.firefox
	f.mu.Lock()
	defer f.mu.Unlock()
	var answer struct {
		Value json.RawMessage `json:"value"`
	}
	f.must(t, nil, "WebDriver:SwitchToWindow", map[string]any{"handle": tab.handle, "focus": false})
	f.must(t, &answer, "WebDriver:ExecuteScript", map[string]any{"script": "return " + js, "args": []any{}})
	if err := json.Unmarshal(answer.Value, result); err != nil {
		t.Fatalf("browser: Firefox: %s is %s: %v", js, answer.Value, err)
	}
}

// connect waits until Firefox has written at which port it listens, and makes the one
// session that Marionette allows.
func (f *Firefox) connect(t testing.TB, portFile string) {
	t.Helper()
	testkit.Eventually(t, "Firefox listens", func() bool {
		port, err := os.ReadFile(portFile)
		if err != nil || len(port) == 0 {
			return false
		}
		f.conn, err = net.Dial("tcp", "127.0.0.1:"+strings.TrimSpace(string(port)))
		return err == nil
	})
	_ = f.conn.SetDeadline(time.Now().Add(patience))
	f.in = bufio.NewReader(f.conn)
	if _, err := f.receive(); err != nil { // what it is, and its version
		t.Fatalf("browser: connect to Firefox: %v", err)
	}
	f.must(t, nil, "WebDriver:NewSession", map[string]any{"acceptInsecureCerts": true})
}

// must sends a command, and fails the test unless it works. It is called with mu held,
// or before anybody else knows f.
func (f *Firefox) must(t testing.TB, result any, command string, arguments map[string]any) {
	t.Helper()
	if err := f.do(result, command, arguments); err != nil {
		t.Fatalf("browser: Firefox: %s %v: %v", command, arguments, err)
	}
}

// do sends a command and waits for its result. A message is its length, a colon, and
// JSON: [0, number, command, arguments] there, [1, number, error, result] back.
func (f *Firefox) do(result any, command string, arguments map[string]any) error {
	f.last++
	message, err := json.Marshal([]any{0, f.last, command, arguments})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f.conn, "%d:%s", len(message), message); err != nil {
		return err
	}
	answer, err := f.receive()
	if err != nil {
		return err
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(answer, &parts); err != nil || len(parts) != 4 {
		return fmt.Errorf("it answers %s: %w", answer, err)
	}
	if failed := parts[2]; !bytes.Equal(failed, []byte("null")) {
		return fmt.Errorf("it answers %s", failed)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(parts[3], result)
}

// receive reads a message.
func (f *Firefox) receive() ([]byte, error) {
	var length int
	if _, err := fmt.Fscanf(f.in, "%d:", &length); err != nil {
		return nil, fmt.Errorf("read a message of Marionette: %w", err)
	}
	message := make([]byte, length)
	_, err := io.ReadFull(f.in, message)
	return message, err
}

func findFirefox(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"firefox-esr", "firefox"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	absent.Skipf(t, "NO FIREFOX. This test needs firefox-esr or firefox in PATH: apt-get install firefox-esr")
	return ""
}
