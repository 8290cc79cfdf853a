//go:build !unix

package socket

import "net"

// Unblock has nothing to do on this platform: what blocks here is not a mode of
// the socket.
func Unblock(net.Conn) {}
