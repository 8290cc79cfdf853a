package main

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/fastsse/fastsse/streamwriter"
)

// hub is what a board needs of a *server.Hub.
type hub interface {
	Publish(topic string, e streamwriter.Event) (string, error)
	LastID() string
}

// board is the table of matches. It publishes what changes it, and knows at any
// moment which event it is true at.
type board struct {
	hub hub

	mu      sync.Mutex // guards all below, and is held over Publish: table and id move together
	matches []match    // in order of appearance
	goals   []json.RawMessage
	viewers int
	clock   clock
}

// match is a row of the table.
type match struct {
	Match     string `json:"match"`
	Round     string `json:"round"`
	Group     string `json:"group"`
	Home      string `json:"home"`
	Away      string `json:"away"`
	State     string `json:"state"`     // upcoming, live, halftime or finished
	Clock     string `json:"clock"`     // of its last event
	At        string `json:"at"`        // of its last event
	Kickoff   string `json:"kickoff"`   // when it began, or will
	Score     []int  `json:"score"`     // home, away
	Penalties []int  `json:"penalties"` // of a shoot-out, or null
	Goals     []goal `json:"goals"`
}

type goal struct {
	Clock   string `json:"clock"`
	Side    string `json:"side"`
	Scorer  string `json:"scorer"`
	Penalty bool   `json:"penalty,omitempty"`
	OwnGoal bool   `json:"owngoal,omitempty"`
}

// snapshot is the answer to GET /scores, and without an ID the data of a
// "fixtures" event.
type snapshot struct {
	ID      string            `json:"id,omitempty"` // open the stream from here
	Time    string            `json:"time"`         // the match day's own, "" if unknown
	Pace    float64           `json:"pace"`         // how much faster than ours it goes; 0: unknown
	Viewers int               `json:"viewers"`
	Matches []match           `json:"matches"`
	Goals   []json.RawMessage `json:"goals"` // the last ones' lines, newest first
}

// Bounds for a feed without end.
const (
	maxMatches    = 512
	maxMatchGoals = 64
	maxGoals      = 20
)

// publish sends u to its match's topic and enters it in the table.
func (b *board) publish(u update) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.hub.Publish("scores/"+u.Match, streamwriter.Event{Type: u.Kind, Data: u.line}); err != nil {
		return err
	}
	b.clock.hear(u.when)
	b.rowLocked(u.Match).apply(u)
	if u.Kind == "goal" {
		b.goals = slices.Insert(b.goals, 0, json.RawMessage(u.line))
		b.goals = b.goals[:min(len(b.goals), maxGoals)]
	}
	return nil
}

// newDay replaces the table by fixtures, and tells the readers of topic
// "fixtures". The match day's clock stands at now and goes at pace.
func (b *board) newDay(fixtures []match, now time.Time, pace float64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.matches, b.goals = fixtures, nil
	b.clock = clock{at: now, set: time.Now(), pace: pace}
	data, err := json.Marshal(b.snapshotLocked())
	if err != nil {
		return err
	}
	_, err = b.hub.Publish("fixtures", streamwriter.Event{Type: "fixtures", Data: data})
	return err
}

// watch tells the readers of topic "live/viewers" how many they are.
func (b *board) watch(viewers int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if viewers == b.viewers {
		return nil
	}
	data, err := json.Marshal(map[string]int{"viewers": viewers})
	if err != nil {
		return err
	}
	b.viewers = viewers
	_, err = b.hub.Publish("live/viewers", streamwriter.Event{Type: "viewers", Data: data})
	return err
}

// snapshot returns the table and the id of the event it is true at. It shares
// no memory that will change.
func (b *board) snapshot() snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.snapshotLocked()
	s.ID = b.hub.LastID()
	return s
}

func (b *board) snapshotLocked() snapshot {
	return snapshot{
		Time: b.clock.now(), Pace: b.clock.pace, Viewers: b.viewers,
		Matches: append([]match{}, b.matches...), // goals are only ever appended
		Goals:   append([]json.RawMessage{}, b.goals...),
	}
}

// rowLocked finds the row of a match, or adds it and forgets the oldest.
func (b *board) rowLocked(name string) *match {
	i := slices.IndexFunc(b.matches, func(m match) bool { return m.Match == name })
	if i >= 0 {
		return &b.matches[i]
	}
	if len(b.matches) >= maxMatches {
		b.matches = slices.Delete(b.matches, 0, 1)
	}
	b.matches = append(b.matches, match{Match: name, State: "live", Goals: []goal{}})
	return &b.matches[len(b.matches)-1]
}

// apply enters u. page.html does the same to its own copy of the row.
func (m *match) apply(u update) {
	if u.Kind == "kickoff" {
		*m = match{Match: u.Match, Kickoff: u.At, Goals: []goal{}}
	}
	if u.Home != "" && u.Away != "" {
		m.Round, m.Group, m.Home, m.Away = u.Round, u.Group, u.Home, u.Away
	}
	before := m.Score
	m.Score = u.Score
	if u.Penalties != nil {
		m.Penalties = u.Penalties
	}
	if u.Kind == "goal" && len(m.Goals) < maxMatchGoals {
		m.Goals = append(m.Goals, goal{u.Clock, u.scoredBy(before), u.Scorer, u.Penalty, u.OwnGoal})
	}
	if u.Kind == "goal" && m.State == "finished" {
		return // late news of a match that is over
	}
	m.State, m.Clock, m.At = u.state(), u.Clock, u.At
}

// state is what a match is in after u.
func (u *update) state() string {
	switch u.Kind {
	case "halftime":
		return "halftime"
	case "fulltime":
		return "finished"
	}
	return "live"
}

// scoredBy is the side that u's goal counts for: what it says, or else the one
// whose score it raised.
func (u *update) scoredBy(before []int) string {
	switch {
	case u.Side == "home" || u.Side == "away":
		return u.Side
	case before != nil && u.Score[1] > before[1]:
		return "away"
	}
	return "home"
}

// clock is the time of the match day, which may go faster than ours.
type clock struct {
	at   time.Time
	set  time.Time // when it stood at at
	pace float64
}

func (c *clock) time() time.Time {
	return c.at.Add(scale(time.Since(c.set), c.pace))
}

// now is the time as a feed writes it, or "" if none is known.
func (c *clock) now() string {
	if c.at.IsZero() {
		return ""
	}
	return c.time().Format(atLayout)
}

// hear sets the clock by an event that has just happened. It never goes back.
func (c *clock) hear(at time.Time) {
	if at.IsZero() || (!c.at.IsZero() && at.Before(c.time())) {
		return
	}
	c.at, c.set = at, time.Now()
}
