//go:build !unix

package screen

import "os"

// foreground is true: there are no process groups that share the terminal.
func foreground(*os.File) bool { return true }

// mute does nothing: here the terminal does not show input that nobody reads.
func mute(*os.File) (restore func()) { return func() {} }
