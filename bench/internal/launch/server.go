package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// Server is the process of a server. Its methods may be called at any time, by
// several goroutines at once.
type Server struct {
	name string
	url  string // set before others can use the Server
	cmd  *exec.Cmd
	said *tail // the last of its output, for errors

	cancel context.CancelFunc // asks it to end
	done   chan struct{}      // closed when it has ended
	asked  atomic.Bool        // Terminate or Kill was called
	err    error              // how, if nobody asked it to; read it after done

	again func(ctx context.Context) (*Server, error) // nil: it would be elsewhere
}

// ErrNotInstalled is wrapped by the error of a Start whose program ended with status
// 3: it needs something that is not on this machine, and says what. A comparison can
// go on without it.
var ErrNotInstalled = errors.New("something is not installed")

const statusNotInstalled = 3

const (
	patience = 30 * time.Second // for a server to start
	retry    = 10 * time.Millisecond
)

// grace is how long a server has to end when it is asked to. Tests shorten it.
var grace = 10 * time.Second

// Start runs a program that prints where it serves, as those below bench/rivals/targets do:
// the first line on its standard output is
//
//	serving http://HOST:PORT/events?topic=T
//
// It returns when the program accepts connections there. All other output goes to
// stderr, which may be nil; errors include the last of it anyway. The server is ended
// when ctx is done.
func Start(ctx context.Context, args []string, stderr io.Writer) (*Server, error) {
	said := &tail{to: stderr}
	line := make(chan string, 1)
	s, err := begin(ctx, args, nil, &firstLine{said: line, rest: said}, said)
	if err != nil {
		return nil, err
	}
	if err := s.awaitLine(ctx, line); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Self runs a subcommand of this program that serves, as Start does: Self(ctx,
// []string{"floor", "-addr", "127.0.0.1:0"}, os.Stderr).
func Self(ctx context.Context, args []string, stderr io.Writer) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's file, to run it with %q: %w", strings.Join(args, " "), err)
	}
	return Start(ctx, append([]string{self}, args...), stderr)
}

// URL is where the server is: "http://HOST:PORT", without a slash.
func (s *Server) URL() string { return s.url }

// PID is the server's process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err says how the process ended if nobody asked it to, with the last of its output.
// It is nil while the process runs, and after Stop, Terminate or Kill.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Stop asks the process to end, kills it after 10 s, and returns when it is gone.
// Only the first call does something; all of them wait.
func (s *Server) Stop() {
	s.cancel()
	<-s.done
}

// Terminate asks the process to end, by SIGTERM, and returns at once. Unlike Stop it never
// kills the process, where the system can ask. It is an error if the process has ended.
func (s *Server) Terminate() error {
	s.asked.Store(true)
	if err := terminate(s.cmd.Process); err != nil {
		return fmt.Errorf("ask %s to end: %w%s", s.name, err, s.said)
	}
	return nil
}

// Kill kills the process, and returns at once. It is an error if the process has ended.
func (s *Server) Kill() error {
	s.asked.Store(true)
	if err := s.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w%s", s.name, err, s.said)
	}
	return nil
}

// Status is the status with which the process has exited; -1: a signal has killed it. Call
// it after Done is closed.
func (s *Server) Status() int { return s.cmd.ProcessState.ExitCode() }

// Again starts the program anew at the same address, once it has ended. It is an error for
// a server that chooses its address, as those of Start and Self do.
func (s *Server) Again(ctx context.Context) (*Server, error) {
	if s.again == nil {
		return nil, fmt.Errorf("start %s again: it has chosen its address %s itself; use Command, with a port of ours", s.name, s.url)
	}
	return s.again(ctx)
}

// awaitLine waits for the line that says where the server is, and until it accepts
// connections there. Any other line is an error.
func (s *Server) awaitLine(ctx context.Context, lines <-chan string) error {
	select {
	case line := <-lines:
		at, ok := strings.CutPrefix(line, "serving ")
		base, _, found := strings.Cut(at, "/events")
		u, err := url.Parse(base)
		if !ok || !found || err != nil || u.Port() == "" {
			return fmt.Errorf("start %s: its first line is %q and not \"serving http://HOST:PORT/events?topic=T\"", s.name, line)
		}
		s.url = base
		return s.await(ctx, u.Host)
	case <-s.done:
		return s.ended(ctx)
	case <-ctx.Done():
		return fmt.Errorf("start %s: %w", s.name, context.Cause(ctx))
	case <-time.After(patience):
		return fmt.Errorf("start %s: after %v it has not printed where it serves%s", s.name, patience, s.said)
	}
}

// ended is the error of a start whose process has ended too soon.
func (s *Server) ended(ctx context.Context) error {
	if s.err == nil { // it was asked to
		return fmt.Errorf("start %s: %w", s.name, context.Cause(ctx))
	}
	return fmt.Errorf("start %w", s.err)
}
