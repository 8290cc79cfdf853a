package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// matchDay is a round of an invented league: who plays when, and all that will
// happen, in order.
type matchDay struct {
	start    time.Time // a little before the first kick-off
	fixtures []fixture
	updates  []update
}

// fixture is one match, not played yet.
type fixture struct {
	day        int
	home, away *club
	kickoff    time.Time
}

// kickoffs are the minutes after the first one at which the matches begin.
var kickoffs = [len(clubs) / 2]int{0, 0, 0, 20, 20, 45, 45, 75, 120}

// drawDay draws match day number day (from 1), which is played on date. The
// same seed gives the same day.
func drawDay(seed uint64, day int, date time.Time) matchDay {
	rng := rand.New(rand.NewPCG(seed, uint64(day)))
	first := time.Date(date.Year(), date.Month(), date.Day(), 15, 0, 0, 0, time.UTC) // the zone is never shown
	d := matchDay{start: first.Add(-2 * time.Minute)}
	pairs := pairings(day)
	rng.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	for i, p := range pairs {
		f := fixture{day, p[0], p[1], first.Add(time.Duration(kickoffs[i]) * time.Minute)}
		d.fixtures = append(d.fixtures, f)
		d.updates = append(d.updates, f.play(rng)...)
	}
	slices.SortStableFunc(d.updates, func(a, b update) int { return a.when.Compare(b.when) })
	return d
}

// pairings says who meets on a day, by the circle method: one club stays where
// it is, the others move on by one place a day, and opposite places meet.
// Every second time round they meet at the other's ground.
func pairings(day int) [][2]*club {
	n := len(clubs)
	place := func(i int) *club {
		if i == 0 {
			return &clubs[0]
		}
		return &clubs[1+(i+day)%(n-1)]
	}
	pairs := make([][2]*club, 0, n/2)
	for i := range n / 2 {
		home, away := place(i), place(n-1-i)
		if (i+day/(n-1))%2 == 1 {
			home, away = away, home
		}
		pairs = append(pairs, [2]*club{home, away})
	}
	return pairs
}

// at is the table as it stands at now, and what is still to come.
func (d *matchDay) at(now time.Time) (t table, rest []update) {
	for i := range d.fixtures {
		u := d.fixtures[i].update(0)
		t.matches = append(t.matches, match{
			Match: u.Match, Round: u.Round, Group: u.Group, Home: u.Home, Away: u.Away,
			State: "upcoming", Kickoff: u.At, At: u.At, Score: []int{0, 0}, Goals: []goal{},
		})
	}
	for i, u := range d.updates {
		if u.when.After(now) {
			return t, d.updates[i:]
		}
		row := t.row(u.Match)
		row.apply(&u)
		t.enter(row, u)
	}
	return t, nil
}

const (
	half      = 45 // minutes
	breakTime = 15 // minutes between the halves, less what was added to the first

	// What professional leagues see: 2.8 goals a match, more of them by the home
	// side and in the second half, one in twelve a penalty.
	homeGoals, awayGoals = 1.40, 1.12
	secondHalf           = 1.2
	penaltyShare         = 0.08
	ownGoalShare         = 0.03
)

// play draws all that happens in f.
func (f *fixture) play(rng *rand.Rand) []update {
	g := game{fixture: f, rng: rng, updates: []update{f.update(0)}}
	g.updates[0].Kind, g.updates[0].Clock = "kickoff", "0'"
	added := 1 + rng.IntN(4)
	g.half(0, added, 1)
	g.whistle("halftime", "HT", half+added)
	added = 2 + rng.IntN(6)
	g.half(half, added, secondHalf)
	g.whistle("fulltime", "FT", half+breakTime+half+added)
	return g.updates
}

// update is what each update of f has in common, so many seconds after its
// kick-off.
func (f *fixture) update(seconds int) update {
	when := f.kickoff.Add(time.Duration(seconds) * time.Second)
	return update{
		At: when.Format(atLayout), when: when,
		Match: fmt.Sprintf("day-%d/%s-%s", f.day, f.home.slug, f.away.slug),
		Round: fmt.Sprintf("Matchday %d", f.day),
		Home:  f.home.name, Away: f.away.name, Score: []int{0, 0},
	}
}

// game is a fixture while it is drawn.
type game struct {
	*fixture
	rng     *rand.Rand
	score   [2]int
	updates []update
}

// half draws the goals of the 45 minutes from minute from on, and those added.
func (g *game) half(from, added int, rate float64) {
	for m := 1; m <= half+added; m++ {
		p := g.rng.Float64() * (2*half + 6) / rate
		switch {
		case p < homeGoals*g.home.strength:
			g.goal(0, from, m)
		case p < homeGoals*g.home.strength+awayGoals*g.away.strength:
			g.goal(1, from, m)
		}
	}
}

// goal is one for side in minute m of the half that begins at minute from.
func (g *game) goal(side, from, m int) {
	g.score[side]++
	seconds := (from+m)*60 + g.rng.IntN(60)
	if from > 0 {
		seconds += breakTime * 60
	}
	u := g.update(seconds)
	u.Kind, u.Side, u.Score = "goal", [2]string{"home", "away"}[side], []int{g.score[0], g.score[1]}
	u.Clock = fmt.Sprintf("%d'", from+m)
	if m > half {
		u.Clock = fmt.Sprintf("%d+%d'", from+half, m-half)
	}
	scorers, others := g.home, g.away
	if side == 1 {
		scorers, others = others, scorers
	}
	switch luck := g.rng.Float64(); {
	case luck < penaltyShare:
		u.Penalty = true
	case luck < penaltyShare+ownGoalShare:
		u.OwnGoal, scorers = true, others
	}
	u.Scorer = scorers.player(g.rng)
	g.updates = append(g.updates, u)
}

// whistle ends a half, a minute after the last one in which a goal may fall.
func (g *game) whistle(kind, clock string, minute int) {
	u := g.update((minute + 1) * 60)
	u.Kind, u.Clock, u.Score = kind, clock, []int{g.score[0], g.score[1]}
	g.updates = append(g.updates, u)
}
