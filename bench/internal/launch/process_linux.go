package launch

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// bind makes the kernel kill the process when this one ends, in whatever way. The
// process gets a group of its own: a Ctrl-C at the terminal goes to this program
// alone, which ends its servers when it no longer needs them.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// sweep waits until a process has ended, and kills what is left of its group, such as the
// server that a shell had started: it has the output open, for whose end Wait waits.
func sweep(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	_ = unix.Kill(-pid, unix.SIGKILL)
}
