package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// scarceChild is set in the environment of the process that runs out of
// descriptors.
const scarceChild = "FASTSSE_TEST_SCARCE_CHILD"

// Streams that are open notice nothing, new ones are told to come back, and
// the port stays open.
func TestListenSurvivesRunningOutOfDescriptors(t *testing.T) {
	if os.Getenv(scarceChild) != "" {
		serveScarce(t)
		return
	}
	addr, publish := startScarce(t)
	var readers []net.Conn
	defer func() {
		for _, c := range readers {
			c.Close()
		}
	}()
	refused := ""
	for refused == "" {
		c, opened, head := openRaw(t, addr)
		if opened {
			readers = append(readers, c)
			continue
		}
		refused = head
		c.Close()
		if len(readers) < 10 || !isRefusal(refused) {
			t.Fatalf("after %d streams a new one was answered %q, want 200 and a retry", len(readers), refused)
		}
	}
	publish("still here")
	for i, c := range readers {
		wantsText(t, c, "still here", fmt.Sprintf("reader %d of %d", i+1, len(readers)))
	}
	for range 10 {
		readers[0].Close()
		readers = readers[1:]
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		c, opened, head := openRaw(t, addr)
		if opened {
			c.Close()
			return
		}
		c.Close()
		if !isRefusal(head) || time.Now().After(deadline) {
			t.Fatalf("10 readers have left, and a new stream is still answered %q", head)
		}
	}
}

// isRefusal reports whether an answer tells an event stream to come back: it is cut.
func isRefusal(answer string) bool {
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	if err != nil {
		return false
	}
	body, err := io.ReadAll(r.Body)
	return r.StatusCode == 200 && string(body) == "retry: 5000\n\n" && err == io.ErrUnexpectedEOF
}

// openRaw opens a stream. It is not opened if the answer ends at once.
func openRaw(t *testing.T, addr string) (c net.Conn, opened bool, head string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("the port is closed: %v", err)
	}
	if _, err := c.Write([]byte("GET /events?topic=a HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		got.Write(buf[:n])
		if strings.Contains(got.String(), "id: ") { // its position: it is a stream
			return c, true, got.String()
		}
		if err != nil {
			return c, false, got.String()
		}
	}
}

func wantsText(t *testing.T, c net.Conn, text, who string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: waiting for %q: %v", who, text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

// startScarce runs this test in a process of its own with few descriptors.
func startScarce(t *testing.T) (addr string, publish func(string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), scarceChild+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // the child ends with its input
		cmd.Wait()
	})
	r := bufio.NewScanner(out)
	for r.Scan() {
		if a, ok := strings.CutPrefix(r.Text(), "listening on "); ok {
			go func() {
				for r.Scan() { // keep the pipe empty
				}
			}()
			return a, func(s string) { fmt.Fprintln(in, s) }
		}
	}
	t.Fatal("the process with few descriptors did not start")
	return "", nil
}

// serveScarce is the child: it publishes each line of its input to topic a.
func serveScarce(t *testing.T) {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	hub, err := server.New(server.Config{MaxSubscribers: -1}) // or it would not come to that
	if err != nil {
		t.Fatal(err)
	}
	ln, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("listening on %s\n", ln.Addr())
	srv := &fasthttp.Server{Handler: server.SubscribeHandler(hub, server.SubscribeOptions{})}
	go func() {
		if err := srv.Serve(ln); err != nil {
			fmt.Fprintf(os.Stderr, "Serve ended: %v\n", err)
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if _, err := hub.Publish("a", streamwriter.Event{Data: lines.Bytes()}); err != nil {
			t.Error(err)
		}
	}
	hub.Close(context.Background())
	ln.Close()
}
