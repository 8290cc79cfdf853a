package clients

import (
	"flag"
	"os"
	"os/exec"
	"testing"

	"github.com/fastsse/fastsse/internal/absent"
)

var (
	all    = flag.Bool("all", false, "run all clients, also those that take longer")
	update = flag.Bool("update", false, "write what was found to testdata/outcomes.json, and the table to docs/clients.md")
)

// subject is a client that somebody else has written, or that of this module.
type subject struct {
	name     string // also of its topic
	of       string // the npm package's folder, the Go module, or the program
	slow     bool   // runs with -all only: its waits grow
	datastar bool   // hands out events of its own types only
	page     string // of a browser; with its query
	run      goClient
}

// runtimes are the clients that run together.
var runtimes = []struct {
	name    string
	start   func(t *testing.T, clients []*running)
	clients []subject
}{
	{"node", startNode, []subject{
		{name: "eventsource-2", of: "eventsource-2"},
		{name: "eventsource-3", of: "eventsource-3"},
		{name: "eventsource-4", of: "eventsource-4"},
		{name: "eventsource-5", of: "eventsource-5"},
		{name: "undici", of: "undici"},
		{name: "eventsource-parser", of: "eventsource-parser"},
		{name: "eventsource-client", of: "eventsource-client"},
		{name: "launchdarkly-eventsource", of: "launchdarkly-eventsource"},
	}},
	{"chromium", startChromium, []subject{
		{name: "EventSource-in-Chromium", of: "chromium", page: "eventsource.html?"},
		{name: "fetch-event-source", of: "@microsoft/fetch-event-source", page: "fetch-event-source.html?"},
		{name: "fetch-event-source-advised", of: "@microsoft/fetch-event-source", page: "fetch-event-source.html?advised&"},
		{name: "htmx-2", of: "htmx-ext-sse", page: "htmx-2.html?"},
		{name: "htmx-4", of: "htmx.org", page: "htmx-4.html?"},
		{name: "datastar", of: "@starfederation/datastar", page: "datastar.html?", datastar: true},
	}},
	{"firefox", startFirefox, []subject{
		{name: "EventSource-in-Firefox", of: "firefox", page: "eventsource.html?"},
	}},
	{"go", startGo, []subject{
		{name: "go-sse", of: "github.com/tmaxmax/go-sse", run: goSSE(false)},
		{name: "go-sse-advised", of: "github.com/tmaxmax/go-sse", run: goSSE(true)},
		{name: "r3labs", of: "github.com/r3labs/sse/v2", slow: true, run: r3labs(false)},
		{name: "r3labs-advised", of: "github.com/r3labs/sse/v2", slow: true, run: r3labs(true)},
		{name: "launchdarkly", of: "github.com/launchdarkly/eventsource", run: launchdarkly(false)},
		{name: "launchdarkly-advised", of: "github.com/launchdarkly/eventsource", run: launchdarkly(true)},
		{name: "ours", of: "github.com/fastsse/fastsse", run: ours},
	}},
}

// folder is the environment variable that names the folder with the npm packages of
// install.
const folder = "SSE_CLIENTS"

const install = "npm install --prefix /tmp/sse eventsource-2@npm:eventsource@2.0.2 eventsource-3@npm:eventsource@3.0.7 " +
	"eventsource-4@npm:eventsource@4.1.1 eventsource-5@npm:eventsource@5.1.5 eventsource-parser@3.1.1 eventsource-client@1.2.0 " +
	"launchdarkly-eventsource@2.2.0 undici@7.30.2 @microsoft/fetch-event-source@2.0.1 htmx.org@4.0.1 htmx-2@npm:htmx.org@2.0.11 " +
	"htmx-ext-sse@2.2.4 @starfederation/datastar@1.0.0-beta.11 openai@6.49.0 ai@6.0.326 @ai-sdk/openai@3.0.141"

// npm returns the folder of the npm packages. Without it the test is skipped.
func npm(t *testing.T) string {
	t.Helper()
	at := os.Getenv(folder)
	if at == "" {
		absent.Skipf(t, "NO CLIENTS. This test needs clients of npm: %s, and %s=/tmp/sse/node_modules", install, folder)
	}
	return at
}

// program returns the path of a program. Without it the test is skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		absent.Skipf(t, "NO %s. This test needs %[1]s in PATH: %v", name, err)
	}
	return path
}

// quick returns the clients that run without -all, or all of them.
func quick(clients []subject) (list []subject) {
	for _, c := range clients {
		if *all || !c.slow {
			list = append(list, c)
		}
	}
	return list
}
