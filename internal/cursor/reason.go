package cursor

// Reason is why a stream ended. Package server has the names that users see.
type Reason uint8

// The reasons.
const (
	NoReason  Reason = iota // it has not ended
	Client                  // the client closed, half-closed or reset the connection
	Vanished                // the client's machine or network is gone
	MaxAge                  // it has reached its maximum age
	Slow                    // it fell behind what its topics hold
	Timeout                 // it took nothing for too long
	Kicked                  // somebody asked for it
	Drained                 // the server is going down
	HubClosed               // the server has gone down
	Follower                // the handler whose stream it is ended it
	Failed                  // this side failed
	Refused                 // the application would not open it
	Reasons                 // how many there are
)
