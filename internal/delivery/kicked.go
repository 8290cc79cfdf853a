package delivery

import "github.com/fastsse/fastsse/internal/eventlog"

// Kicked reports whether one of the kicks since a.Began is for a stream that has no slot
// yet, and moves Began past them. The caller owns a. address is that of the peer; empty: it
// is not known.
func (d *Delivery) Kicked(a *Admission, address string) bool {
	for a.Began != nil {
		next := a.Began.next.Load()
		if next == nil {
			return false
		}
		c := &a.Began.kick
		a.Began = next
		if d.isFor(c, a, address) {
			return true
		}
	}
	return false
}

// isFor reports whether a kick is for the stream of a.
func (d *Delivery) isFor(c *command, a *Admission, address string) (yes bool) {
	switch c.kind {
	case kickUser:
		return a.Hooks != nil && a.Hooks.Indexed && a.Hooks.User == c.user
	case kickTopic:
		for _, t := range a.Topics {
			if t.Name == c.topic {
				return true
			}
		}
		return false
	}
	defer RecoverHook(d.host.Logger, "Kick's predicate")
	sub := Subscriber{Topics: eventlog.Names(a.Topics), Address: KnownAddress(address)}
	if a.Hooks != nil {
		sub.User = a.Hooks.User
	}
	return c.pick(sub)
}
