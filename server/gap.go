package server

import (
	"fmt"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/streamwriter"
)

// GapEvent says how streams tell their clients that some of what they have missed is lost. The
// zero value is an event of type Config.GapType with the reason in its data.
//
// It is for clients that one cannot change. Those of AI providers, for one, parse the data of
// each event as JSON of their own, whatever its type: openai's and the AI SDK do.
type GapEvent struct {
	// Type is the type of the event. Empty means Config.GapType. An event of type "message"
	// is one without a type for an EventSource.
	Type string

	// Data is the data of the event, of at most Config.MaxEventBytes. Empty means a JSON
	// object with the reason.
	Data string

	// Comment sends the comment ": gap REASON" in place of the event. Applications do not
	// see comments, so theirs do not learn that something is lost, unless they read the
	// bytes themselves. Stats.Gaps counts it like an event. The position from which the
	// stream goes on is sent behind it.
	Comment bool
}

// form returns g as streams use it; nil is that of Config. field is where g is set.
func (g *GapEvent) form(field string, c *Config) (*cursor.Gap, error) {
	if *g == (GapEvent{}) {
		return nil, nil
	}
	if err := g.check(field, c); err != nil {
		return nil, err
	}
	form := &cursor.Gap{Type: g.Type, Data: g.Data, Comment: g.Comment}
	if g.Type == "" {
		form.Type = c.GapType
	}
	return form, nil
}

// check returns an error if g is not valid.
func (g *GapEvent) check(field string, c *Config) error {
	problem := func(name, value, problem, remedy string) error {
		return fmt.Errorf("server: %w", fastsse.NewFieldError(field+"."+name, value, problem, remedy))
	}
	event := streamwriter.Event{Type: g.Type}
	switch {
	case g.Comment && (g.Type != "" || g.Data != ""):
		return problem("Comment", "true", "leaves no place for a Type or Data", "set Comment alone, or the others")
	case event.Validate() != nil:
		return problem("Type", g.Type, "holds a NUL, CR or LF", "give a plain name such as \"gap\"")
	case len(g.Type) > maxTypeBytes:
		return problem("Type", g.Type, fmt.Sprintf("is longer than %d bytes", maxTypeBytes), "shorten it, or carry the text in Data")
	case len(g.Data) > c.MaxEventBytes:
		return problem("Data", g.Data, fmt.Sprintf("of %d bytes exceeds Config.MaxEventBytes (%d)", len(g.Data), c.MaxEventBytes), "raise it, or send less")
	}
	return nil
}
