//go:build !linux

package load

// newCarrier picks the carrier that moves the swarm's bytes: without epoll it is
// always net/http, with a goroutine per stream.
func newCarrier(s *Swarm) (carrier, error) {
	s.raw = false
	return newHTTPCarrier(s), nil
}
