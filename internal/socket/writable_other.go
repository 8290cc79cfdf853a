//go:build !unix

package socket

import "syscall"

// Writable cannot tell on this platform, and says no.
func Writable(syscall.RawConn) bool { return false }

// CanAskWritable tells whether [Writable] can answer on this platform.
const CanAskWritable = false
