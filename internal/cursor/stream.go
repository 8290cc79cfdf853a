package cursor

// Stream is the position and state of one stream. It has no pointers, so that a garbage
// collector has nothing to do for a million of them.
type Stream struct {
	Next    uint64 // its position: the sequence of the next event
	Live    uint64 // the first sequence published after it opened: it gets ephemeral events from here on
	Wrote   int64  // when bytes of it were last taken, in milliseconds
	Dies    int64  // when it reaches its maximum age, in milliseconds; 0: never
	Feed    int32  // what it reads: an index in Machine.Feeds
	Phase   Phase
	Pending bool // the machine has the unsent rest of an offer, which is sent first
	Reason  Reason
	Client  ClientKind
}

// Phase is how far a stream is on the way to its end.
//
//	Open ──Drain──▶ Draining ──got all──▶ Closing ──last byte taken──▶ Closed
//	  │                │                     ▲  │
//	  │                └──▶ Ending ──────────┘  │ nothing taken for too long,
//	  └──Kick, MaxAge, slow──▶ Ending           │ or cut
//	                              │             ▼
//	                              └─────────▶ Aborted
//
// Ending is short: the stream becomes Closing as soon as it is between two events. Package
// delivery does the rest: when a stream is Closed, it ends its side of the connection and
// waits for the peer's end (lingers); when it is Aborted, it closes the connection at once.
// Then it releases the stream, as it does at any time when the peer is gone.
type Phase uint8

// The phases.
const (
	Open     Phase = iota // it is sent events as they come
	Draining              // it is sent events up to Machine.Drain.Until, and then becomes Closing
	Ending                // it becomes Closing as soon as it is between two events
	Closing               // its farewell is being sent
	Closed                // everything is sent: the connection can be ended
	Aborted               // cut: its connection must not look complete
)

// End asks a stream to end. how is Ending (as soon as it is between two events) or
// Draining (when it has been sent everything up to Machine.Drain.Until). now is in milliseconds.
func (s *Stream) End(how Phase, why Reason, now int64) {
	if s.Phase == Open || (s.Phase == Draining && how == Ending) {
		s.Phase, s.Reason = how, why
		s.Wrote = now // its time counts from now: see Stuck
	}
}

// EndByAge asks a stream to end if it has reached its maximum age, or will within so many
// milliseconds.
func (s *Stream) EndByAge(now, within int64) {
	if s.Dies != 0 && now+within >= s.Dies && s.Phase == Open {
		s.End(Ending, MaxAge, now)
	}
}
