//go:build !linux

package socket

import "syscall"

// SilentConn cannot tell on this platform, and says no.
func SilentConn(syscall.RawConn, int64) bool { return false }
