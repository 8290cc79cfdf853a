//go:build !linux

package socket

import "net"

// Watch cannot watch on this platform: callers learn that a peer left from
// their next write.
func Watch(net.Conn, func()) (stop func(), ok bool) { return nil, false }
