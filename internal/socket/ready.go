package socket

// Ready is one readiness report of a Poller.
type Ready struct {
	Token    uint64
	PeerGone bool // the peer closed, half-closed or reset
	Writable bool
}
