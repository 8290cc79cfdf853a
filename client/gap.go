package client

import (
	"encoding/json"

	"github.com/fastsse/fastsse"
)

// GapError says that the server no longer has some of the events which the client has missed.
// What is left follows. A program whose state depends on each event fetches the state anew.
type GapError struct {
	// Event is the gap event, which is yielded with the error.
	Event fastsse.Event

	// Reason and LastEventID are what a hub of this module says in its data: why ("evicted",
	// "unknown", "epoch", "ahead", "slow": see package server), and the beginning of the id that the client
	// had sent. They are empty if the data is not such a JSON object.
	Reason      string
	LastEventID string
}

// Error returns a sentence with the reason.
func (e *GapError) Error() string {
	why := e.Reason
	if why == "" {
		why = fastsse.Shorten(string(e.Event.Data))
	}
	return "client: events were lost (" + why + "); fetch the state that they are about anew"
}

func newGapError(e fastsse.Event) *GapError {
	var said struct {
		Reason      string `json:"reason"`
		LastEventID string `json:"lastEventId"`
	}
	if json.Unmarshal(e.Data, &said) != nil {
		said.Reason, said.LastEventID = "", ""
	}
	return &GapError{Event: e, Reason: said.Reason, LastEventID: said.LastEventID}
}
