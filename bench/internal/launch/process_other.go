//go:build !linux

package launch

import "os/exec"

// bind does nothing: only Linux can tie a process to the one that started it. The
// process is ended with its context, but is left behind if this program is killed.
func bind(*exec.Cmd) {}

func sweep(int) {}
