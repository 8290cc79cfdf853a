package delivery

import "testing"

// BenchmarkKick is a kick of one stream or none among 100,000 of a shard: by a
// predicate, which is asked about all of them, or by user. What would make it
// lie: streams without a user, which have no hook data to look up; to ask for the
// address, which is a system call for each that does. Nobody else's work comes in
// between here, as it would between the slices.
func BenchmarkKick(b *testing.B) {
	const readers = 100_000
	for _, c := range []struct {
		name string
		kick func(d *Delivery)
	}{
		{"predicate", func(d *Delivery) { d.Kick(func(s Subscriber) bool { return s.User == -1 }) }},
		{"user", func(d *Delivery) { d.KickUser(-1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newSinks(b, Limits{})
			for i := range readers {
				n := s.admission("a")
				n.Hooks = &HookData{User: i, Indexed: true}
				s.assign(n)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.kick(s.delivery)
				s.turn()
			}
			if n := s.streams.Load(); n != readers {
				b.Fatalf("%d streams are left", n)
			}
		})
	}
}
