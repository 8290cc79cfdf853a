package server

// Kick ends the streams that pick says yes to, each between two events, with a
// fresh reconnection time, and returns at once: Authorize decides whether they
// may come back. pick is called on the shards' goroutines, several at a time,
// once for each stream; it must be quick, and call no method of the hub.
func (h *Hub) Kick(pick func(Subscriber) bool) {
	h.order(order{kind: kickSome, pick: pick})
}
