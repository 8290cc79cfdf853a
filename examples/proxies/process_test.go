package proxies

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// process is a program that runs.
type process struct {
	path string
	args []string
	dir  string
	log  *testkit.Log

	// leaves says that its workers go on, or listen for a while, when it is killed. It is
	// started as a process group then, so that they can be killed with it.
	leaves bool

	cmd *exec.Cmd // nil: it does not run
}

func (p *process) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "HOME="+p.dir) // where Caddy would write
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: p.leaves}
	cmd.WaitDelay = testkit.Patience
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.path, err)
	}
	p.cmd = cmd
}

// end stops the program by SIGTERM, and shows what it said if the test has failed.
func (p *process) end(t *testing.T) {
	if p.cmd == nil {
		return
	}
	pid := p.pid()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(2*time.Second, func() { _ = syscall.Kill(pid, syscall.SIGKILL) }) // Apache waits for its streams
	_ = p.cmd.Wait()                                                                         // "signal: terminated"
	late.Stop()
	p.cmd = nil
	if t.Failed() {
		t.Logf("%s said:\n%s", p.path, p.log)
	}
}

// kill ends the program and its workers as a crash does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	pid := p.pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: %v", p.path, err)
	}
	_ = p.cmd.Wait() // "signal: killed"
	if p.leaves {
		testkit.Eventually(t, p.path+" is gone with its workers", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	}
	p.cmd = nil
}

// pid is the program, or the group that it is in with its workers.
func (p *process) pid() int {
	if p.leaves {
		return -p.cmd.Process.Pid
	}
	return p.cmd.Process.Pid
}
