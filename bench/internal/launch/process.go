package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// grace is how long a server has to end when it is asked to. Tests shorten it.
var grace = 10 * time.Second

// begin starts the process, with the port in its environment. It is ended by Stop.
func (s *Server) begin(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("start a server: there is no command; write it after --")
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), "PORT="+strconv.Itoa(s.port))
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	s.cmd.Cancel = func() error { return terminate(s.cmd.Process) }
	s.cmd.WaitDelay = grace
	bind(s.cmd)
	started := make(chan error, 1)
	go s.own(ctx, started)
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", s.name(), err)
	}
	return nil
}

func (s *Server) name() string { return filepath.Base(s.args[0]) }

// own starts the process and waits for its end, all on one thread. To the kernel
// a process's parent is the thread that started it: Linux kills it when that
// thread ends (see bind), and Go ends a thread with a goroutine that has locked it
// for good, whatever else the thread has done before.
func (s *Server) own(ctx context.Context, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.done)
	defer s.cancel()
	if err := s.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	sweep(s.cmd.Process.Pid)
	_ = s.cmd.Wait() // ProcessState has the details
	if ctx.Err() == nil && !s.asked.Load() {
		s.err = fmt.Errorf("%s: the process ended by itself, with %v%s", s.name(), s.cmd.ProcessState, s.said)
	}
}

// terminate asks p to end, or kills it on systems where that cannot be asked.
func terminate(p *os.Process) error {
	err := p.Signal(syscall.SIGTERM)
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Kill()
}
