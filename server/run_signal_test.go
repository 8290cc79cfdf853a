package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// The child process of the tests of signals. On its standard input "stop" ends Run's
// context, and "end" its stream.
func TestRunChild(t *testing.T) {
	if os.Getenv("FASTSSE_RUN_CHILD") == "" {
		t.Skip("it is a part of TestRunEndsOnSignals")
	}
	ctx, stop := context.WithCancel(context.Background())
	end, signals := make(chan struct{}), make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			map[string]func(){"stop": stop, "end": func() { close(end) }}[lines.Text()]()
		}
	}()
	go func() {
		for range signals {
			fmt.Println("signalled")
		}
	}()
	err := server.Run(ctx, server.RunOptions{
		Addr: "127.0.0.1:0", Grace: time.Minute, Listening: func(a net.Addr) { fmt.Println("listening", a) },
		Handler: func(ctx *fasthttp.RequestCtx) {
			streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
				fmt.Println("began")
				<-w.Draining()
				fmt.Println("draining")
				select {
				case <-w.Context().Done():
				case <-end:
				}
				return nil
			})
		},
	})
	fmt.Println("returned", err)
}

// runChild is a child process with a stream.
type runChild struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.Writer
	lines *bufio.Scanner
}

// startRunChild starts one, and opens its stream.
func startRunChild(t *testing.T) *runChild {
	t.Helper()
	c := &runChild{t: t, cmd: exec.Command(os.Args[0], "-test.run=^TestRunChild$", "-test.v")}
	c.cmd.Env = append(os.Environ(), "FASTSSE_RUN_CHILD=1")
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	c.lines = bufio.NewScanner(out)
	res, err := http.Get("http://" + strings.TrimSpace(c.await("listening")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	c.await("began")
	return c
}

// await reads lines until one begins with word, and returns the rest of that.
func (c *runChild) await(word string) string {
	c.t.Helper()
	for c.lines.Scan() {
		if text, ok := strings.CutPrefix(c.lines.Text(), word); ok {
			return text
		}
	}
	c.t.Fatalf("the child ended before it said %q", word)
	return ""
}

// ends waits for the child's end, and returns what its Run returned.
func (c *runChild) ends() string {
	c.t.Helper()
	said := c.await("returned")
	if err := c.cmd.Wait(); err != nil {
		c.t.Error(err)
	}
	return said
}

func TestRunEndsOnSignals(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		c := startRunChild(t)
		_ = c.cmd.Process.Signal(sig)
		c.await("draining") // and it goes on: a second signal is needed
		_ = c.cmd.Process.Signal(sig)
		if got := c.ends(); !strings.Contains(got, "a second signal") {
			t.Errorf("after two signals Run returned%s", got)
		}
	}
}

// A program may watch for signals itself, and end ctx on the first (signal.NotifyContext).
// If Run sees that before the signal, it does not take the signal for the second.
func TestRunCountsASignalThatAlsoEndsItsContextOnce(t *testing.T) {
	t.Parallel()
	c := startRunChild(t)
	fmt.Fprintln(c.in, "stop")
	c.await("draining")
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	c.await("signalled")
	time.Sleep(50 * time.Millisecond) // nothing tells that Run has seen it, too
	fmt.Fprintln(c.in, "end")
	if got := c.ends(); got != " <nil>" {
		t.Errorf("Run returned%s; want nil, when its stream has ended by itself", got)
	}
}
