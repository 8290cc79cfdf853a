package cursor

// Stream is one subscriber's position, and how it is doing. It holds no pointer: a
// million of them are nothing to a garbage collector.
type Stream struct {
	Next    uint64 // sequence of the next event that is for it
	Live    uint64 // ephemeral events from here on are for it, those before are not
	Wrote   int64  // when it last took something, in milliseconds
	Dies    int64  // when it has reached its maximum age; 0: never
	Feed    int32  // what it reads: an index of the machine's feeds
	Phase   Phase
	Pending bool // the machine has the unsent rest of something, which goes out before all else
	Reason  Reason
}

// Phase is how far a stream is on its way to its end.
//
//	Open ──Drain──▶ Draining ──got all──▶ Closing ──last byte taken──▶ Closed
//	  │                │                     ▲  │
//	  │                └──▶ Ending ──────────┘  │ nothing taken for too long,
//	  └──Kick, MaxAge, slow──▶ Ending           │ or cut
//	                              │             ▼
//	                              └─────────▶ Aborted
//
// Ending is short: the stream becomes Closing as soon as it is between two events. The
// one who drives the machine does the rest: Closed, it ends its side of the connection
// and waits for the peer's end (it lingers); Aborted, it closes at once. Then it
// releases the stream, as it does at any point when the peer is gone.
type Phase uint8

// The phases.
const (
	Open     Phase = iota // from event to event, for ever
	Draining              // to the last event before the drain, then Closing
	Ending                // Closing as soon as it is between two events
	Closing               // its farewell is being sent
	Closed                // everything is sent: the connection can be ended
	Aborted               // ended inside an event: the connection must not look complete
)

// End asks a stream to end, in phase Ending or Draining: as soon as it is between two
// events, or when it has got what was published up to now.
func (s *Stream) End(how Phase, why Reason, now int64) {
	if s.Phase == Open || (s.Phase == Draining && how == Ending) {
		s.Phase, s.Reason = how, why
		s.Wrote = now // it has its time from here on: see Stuck
	}
}

// EndByAge ends a stream that has reached its maximum age, or will have within so many
// milliseconds.
func (s *Stream) EndByAge(now, within int64) {
	if s.Dies != 0 && now+within >= s.Dies && s.Phase == Open {
		s.End(Ending, MaxAge, now)
	}
}
