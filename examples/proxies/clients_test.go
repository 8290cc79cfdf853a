package proxies

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// client is a client that stays open through restarts.
type client struct {
	name  string
	isCut bool                        // a hub ends its stream by a cut: it is no EventSource
	log   func(t *testing.T) []string // what it got: "gap", or an event's data
}

// openClients opens every kind of client through a proxy, over HTTP/1.1 and HTTP/2, and
// also the page of Datastar if that is wanted, which is not told of gaps.
func openClients(t *testing.T, up proxy, datastar bool) (clients []client) {
	t.Helper()
	pages, npm := []string{"eventsource"}, needClients(t)
	if npm != "" {
		pages = append(pages, "fetch-event-source", "htmx")
		if datastar {
			pages = append(pages, "datastar")
		}
	}
	chromium, firefox := browser.New(t), browser.NewFirefox(t)
	urls := map[string]string{"http1": up.http1, "http2": up.http2}
	for proto, url := range urls {
		for _, page := range pages {
			if up.name == "haproxy" && proto == "http2" && page != "eventsource" {
				continue // it makes a clean end of a cut, and no client that is made with fetch comes back
			}
			name := "chromium-" + page + "-" + proto
			tab := browser.Tab(t, chromium)
			browser.Open(t, tab, url+"/clients/"+page+".html?topic="+topicOf(page)+"&client="+name)
			clients = append(clients, client{name, page != "eventsource", func(t *testing.T) []string { return browser.Eval[[]string](t, tab, "log") }})
		}
		name := "firefox-eventsource-" + proto
		tab := firefox.Open(t, url+"/clients/eventsource.html?topic=news&client="+name)
		clients = append(clients, client{name, false, func(t *testing.T) (log []string) {
			tab.Eval(t, &log, "log")
			return log
		}})
	}
	if npm != "" {
		clients = append(clients, openNode(t, npm, urls)...)
	}
	return clients
}

// topicOf returns the topic that a page subscribes to. Datastar hands out events of its own
// types only.
func topicOf(page string) string {
	if page == "datastar" {
		return "datastar"
	}
	return "news"
}

// needClients returns the folder of the npm packages, or nothing: then a test of that
// name is skipped, and where CI is set it fails.
func needClients(t *testing.T) (folder string) {
	t.Helper()
	t.Run("npm packages", func(t *testing.T) {
		if folder = os.Getenv(clientsVariable); folder == "" {
			absent.Skipf(t, "NO CLIENTS. This test needs packages of npm: npm install --prefix /tmp/sse eventsource-4@npm:eventsource@4.1.1 eventsource-2@npm:eventsource@2.0.2 undici@7.30.2 @microsoft/fetch-event-source@2.0.1 htmx.org@4.0.1 @starfederation/datastar@1.0.0-beta.11, and %s=/tmp/sse/node_modules", clientsVariable)
		}
	})
	return folder
}

// openNode opens the EventSources of npm packages in one process of node.
func openNode(t *testing.T, npm string, urls map[string]string) (clients []client) {
	t.Helper()
	var (
		mu   sync.Mutex // guards logs
		logs = map[string][]string{}
		args = []string{"testdata/clients/node.cjs", npm}
	)
	for proto, url := range urls {
		kinds := []string{"undici", "eventsource-4"}
		if proto == "http1" {
			kinds = append(kinds, "eventsource-2") // it knows HTTP/1.1 only
		}
		for _, kind := range kinds {
			name := "node-" + kind + "-" + proto
			args = append(args, kind, name, url+"/events?topic=news&client="+name)
			clients = append(clients, client{name, false, func(*testing.T) []string {
				mu.Lock()
				defer mu.Unlock()
				return append([]string(nil), logs[name]...)
			}})
		}
	}
	node := exec.CommandContext(t.Context(), "node", args...)
	said := &testkit.Log{}
	node.Stderr = said
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatalf("start node, which comes with npm: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			name, entry, _ := strings.Cut(lines.Text(), " ")
			mu.Lock()
			logs[name] = append(logs[name], entry)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		<-ended
		_ = node.Wait() // "signal: killed"
		if t.Failed() {
			t.Logf("node said:\n%s", said)
		}
	})
	return clients
}
