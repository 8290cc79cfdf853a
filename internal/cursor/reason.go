package cursor

// Reason is why a stream ended. Package server has the names that users see.
type Reason uint8

// The reasons.
const (
	NoReason  Reason = iota // the stream has not ended
	Client                  // the client closed, half-closed or reset the connection
	Vanished                // the client's machine or network is gone
	MaxAge                  // the stream reached its maximum age
	Slow                    // its next event was evicted
	Timeout                 // its reader took nothing for too long
	Kicked                  // the application kicked it
	Drained                 // the hub was drained
	HubClosed               // the hub was closed
	Follower                // the handler that followed ended it
	Failed                  // something failed on this side
	Refused                 // the application refused to open it
	Reasons                 // the number of reasons
)
