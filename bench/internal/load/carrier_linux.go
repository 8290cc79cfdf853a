package load

func newCarrier(s *Swarm) (carrier, error) {
	if s.raw {
		return newEpollCarrier(s)
	}
	return newHTTPCarrier(s), nil
}
