package server

import "github.com/fastsse/fastsse/internal/delivery"

// Kick ends the streams that pick says yes to, each between two events, with a
// fresh reconnection time, and returns at once: Authorize decides whether they
// may come back.
//
// It reaches every stream whose Authorize was called before Kick was (of Follow:
// every call), also one that is still on its way to open: called in a stream's own
// Authorize or OnOpen, it may end that stream too, whose client then comes back for
// the same again. It reaches none whose Authorize is called after Kick has returned.
//
// pick is asked on the shards' goroutines, several at a time, once about each
// stream, or twice about one that is just opening. It must be quick: a few
// hundred streams are asked about in one go, between deliveries. A panic in it
// is logged and counts as no. KickUser and KickTopic need not ask about all.
func (h *Hub) Kick(pick func(Subscriber) bool) {
	h.delivery.Kick(func(s delivery.Subscriber) bool {
		return pick(Subscriber{Topics: s.Topics, User: s.User, addr: s.Address})
	})
}

// KickUser is Kick for the streams whose Subscription.User equals user, and does
// no more work than there are such streams. Users have to be comparable, as the
// keys of a map are; others can only be found by Kick, and to ask for one here is
// logged, and ends nothing. So is nil, which is no user. A pointer equals itself
// alone. Streams of Follow have no user. For one stream per user give each stream a
// User of its own, such as struct{ Name string; Stream int }, and kick the one before.
func (h *Hub) KickUser(user any) {
	if !delivery.Indexable(user) {
		h.logger().Printf("server: kick user: a %T has no equal; use a comparable User such as a string, or Kick", user)
		return
	}
	h.delivery.KickUser(user)
}

// KickTopic is Kick for the streams that subscribe to exactly this topic or
// subtree, possibly among others, and does no more work than there are such
// streams.
func (h *Hub) KickTopic(topic string) {
	h.delivery.KickTopic(topic)
}
