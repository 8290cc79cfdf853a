//go:build !unix

package socket

import "net"

// Unblock does nothing on this platform, where sockets have no such mode.
func Unblock(net.Conn) {}
