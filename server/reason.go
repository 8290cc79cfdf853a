package server

import "github.com/fastsse/fastsse/internal/cursor"

// Reason is why a stream ended.
type Reason uint8

// The reasons, as Stats and OnClose give them.
const (
	ReasonClient   = Reason(cursor.Client)    // the client closed, half-closed or reset the connection
	ReasonVanished = Reason(cursor.Vanished)  // the client's machine or network is gone: it acknowledges nothing
	ReasonMaxAge   = Reason(cursor.MaxAge)    // Config.MaxAge
	ReasonSlow     = Reason(cursor.Slow)      // it fell behind what its topics hold, under Disconnect
	ReasonTimeout  = Reason(cursor.Timeout)   // it took nothing for Config.WriteTimeout (under Follow, the Writer's)
	ReasonKicked   = Reason(cursor.Kicked)    // Hub.Kick
	ReasonDrain    = Reason(cursor.Drained)   // Hub.Drain
	ReasonClosed   = Reason(cursor.HubClosed) // Hub.Close
	ReasonFollower = Reason(cursor.Follower)  // the handler that called Follow ended it
	ReasonError    = Reason(cursor.Failed)    // this side failed; the log says how
	ReasonRefused  = Reason(cursor.Refused)   // OnOpen returned a *Refusal
)

var reasonNames = [cursor.Reasons]string{
	"", "client", "vanished", "max_age", "slow", "timeout", "kicked", "drain", "closed", "follower", "error", "refused",
}

// String returns the reason in a word or two.
func (r Reason) String() string {
	if r >= Reason(cursor.Reasons) {
		return "unknown"
	}
	return reasonNames[r]
}
