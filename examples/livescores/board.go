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

	mu        sync.Mutex // guards all below, and is held over Publish: table and id move together
	table     table
	viewers   int
	clock     clock
	simulated bool
}

// table is the state of all matches, and what the page shows beside them.
type table struct {
	matches []match  // in order of appearance
	goals   []update // the last ones, newest first
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

// news is the data of an event in scores/: a match as it stands now, and what
// happened in it. A reader replaces its row, and has nothing to work out.
type news struct {
	Time   string `json:"time"` // the match day's own, "" if unknown
	Row    match  `json:"row"`
	Update update `json:"update"`
}

// snapshot is the answer to GET /scores, and without an ID the data of a
// "fixtures" event.
type snapshot struct {
	ID         string   `json:"id,omitempty"` // open the stream from here
	Time       string   `json:"time"`         // the match day's own, "" if unknown
	Pace       float64  `json:"pace"`         // how much faster than ours it goes; 0: unknown
	Simulation bool     `json:"simulation"`   // nobody plays these matches
	Viewers    int      `json:"viewers"`
	Matches    []match  `json:"matches"`
	Goals      []update `json:"goals"` // the last ones, newest first
}

// Bounds for a feed without end.
const (
	maxMatches    = 512
	maxMatchGoals = 64
	maxGoals      = 20
	// maxEventBytes has room for a row with all its goals, whose texts are
	// maxTextBytes long and take six bytes a byte in JSON.
	maxEventBytes = 256 << 10
)

// publish enters u in the table, and sends the row that it changed to the
// match's topic.
func (b *board) publish(u update) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	row, clock := b.table.row(u.Match), b.clock
	row.apply(&u)
	clock.hear(u.when)
	data, err := json.Marshal(news{clock.now(), row, u})
	if err != nil {
		return err
	}
	if _, err := b.hub.Publish("scores/"+u.Match, streamwriter.Event{Type: u.Kind, Data: data}); err != nil {
		return err
	}
	b.clock = clock
	b.table.enter(row, u)
	return nil
}

// newDay replaces the table by that of a simulated day, and tells the readers of
// topic "fixtures". The match day's clock stands at now and goes at pace.
func (b *board) newDay(t table, now time.Time, pace float64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.table, b.simulated = t, true
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
		Time: b.clock.now(), Pace: b.clock.pace, Simulation: b.simulated, Viewers: b.viewers,
		Matches: append([]match{}, b.table.matches...), // goals of a match are only ever appended
		Goals:   append([]update{}, b.table.goals...),
	}
}

func (t *table) index(name string) int {
	return slices.IndexFunc(t.matches, func(m match) bool { return m.Match == name })
}

// row is a copy of the row of a match, or a new one.
func (t *table) row(name string) match {
	if i := t.index(name); i >= 0 {
		return t.matches[i]
	}
	return match{Match: name, State: "live", Goals: []goal{}}
}

// enter puts row in its place, or adds it and forgets the oldest. u is what
// changed it.
func (t *table) enter(row match, u update) {
	if i := t.index(row.Match); i >= 0 {
		t.matches[i] = row
	} else {
		if len(t.matches) >= maxMatches {
			t.matches = slices.Delete(t.matches, 0, 1)
		}
		t.matches = append(t.matches, row)
	}
	if u.Kind == "goal" {
		t.goals = slices.Insert(t.goals, 0, u)
		t.goals = t.goals[:min(len(t.goals), maxGoals)]
	}
}

// apply makes m the row after u, and completes u by what the row knows: who
// plays, and which side a goal counts for.
func (m *match) apply(u *update) {
	if u.Kind == "kickoff" {
		*m = match{Match: u.Match, Kickoff: u.At, Goals: []goal{}}
	}
	if u.Home != "" && u.Away != "" {
		m.Round, m.Group, m.Home, m.Away = u.Round, u.Group, u.Home, u.Away
	} else {
		u.Round, u.Group, u.Home, u.Away = m.Round, m.Group, m.Home, m.Away
	}
	if u.Kind == "goal" {
		u.Side = u.scoredBy(m.Score)
	}
	m.Score = u.Score
	if u.Penalties != nil {
		m.Penalties = u.Penalties
	}
	if u.Kind == "goal" && len(m.Goals) < maxMatchGoals {
		m.Goals = append(m.Goals, goal{u.Clock, u.Side, u.Scorer, u.Penalty, u.OwnGoal})
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
