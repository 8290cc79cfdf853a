//go:build !linux

package socket

import (
	"errors"
	"net"
)

// Park cannot park on this platform.
func Park(net.Conn, int) (Parked, error) {
	return Parked{}, errors.New("socket: park connection: only Linux can")
}

// Write cannot write on this platform; nor can the others do what they are for.
func (Parked) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

// WriteYielding is Write.
func (Parked) WriteYielding([]byte) (int, error) { return 0, errors.ErrUnsupported }

// ShutdownWrite does nothing.
func (Parked) ShutdownWrite() {}

// Close does nothing.
func (Parked) Close() {}

// PeerSilent cannot tell, and says no.
func (Parked) PeerSilent(int64) bool { return false }

// RemoteAddr cannot tell.
func (Parked) RemoteAddr() string { return "" }

// WatchRemedy knows no remedy.
func WatchRemedy(error) string { return "" }
