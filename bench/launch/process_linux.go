package launch

import (
	"os/exec"
	"syscall"
)

// bind has the process killed when this one is, however that ends. It gets a
// process group of its own: a Ctrl-C at the terminal goes to this program, which
// ends its servers when it has no more use for them.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
