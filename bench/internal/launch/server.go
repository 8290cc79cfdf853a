package launch

import (
	"context"
	"fmt"
	"os/exec"
	"sync/atomic"
)

// Server is the process of a server. Its methods may be called at any time, by
// several goroutines at once.
type Server struct {
	args []string // its command, before the port was filled in
	port int
	cmd  *exec.Cmd
	said *tail // the last of its output, for errors

	cancel context.CancelFunc // asks it to end
	done   chan struct{}      // closed when it has ended
	asked  atomic.Bool        // Terminate or Kill was called
	err    error              // how, if nobody asked it to; read it after done
}

// URL is where the server is: "http://HOST:PORT", without a slash.
func (s *Server) URL() string { return "http://" + address(s.port) }

// Port is the port at which the server is.
func (s *Server) Port() int { return s.port }

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
		return fmt.Errorf("ask %s to end: %w%s", s.name(), err, s.said)
	}
	return nil
}

// Kill kills the process, and returns at once. It is an error if the process has ended.
func (s *Server) Kill() error {
	s.asked.Store(true)
	if err := s.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w%s", s.name(), err, s.said)
	}
	return nil
}

// Status is the status with which the process has exited; -1: a signal has killed it. Call
// it after Done is closed.
func (s *Server) Status() int { return s.cmd.ProcessState.ExitCode() }

// Again starts the program anew at the same address, once it has ended.
func (s *Server) Again(ctx context.Context) (*Server, error) {
	return CommandAt(ctx, s.args, s.port, s.said.to)
}
