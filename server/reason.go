package server

import "github.com/fastsse/fastsse/internal/cursor"

// Reason says why a stream ended. Its String is a label for logs and metrics.
type Reason uint8

// The reasons, as Stats and OnClose give them.
const (
	ReasonClient   = Reason(cursor.Client)    // "client": the client closed, half-closed or reset the connection
	ReasonVanished = Reason(cursor.Vanished)  // "vanished": the client's machine or network is gone; it acknowledges nothing
	ReasonMaxAge   = Reason(cursor.MaxAge)    // "max_age": Config.MaxAge or Subscription.Expires
	ReasonSlow     = Reason(cursor.Slow)      // "slow": under Disconnect, its next event was evicted before it was sent
	ReasonTimeout  = Reason(cursor.Timeout)   // "timeout": its reader took nothing for Config.WriteTimeout (under Follow, the Writer's)
	ReasonKicked   = Reason(cursor.Kicked)    // "kicked": Hub.Kick, KickUser or KickTopic
	ReasonDrain    = Reason(cursor.Drained)   // "drain": Hub.Drain, or the stream of Config.Backplane was made anew
	ReasonClosed   = Reason(cursor.HubClosed) // "closed": Hub.Close
	ReasonFollower = Reason(cursor.Follower)  // "follower": the handler that called Follow ended it
	ReasonError    = Reason(cursor.Failed)    // "error": this side failed, and logged why
	ReasonRefused  = Reason(cursor.Refused)   // "refused": OnOpen returned a *StatusError
)

var reasonNames = [cursor.Reasons]string{
	"", "client", "vanished", "max_age", "slow", "timeout", "kicked", "drain", "closed", "follower", "error", "refused",
}

// String returns the label.
func (r Reason) String() string {
	if r >= Reason(cursor.Reasons) {
		return "unknown"
	}
	return reasonNames[r]
}
