//go:build !linux

package launch

import "os/exec"

// bind does nothing: only Linux can tie a process to the one that started it. It
// is ended in order with its context, and left behind if this program is killed.
func bind(*exec.Cmd) {}
