package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// grace is how long a server has to end when it is asked to. Tests shorten it.
var grace = 10 * time.Second

// begin starts a process, with env in addition to this one's environment. The process
// is ended when ctx is done.
func begin(ctx context.Context, args, env []string, said *tail) (*Server, error) {
	if len(args) == 0 {
		return nil, errors.New("start a server: there is no command; write it after --")
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = grace
	bind(cmd)
	s := &Server{name: filepath.Base(args[0]), cmd: cmd, said: said, cancel: cancel, done: make(chan struct{})}
	started := make(chan error, 1)
	go s.own(ctx, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	return s, nil
}

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
		s.err = fmt.Errorf("%s: the process ended by itself, with %v%s", s.name, s.cmd.ProcessState, s.said)
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
