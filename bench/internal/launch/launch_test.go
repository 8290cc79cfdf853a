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
	"slices"
	"strconv"
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
	"serves":  func([]string) { fmt.Println("and more"); listen("127.0.0.1:" + os.Getenv("PORT")); untilTold() },
	"late":    func(args []string) { listen(args[0]); untilTold() },
	"deaf":    func([]string) { signal.Ignore(syscall.SIGTERM); listen("127.0.0.1:" + os.Getenv("PORT")); select {} },
	"chatty":  func([]string) { fmt.Println("hello"); untilTold() },
	"failing": func([]string) { fmt.Fprintln(os.Stderr, "first\nno such file"); os.Exit(1) },
	"parent":  parent,
}

func listen(address string) {
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
}

func untilTold() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
}

// parent starts a server at its own port, and waits to be killed.
func parent([]string) {
	port, _ := strconv.Atoi(os.Getenv("PORT"))
	if _, err := CommandAt(context.Background(), []string{os.Args[0], "deaf"}, port, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// play runs this test's program in a role.
func play(ctx context.Context, output io.Writer, role ...string) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return Command(ctx, append([]string{self}, role...), output)
}

func TestCommandServesAndStopEndsIt(t *testing.T) {
	var said written
	s := must(t)(play(t.Context(), &said, "serves"))
	if !listens(s) || s.Err() != nil || s.PID() == os.Getpid() {
		t.Errorf("%s, process %d, %v: does not take connections", s.URL(), s.PID(), s.Err())
	}
	s.Stop()
	s.Stop() // waits, no more
	if listens(s) || s.Err() != nil {
		t.Errorf("after Stop it still takes connections, or has failed: %v", s.Err())
	}
	if said.String() != "and more\n" {
		t.Errorf("said %q; want its output", said.String())
	}
}

func TestStopKillsAfterGrace(t *testing.T) {
	shorten(t, 100*time.Millisecond)
	s := must(t)(play(t.Context(), nil, "deaf"))
	begin := time.Now()
	s.Stop()
	if took := time.Since(begin); took < grace || took > 5*time.Second {
		t.Errorf("Stop took %v; want it killed after %v", took, grace)
	}
}

// Whoever is interrupted may still have to look at the server, and ends it then.
func TestServerRunsUntilStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := must(t)(play(ctx, nil, "serves"))
	cancel()
	if !listens(s) {
		t.Error("the end of the context has ended the server")
	}
	s.Stop()
	if s.Err() != nil {
		t.Errorf("%v; want nil: it was asked to end", s.Err())
	}
}

func TestErrSaysHowItEndedByItself(t *testing.T) {
	s := must(t)(play(t.Context(), nil, "serves"))
	p, err := os.FindProcess(s.PID())
	if err != nil || p.Kill() != nil {
		t.Fatalf("kill %d: %v", s.PID(), err)
	}
	<-s.Done()
	s.Stop()
	wantError(t, s.Err(), "ended by itself, with signal: killed; its last output:\n\tand more")
}

func TestCommandErrors(t *testing.T) {
	_, err := play(t.Context(), nil, "failing")
	wantError(t, err, "exit status 1; its last output:\n\tfirst\n\tno such file")
	_, err = Command(t.Context(), []string{"/nowhere/server"}, nil)
	wantError(t, err, "/nowhere/server")
	_, err = Command(t.Context(), nil, nil)
	wantError(t, err, "after --")
}

func TestFreePortsDiffer(t *testing.T) {
	ports, err := FreePorts(100)
	if slices.Sort(ports); err != nil || len(slices.Compact(ports)) != 100 {
		t.Errorf("%v, %v; want 100", ports, err)
	}
}

func TestCommandFillsThePortIn(t *testing.T) {
	for _, args := range [][]string{{"late", "127.0.0.1:{{.Port}}"}, {"serves"}} {
		s := must(t)(play(t.Context(), nil, args...))
		if !listens(s) {
			t.Errorf("%v: nobody at %s", args, s.URL())
		}
		s.Stop()
	}
	_, err := play(t.Context(), nil, "late", "nowhere:x")
	wantError(t, err, "unknown port") // its own words
}

func TestCommandIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := play(ctx, nil, "chatty"); !errors.Is(err, context.DeadlineExceeded) {
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
	s := must(t)(play(t.Context(), nil, "late", "127.0.0.1:{{.Port}}"))
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
	s := must(t)(play(t.Context(), nil, "deaf"))
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
}
