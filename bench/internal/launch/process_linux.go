package launch

import (
	"os/exec"
	"syscall"
)

// bind makes the kernel kill the process when this one ends, in whatever way. The
// process gets a group of its own: a Ctrl-C at the terminal goes to this program
// alone, which ends its servers when it no longer needs them.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
