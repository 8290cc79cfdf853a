package cursor

import (
	"encoding/json"

	"github.com/fastsse/fastsse"
)

// Why a stream cannot resume where its client left off, as gap events say it.
const (
	GapEvicted = "evicted" // some of what it missed was evicted
	GapUnknown = "unknown" // no event that is held has the id
	GapEpoch   = "epoch"   // the id has another epoch: of another hub, or from before a restart
	GapAhead   = "ahead"   // the id's sequence is above the newest
	GapSlow    = "slow"    // the reader was so slow that its next event was evicted
)

// Gap is how streams say that their clients have lost events. It must not be changed while
// a stream uses it.
type Gap struct {
	Type    string // of the event
	Data    string // of the event; empty: the reason, as JSON
	Comment bool   // a comment, in place of an event
}

// Same reports whether g and other say the same. Either may be nil: as Settings.Gap says.
func (g *Gap) Same(other *Gap) bool {
	return g == other || g != nil && other != nil && *g == *other
}

// Append appends a gap event to dst. Its id is the position from which the stream goes on,
// so that a client whose connection breaks right after it resumes there.
func (g *Gap) Append(dst []byte, c ClientKind, id, why, lastID string) []byte {
	if g.Comment {
		dst = fastsse.AppendComment(dst, "gap "+why)
		return c.AppendDataless(dst, fastsse.AppendID(nil, id))
	}
	data := []byte(g.Data)
	if g.Data == "" {
		data = reason(why, lastID)
	}
	return fastsse.AppendEvent(dst, &fastsse.Event{ID: id, Type: g.Type, Data: data})
}

// reason is the data of most gap events.
func reason(why, lastID string) []byte {
	data, err := json.Marshal(struct {
		Reason      string `json:"reason"`
		LastEventID string `json:"lastEventId,omitempty"`
	}{why, fastsse.Shorten(lastID)})
	if err != nil {
		panic("cursor: two strings do not marshal: " + err.Error()) // unreachable
	}
	return data
}
