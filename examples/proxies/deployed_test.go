package proxies

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

func TestMain(m *testing.M) { exampletest.Main(m, deployed) }

// The environment of the program that is deployed.
const (
	addressVariable = "PROXIES_ADDRESS"
	// clientsVariable names the folder with the npm packages of clients.
	clientsVariable = "SSE_CLIENTS"
)

// deployed is the program that is deployed: a hub, and pages with clients of it.
func deployed() {
	hub, err := server.New(server.Config{Retry: minRetry})
	if err != nil {
		log.Fatal(err)
	}
	routes := router.New()
	hub.Mount(routes, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}})
	servePages(routes)
	err = server.Run(context.Background(), server.RunOptions{Hub: hub, Handler: routes.Handler, Addr: os.Getenv(addressVariable)})
	if err != nil {
		log.Fatal(err)
	}
}

// servePages adds the pages with clients, and the npm packages that they need.
func servePages(routes *router.Router) {
	routes.ServeFiles("/clients/{filepath:*}", "testdata/clients")
	routes.GET("/npm/{filepath:*}", script)
}

// script answers with a file of an npm package. Modules import each other without ".js".
func script(ctx *fasthttp.RequestCtx) {
	name := path.Clean("/" + ctx.UserValue("filepath").(string))
	if path.Ext(name) == "" {
		name += ".js"
	}
	text, err := os.ReadFile(os.Getenv(clientsVariable) + name)
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusNotFound)
		return
	}
	ctx.SetContentType("text/javascript; charset=utf-8")
	ctx.SetBody(text)
}

// deployment is a running program, at an address that stays the same.
type deployment struct {
	address string
	program *exec.Cmd
	next    time.Time // when to publish again
}

func (d *deployment) start(t *testing.T) {
	t.Helper()
	d.program = exampletest.Command(t, []string{addressVariable + "=" + d.address})
	said := &testkit.Log{}
	d.program.Stdout, d.program.Stderr = said, said
	program := d.program
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Wait() }) // it is killed when the test is over, if it has not ended before
	await(t, "the server", strings.TrimPrefix(d.address, "127.0.0.1:"), said)
}

// stop ends the program as a platform does, and waits until it has ended.
func (d *deployment) stop(t *testing.T) {
	t.Helper()
	if err := d.program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.program.Wait(); err != nil {
		t.Errorf("the server ends with %v", err)
	}
}

// publish publishes data, past the proxy, and returns once the server has it.
func (d *deployment) publish(t *testing.T, data string) {
	t.Helper()
	response, err := http.Post("http://"+d.address+"/publish?topic=news", "text/plain", strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("publish %s: %s, %s, %v", data, response.Status, answer, err)
	}
}
