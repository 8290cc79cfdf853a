package load

// newCarrier picks the carrier that moves the swarm's bytes.
func newCarrier(s *Swarm) (carrier, error) {
	if s.raw {
		return newEpollCarrier(s)
	}
	return newHTTPCarrier(s), nil
}
