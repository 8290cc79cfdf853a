//go:build !unix

package screen

import "os"

// foreground says that the terminal is ours: there are no groups to share it.
func foreground(*os.File) bool { return true }

// mute does nothing: what nobody reads is not shown.
func mute(*os.File) (restore func()) { return func() {} }
