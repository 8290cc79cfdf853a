//go:build unix

package screen

import (
	"os"

	"github.com/charmbracelet/x/term"
	"golang.org/x/sys/unix"
)

// foreground reports whether this program's process group has the terminal. In the
// background it must not draw.
func foreground(terminal *os.File) bool {
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// mute stops the terminal from showing what is typed, which would appear at the cursor
// and move it. Typing still reaches the shell, and Ctrl-C this program. restore undoes
// it.
func mute(terminal *os.File) (restore func()) {
	before, err := term.GetState(terminal.Fd())
	if err != nil {
		return func() {}
	}
	muted := *before
	muted.Lflag &^= unix.ECHO
	setState(terminal, &muted)
	return func() { setState(terminal, before) }
}

// setState does nothing in the background, where it would stop the program.
func setState(terminal *os.File, state *term.State) {
	if foreground(terminal) {
		term.SetState(terminal.Fd(), state) // if it fails, typing shows, nothing worse
	}
}
