//go:build !linux

package socket

import "net"

// Watch cannot watch on this platform: callers learn from their next write that the peer
// has left.
func Watch(net.Conn, func()) (stop func(), ok bool) { return nil, false }
