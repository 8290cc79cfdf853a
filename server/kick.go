package server

import "github.com/fastsse/fastsse/internal/delivery"

// Kick ends the streams for which pick returns true: each between two events, with a new
// reconnection time. It does not wait for them to end. When the clients come back,
// Authorize decides whether they may.
//
// Kick reaches every stream whose Authorize (or call of Follow) began before Kick, even
// if the stream is not open yet, and none whose Authorize begins after Kick has returned.
// So a Kick in a stream's own Authorize or OnOpen may end that stream, too; its client
// then comes back, and the same happens again.
//
// pick is called once for each stream, or twice for one that is opening, on the hub's
// delivering goroutines, several at a time. It must be fast: a few hundred calls are made
// in a row, between deliveries. If it panics, that is logged and counts as false. KickUser
// and KickTopic do not look at every stream.
func (h *Hub) Kick(pick func(Subscriber) bool) {
	for _, d := range h.deliveries() {
		d.Kick(func(s delivery.Subscriber) bool {
			return pick(Subscriber{Topics: s.Topics, User: s.User, addr: s.Address})
		})
	}
}

// KickUser is Kick for the streams whose Subscription.User equals user. Its cost is
// proportional to the number of these streams. user must be comparable, like the key of a
// map, and not nil; otherwise KickUser logs that and does nothing (use Kick). A pointer is
// equal only to itself. Streams of Follow have no user.
//
// To allow one stream per user, make the User of each stream different, for example
// struct{ Name string; Stream int }, and kick the previous one.
func (h *Hub) KickUser(user any) {
	if !delivery.Indexable(user) {
		h.logger().Printf("server: kick user: streams cannot be found by a %T; use a comparable User such as a string, or call Kick", user)
		return
	}
	for _, d := range h.deliveries() {
		d.KickUser(user)
	}
}

// KickTopic is Kick for the streams that have exactly this topic or subtree, possibly among
// others. Its cost is proportional to the number of these streams.
func (h *Hub) KickTopic(topic string) {
	for _, d := range h.deliveries() {
		d.KickTopic(topic)
	}
}
