package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

var saturday = time.Date(2026, 5, 2, 9, 30, 0, 0, time.UTC)

func TestSimulatedDayIsPlayable(t *testing.T) {
	for seed := range uint64(20) {
		for day := 1; day <= 40; day += 13 {
			d := drawDay(seed, day, saturday)
			if len(d.fixtures) != len(clubs)/2 {
				t.Fatalf("%d fixtures, want %d", len(d.fixtures), len(clubs)/2)
			}
			matches := map[string][]update{}
			at := d.start
			for _, u := range d.updates {
				if u.when.Before(at) {
					t.Fatalf("%s comes after %s", u.when, at)
				}
				at = u.when
				matches[u.Match] = append(matches[u.Match], u)
			}
			for name, updates := range matches {
				checkMatch(t, name, updates)
			}
		}
	}
}

// checkMatch says what cannot happen in a match.
func checkMatch(t *testing.T, name string, updates []update) {
	t.Helper()
	var kinds []string
	score := []int{0, 0}
	for _, u := range updates {
		if u.Kind == "goal" {
			score[map[string]int{"home": 0, "away": 1}[u.Side]]++
			if u.Scorer == "" || !strings.HasSuffix(u.Clock, "'") {
				t.Errorf("%s: a goal by %q at %q", name, u.Scorer, u.Clock)
			}
		} else {
			kinds = append(kinds, u.Kind)
		}
		if !reflect.DeepEqual(u.Score, score) {
			t.Fatalf("%s: %v after %s at %s, want %v", name, u.Score, u.Kind, u.Clock, score)
		}
	}
	if want := []string{"kickoff", "halftime", "fulltime"}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("%s has %v, want %v", name, kinds, want)
	}
	if updates[0].Kind != "kickoff" || updates[len(updates)-1].Kind != "fulltime" {
		t.Errorf("%s goes from %s to %s", name, updates[0].Kind, updates[len(updates)-1].Kind)
	}
	if length := updates[len(updates)-1].when.Sub(updates[0].when); length < 105*time.Minute || length > 115*time.Minute {
		t.Errorf("%s takes %v", name, length)
	}
}

func TestSimulatedDayIsAFeed(t *testing.T) {
	var feed bytes.Buffer
	d := drawDay(1, 1, saturday)
	for _, u := range d.updates {
		line, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		feed.Write(append(line, '\n'))
	}
	updates, bad := read(t, feed.String(), true)
	if len(bad) > 0 || len(updates) != len(d.updates) {
		t.Fatalf("%d of %d lines are events; %q", len(updates), len(d.updates), bad)
	}
	for i, u := range updates {
		if !u.when.Equal(d.updates[i].when) {
			t.Errorf("line %d happens at %v, want %v", i+1, u.when, d.updates[i].when)
		}
	}
}

func TestSimulationIsRealistic(t *testing.T) {
	goals, matches := 0, 0
	for day := range 200 {
		d := drawDay(42, day+1, saturday)
		matches += len(d.fixtures)
		goals += len(d.updates) - 3*len(d.fixtures)
	}
	if mean := float64(goals) / float64(matches); mean < 2.5 || mean > 3.1 {
		t.Errorf("%.2f goals a match, want about 2.8", mean)
	}
}

func TestSeedRepeatsTheDay(t *testing.T) {
	a, b, c := drawDay(7, 3, saturday), drawDay(7, 3, saturday), drawDay(8, 3, saturday)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gave two days")
	}
	if reflect.DeepEqual(a.updates, c.updates) {
		t.Error("another seed gave the same day")
	}
}

func TestEverybodyMeetsEverybodyTwice(t *testing.T) {
	met := map[[2]string]int{}
	days := 2 * (len(clubs) - 1)
	for day := 1; day <= days; day++ {
		busy := map[*club]bool{}
		for _, p := range pairings(day) {
			if busy[p[0]] || busy[p[1]] {
				t.Fatalf("day %d: a club of %s and %s plays twice", day, p[0].name, p[1].name)
			}
			busy[p[0]], busy[p[1]] = true, true
			met[[2]string{p[0].slug, p[1].slug}]++
		}
	}
	if want := len(clubs) * (len(clubs) - 1); len(met) != want {
		t.Errorf("%d pairings of home and away in %d days, want %d", len(met), days, want)
	}
}

// TestBoardOfTheFirstDayIsFullAtOnce: whoever starts the program sees matches
// that are over, that are on and that are to come, and goals.
func TestBoardOfTheFirstDayIsFullAtOnce(t *testing.T) {
	for seed := range uint64(50) {
		d := drawDay(seed, 1, saturday)
		board, rest := d.at(d.start.Add(halfPlayed))
		count := map[string]int{}
		for _, m := range board.matches {
			count[m.State]++
		}
		if count["finished"] == 0 || count["live"]+count["halftime"] < 4 || count["upcoming"] == 0 || len(board.goals) < 5 {
			t.Errorf("seed %d: %v, %d goals", seed, count, len(board.goals))
		}
		for _, u := range rest { // what is still to come leads to the same end
			row := board.row(u.Match)
			row.apply(&u)
			board.enter(row, u)
		}
		if whole, none := d.at(d.start.Add(24 * time.Hour)); !reflect.DeepEqual(board, whole) || none != nil {
			t.Errorf("seed %d: the day that began half played ends otherwise", seed)
		}
	}
}
