//go:build !linux

package load

// newCarrier picks what moves the swarm's bytes: without epoll it is always
// net/http, a goroutine a stream.
func newCarrier(s *Swarm) (carrier, error) { return newHTTPCarrier(s), nil }
