package clients

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/internal/absent"
	"github.com/valyala/fasthttp"
)

// folder is the environment variable that names the folder with the npm packages of
// install.
const folder = "SSE_CLIENTS"

const install = "npm install --prefix /tmp/sse eventsource-4@npm:eventsource@4.1.1 eventsource-2@npm:eventsource@2.0.2 undici@7.30.2 @microsoft/fetch-event-source@2.0.1"

// npm returns the folder of the npm packages. Without it the test is skipped.
func npm(t *testing.T) string {
	t.Helper()
	at := os.Getenv(folder)
	if at == "" {
		absent.Skipf(t, "NO CLIENTS. This test needs clients of npm: %s, and %s=/tmp/sse/node_modules", install, folder)
	}
	return at
}

func TestClientsOfNodeComeBack(t *testing.T) {
	packages := npm(t)
	node, err := exec.LookPath("node")
	if err != nil {
		absent.Skipf(t, "NO NODE. This test needs node: %v", err)
	}
	f := newFeed(t, router.New())
	cmd := exec.CommandContext(t.Context(), node, "testdata/node.mjs", f.URL)
	cmd.Env = append(os.Environ(), folder+"="+packages, "NODE_NO_WARNINGS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.report(lines.Bytes())
		}
	}()
	defer func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait()
	}()
	f.comeBack("eventsource-4", "eventsource-2", "undici")
	f.mend("eventsource-4", "eventsource-2", "undici")
}

func TestClientsOfABrowserComeBack(t *testing.T) {
	modules := filepath.Join(npm(t), "@microsoft", "fetch-event-source", "lib", "esm")
	routes := router.New()
	f := newFeed(t, routes)
	routes.GET("/", func(ctx *fasthttp.RequestCtx) { f.file(ctx, "testdata/page.html", "text/html") })
	routes.GET("/fetch-event-source/{name}", func(ctx *fasthttp.RequestCtx) {
		name := filepath.Base(ctx.UserValue("name").(string))
		if filepath.Ext(name) == "" {
			name += ".js" // as its modules name one another
		}
		f.file(ctx, filepath.Join(modules, name), "text/javascript")
	})
	ctx := browser.New(t)
	browser.Open(t, ctx, f.URL)
	f.comeBack("EventSource", "fetch-event-source")
	f.mend("EventSource", "fetch-event-source")
}

// file answers with a file. (fasthttp's SendFile would write a compressed one beside it.)
func (f *feed) file(ctx *fasthttp.RequestCtx, path, contentType string) {
	b, err := os.ReadFile(path)
	if err != nil {
		f.t.Error(err)
	}
	ctx.SetContentType(contentType)
	ctx.SetBody(b)
}
