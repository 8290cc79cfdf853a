package server

// Reason is why a stream ended.
type Reason uint8

// The reasons, as Stats and OnClose give them.
const (
	ReasonClient   Reason = iota + 1 // the client closed, half-closed or reset the connection
	ReasonVanished                   // the client's machine or network is gone: it acknowledges nothing
	ReasonMaxAge                     // Config.MaxAge
	ReasonSlow                       // it fell behind what its topics hold, under Disconnect
	ReasonTimeout                    // it took nothing for Config.WriteTimeout (under Follow, the Writer's)
	ReasonKicked                     // Hub.Kick
	ReasonDrain                      // Hub.Drain
	ReasonClosed                     // Hub.Close
	ReasonFollower                   // the handler that called Follow ended it
	ReasonError                      // this side failed; the log says how
	ReasonRefused                    // OnOpen returned a *Refusal
	reasons                          // how many there are
)

var reasonNames = [reasons]string{
	"", "client", "vanished", "max age", "slow", "timeout", "kicked", "drain", "closed", "follower", "error", "refused",
}

// String returns the reason in a word or two.
func (r Reason) String() string {
	if r >= reasons {
		return "unknown"
	}
	return reasonNames[r]
}
