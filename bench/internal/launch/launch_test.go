package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test's program becomes a server if its first argument says which.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if play := roles[os.Args[1]]; play != nil {
			play(os.Args[2:])
			return
		}
	}
	os.Exit(m.Run())
}

var roles = map[string]func(args []string){
	"serves":  func([]string) { announce(listen("127.0.0.1:0")); untilTold() },
	"late":    func(args []string) { listen(args[0]); untilTold() },
	"env":     func([]string) { listen("127.0.0.1:" + os.Getenv("PORT")); untilTold() },
	"deaf":    func([]string) { signal.Ignore(syscall.SIGTERM); announce(listen("127.0.0.1:0")); select {} },
	"chatty":  func([]string) { fmt.Println("hello"); untilTold() },
	"missing": func([]string) { fmt.Fprintln(os.Stderr, "needs a thing: get it"); os.Exit(statusNotInstalled) },
	"failing": func([]string) { fmt.Fprintln(os.Stderr, "first\nno such file"); os.Exit(1) },
	"parent":  parent,
}

func listen(address string) net.Addr {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		for {
			if _, err := ln.Accept(); err != nil {
				return
			}
		}
	}()
	return ln.Addr()
}

func announce(at net.Addr) { fmt.Printf("serving http://%s/events?topic=T\nand more\n", at) }

func untilTold() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
}

// parent starts a server, says where, and waits to be killed.
func parent([]string) {
	s, err := Self(context.Background(), []string{"deaf"}, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("serving %s/events?topic=T\n", s.URL())
	select {}
}

func TestStartSaysWhereAndStopEndsIt(t *testing.T) {
	var said written
	s := must(t)(Self(t.Context(), []string{"serves"}, &said))
	if !listens(s) || s.Err() != nil || s.PID() == os.Getpid() {
		t.Errorf("%s, process %d, %v: does not take connections", s.URL(), s.PID(), s.Err())
	}
	s.Stop()
	s.Stop() // waits, no more
	if listens(s) || s.Err() != nil {
		t.Errorf("after Stop it still takes connections, or has failed: %v", s.Err())
	}
	if said.String() != "and more\n" {
		t.Errorf("said %q; want what follows the first line", said.String())
	}
}

func TestStopKillsAfterGrace(t *testing.T) {
	shorten(t, 100*time.Millisecond)
	s := must(t)(Self(t.Context(), []string{"deaf"}, nil))
	begin := time.Now()
	s.Stop()
	if took := time.Since(begin); took < grace || took > 5*time.Second {
		t.Errorf("Stop took %v; want it killed after %v", took, grace)
	}
}

func TestContextEndsServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := must(t)(Self(ctx, []string{"serves"}, nil))
	cancel()
	<-s.Done()
	if s.Err() != nil {
		t.Errorf("%v; want nil: it was asked to end", s.Err())
	}
}

func TestErrSaysHowItEndedByItself(t *testing.T) {
	s := must(t)(Self(t.Context(), []string{"serves"}, nil))
	p, err := os.FindProcess(s.PID())
	if err != nil || p.Kill() != nil {
		t.Fatalf("kill %d: %v", s.PID(), err)
	}
	<-s.Done()
	s.Stop()
	wantError(t, s.Err(), "ended by itself, with signal: killed; its last output:\n\tand more")
}

func TestStartErrors(t *testing.T) {
	for role, want := range map[string]string{
		"chatty":  `"hello"`,
		"missing": "needs a thing: get it",
		"failing": "exit status 1; its last output:\n\tfirst\n\tno such file",
	} {
		_, err := Self(t.Context(), []string{role}, nil)
		wantError(t, err, want)
		if errors.Is(err, ErrNotInstalled) != (role == "missing") {
			t.Errorf("%s: %v is ErrNotInstalled: %v", role, err, role != "missing")
		}
	}
	_, err := Start(t.Context(), []string{"/nowhere/server"}, nil)
	wantError(t, err, "/nowhere/server")
	_, err = Start(t.Context(), nil, nil)
	wantError(t, err, "after --")
}

func TestCommandFillsThePortIn(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{self, "late", "127.0.0.1:{{.Port}}"}, {self, "env"}} {
		s := must(t)(Command(t.Context(), args, nil))
		if !listens(s) {
			t.Errorf("%v: nobody at %s", args, s.URL())
		}
		s.Stop()
	}
	_, err = Command(t.Context(), []string{self, "late", "nowhere:x"}, nil)
	wantError(t, err, "unknown port") // its own words
}

func TestCommandIsInterrupted(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = Command(ctx, []string{self, "chatty"}, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v; want %v", err, context.DeadlineExceeded)
	}
}

func TestFill(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"-v":                                "-v",
		"http://127.0.0.1:{{.Port}}/events": "http://127.0.0.1:81/events",
		"{{.Port}},{{.Port}}":               "81,81",
	} {
		if got := Fill(text, 81); got != want {
			t.Errorf("Fill(%q) is %q; want %q", text, got, want)
		}
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	var to bytes.Buffer
	said := &tail{to: &to}
	if said.String() != "" {
		t.Errorf("nothing said is %q", said)
	}
	for i := range 1000 {
		fmt.Fprintf(said, "line %d\n", i)
	}
	if got := said.String(); !strings.HasSuffix(got, "\n\tline 999") || strings.Count(got, "\n") != mostLines {
		t.Errorf("kept %q; want the last %d lines", got, mostLines)
	}
	if n := strings.Count(to.String(), "\n"); n != 1000 {
		t.Errorf("passed on %d lines of 1000", n)
	}
}

// Lines may come in any pieces.
func TestFirstLine(t *testing.T) {
	for size := 1; size < 12; size++ {
		said, rest := make(chan string, 1), &bytes.Buffer{}
		f := &firstLine{said: said, rest: rest}
		_, _ = io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{strings.NewReader("one\ntwo\n\n")}, make([]byte, size))
		if line := <-said; line != "one" || rest.String() != "two\n\n" {
			t.Errorf("in pieces of %d: %q, and %q passed on", size, line, rest)
		}
	}
}

// must returns a server that has started, and stops it with the test.
func must(t *testing.T) func(*Server, error) *Server {
	return func(s *Server, err error) *Server {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
		return s
	}
}

func shorten(t *testing.T, d time.Duration) {
	before := grace
	grace = d
	t.Cleanup(func() { grace = before })
}

func listens(s *Server) bool {
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err == nil {
		c.Close()
	}
	return err == nil
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v; want one with %q", err, want)
	}
}

// written is a buffer for a process's output.
type written struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// A deploy: the program ends when it is asked to, and is started again where it was.
func TestAgainStartsItAtTheSameAddress(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := must(t)(Command(t.Context(), []string{self, "late", "127.0.0.1:{{.Port}}"}, nil))
	if err := s.Terminate(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if s.Status() != 0 || s.Err() != nil || listens(s) {
		t.Errorf("status %d, %v; want 0 and nil, and nobody at %s", s.Status(), s.Err(), s.URL())
	}
	wantError(t, s.Terminate(), "already finished")
	again := must(t)(s.Again(t.Context()))
	if again.URL() != s.URL() || again.PID() == s.PID() || !listens(again) {
		t.Errorf("%s, process %d; want another process at %s", again.URL(), again.PID(), s.URL())
	}
}

func TestTerminateDoesNotKill(t *testing.T) {
	shorten(t, time.Millisecond)
	s := must(t)(Self(t.Context(), []string{"deaf"}, nil))
	if err := s.Terminate(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
		t.Error("it was killed")
	case <-time.After(100 * time.Millisecond):
	}
	s.Stop()
	if s.Status() != -1 {
		t.Errorf("status %d after it was killed; want -1", s.Status())
	}
	_, err := s.Again(t.Context())
	wantError(t, err, "chosen its address")
}
