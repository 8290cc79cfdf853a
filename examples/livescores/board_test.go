package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/streamwriter"
)

// fakeHub notes what is published.
type fakeHub struct {
	mu     sync.Mutex
	topics []string
	events []streamwriter.Event
}

func (h *fakeHub) Publish(topic string, e streamwriter.Event) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if strings.Contains(topic, " ") {
		return "", errors.New("the topic holds a blank; leave it out")
	}
	h.topics, h.events = append(h.topics, topic), append(h.events, e)
	return fmt.Sprintf("e-%d", len(h.events)), nil
}

func (h *fakeHub) LastID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprintf("e-%d", len(h.events))
}

// lines makes updates of a feed, and fails the test if one is none.
func lines(t *testing.T, feed ...string) []update {
	t.Helper()
	updates, bad := read(t, strings.Join(feed, "\n"), true)
	if bad != nil {
		t.Fatal(bad)
	}
	return updates
}

// line is a short way to write one.
func line(minute int, kind, clock string, home, away int, more string) string {
	at := saturday.Add(time.Duration(minute) * time.Minute).Format(atLayout)
	return fmt.Sprintf(`{"at":%q,"match":"cup/reds-blues","round":"Cup","group":"","home":"Reds","away":"Blues","kind":%q,"clock":%q,"score":[%d,%d]%s}`, at, kind, clock, home, away, more)
}

func TestBoardFollowsAMatch(t *testing.T) {
	h := &fakeHub{}
	b := &board{hub: h}
	steps := []struct{ line, state, clock string }{
		{line(0, "kickoff", "0'", 0, 0, ""), "live", "0'"},
		{line(16, "goal", "16'", 0, 1, `,"side":"away","scorer":"Ada","penalty":true`), "live", "16'"},
		{line(46, "goal", "45+1'", 1, 1, `,"scorer":"Bea","owngoal":true`), "live", "45+1'"},
		{line(50, "halftime", "HT", 1, 1, ""), "halftime", "HT"},
		{line(63, "goal", "48'", 1, 2, `,"scorer":"Ada"`), "live", "48'"},
		{line(112, "fulltime", "FT", 1, 3, `,"penalties":[4,2]`), "finished", "FT"},
		{line(118, "goal", "90+13'", 1, 3, `,"side":"away"`), "finished", "FT"}, // the World Cup feed has such
	}
	for i, step := range steps {
		u := lines(t, step.line)[0]
		if err := b.publish(u); err != nil {
			t.Fatal(err)
		}
		s := b.snapshot()
		m := s.Matches[0]
		if m.State != step.state || m.Clock != step.clock || !reflect.DeepEqual(m.Score, u.Score) {
			t.Errorf("after %s: %s at %s, %v", step.line, m.State, m.Clock, m.Score)
		}
		if e := h.events[i]; h.topics[i] != "scores/cup/reds-blues" || e.Type != u.Kind || e.ID != "" {
			t.Errorf("published %q to %s as %q", e.Data, h.topics[i], e.Type)
		}
		if told := heard(t, h.events[i].Data); !reflect.DeepEqual(told.Row, m) || told.Time != s.Time || told.Update.Kind != u.Kind || told.Update.Clock != u.Clock {
			t.Errorf("after %s: published %+v; want the row as it stands at %s, %+v", step.line, told, s.Time, m)
		}
		if want := fmt.Sprintf("e-%d", i+1); s.ID != want {
			t.Errorf("the snapshot is true at %s, want %s", s.ID, want)
		}
	}
	m := b.snapshot().Matches[0]
	want := []goal{{"16'", "away", "Ada", true, false}, {"45+1'", "home", "Bea", false, true}, {"48'", "away", "Ada", false, false}, {"90+13'", "away", "", false, false}}
	if !reflect.DeepEqual(m.Goals, want) {
		t.Errorf("goals %v, want %v", m.Goals, want)
	}
	if !reflect.DeepEqual(m.Penalties, []int{4, 2}) || m.Kickoff != lines(t, steps[0].line)[0].At {
		t.Errorf("penalties %v, kick-off %s", m.Penalties, m.Kickoff)
	}
	goals := b.snapshot().Goals
	if len(goals) != 4 || goals[3].Scorer != "Ada" || goals[1].Side != "away" || goals[2].Side != "home" {
		t.Errorf("the last goals are %+v; want four, each with the side it counts for", goals)
	}
}

// heard decodes what is published in scores/.
func heard(t *testing.T, data []byte) news {
	t.Helper()
	var n news
	if err := json.Unmarshal(data, &n); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return n
}

// TestNewsSaysWhoPlaysThoughTheLineDoesNot: a feed may name the sides once.
func TestNewsSaysWhoPlaysThoughTheLineDoesNot(t *testing.T) {
	h := &fakeHub{}
	b := &board{hub: h}
	for _, u := range lines(t, kickoffLine, `{"at":"2026-05-02T15:10:30","match":"m/a-b","kind":"goal","clock":"10'","score":[0,1]}`) {
		if err := b.publish(u); err != nil {
			t.Fatal(err)
		}
	}
	if u := heard(t, h.events[1].Data).Update; u.Home != "A" || u.Away != "B" || u.Side != "away" || u.Round != "Final" {
		t.Errorf("told %+v; want A against B, and a goal for the away side", u)
	}
}

// TestTheLongestRowFitsIntoAnEvent: no feed can make a match that the hub refuses.
func TestTheLongestRowFitsIntoAnEvent(t *testing.T) {
	a, err := newApp(config{feed: "-"}, log.New(io.Discard, "", 0))
	if err != nil {
		t.Fatal(err)
	}
	defer a.hub.Close(t.Context())
	long := strings.Repeat(`\u0001`, maxTextBytes) // as long in JSON as it gets
	replace := strings.NewReplacer("Final", long, "Ngozi", long, `"A"`, `"`+long+`"`, `"B"`, `"`+long+`"`, "10'", long, `"group":""`, `"group":"`+long+`"`)
	for range maxMatchGoals + 1 {
		if err := a.player.board.publish(lines(t, replace.Replace(goalLine))[0]); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.player.board.snapshot().Matches[0]; len(got.Goals) != maxMatchGoals {
		t.Errorf("%d goals in the row, want %d", len(got.Goals), maxMatchGoals)
	}
}

func TestBoardKeepsOutWhatTheHubRefuses(t *testing.T) {
	b := &board{hub: &fakeHub{}}
	u := lines(t, strings.Replace(kickoffLine, "m/a-b", "m/a b", 1))[0]
	if err := b.publish(u); err == nil {
		t.Error("no error")
	}
	if s := b.snapshot(); len(s.Matches) != 0 || s.ID != "e-0" {
		t.Errorf("the table has %v at %s", s.Matches, s.ID)
	}
}

// TestSnapshotIsTrueAtItsID reads the table while goals fall: each of them has
// an event, so that the id says how many are in the table.
func TestSnapshotIsTrueAtItsID(t *testing.T) {
	b := &board{hub: &fakeHub{}}
	const goals = 2000
	go func() {
		for i := range goals {
			_ = b.publish(lines(t, line(i, "goal", "1'", i+1, 0, ""))[0])
		}
	}()
	for last := 0; last < goals; {
		s := b.snapshot()
		if len(s.Matches) == 0 {
			continue
		}
		last = s.Matches[0].Score[0]
		if want := fmt.Sprintf("e-%d", last); s.ID != want {
			t.Fatalf("%d goals in the table at %s", last, s.ID)
		}
	}
}

func TestBoardStaysSmall(t *testing.T) {
	b := &board{hub: &fakeHub{}}
	for i := range maxMatches + 10 {
		for range 3 {
			_ = b.publish(lines(t, strings.Replace(goalLine, "m/a-b", fmt.Sprint("m/", i), 1))[0])
		}
	}
	for range 2 * maxMatchGoals {
		_ = b.publish(lines(t, goalLine)[0])
	}
	s := b.snapshot()
	if len(s.Matches) != maxMatches || len(s.Goals) != maxGoals {
		t.Errorf("%d matches, %d goals", len(s.Matches), len(s.Goals))
	}
	if m := s.Matches[maxMatches-1]; m.Match != "m/a-b" || len(m.Goals) != maxMatchGoals {
		t.Errorf("%s has %d goals", m.Match, len(m.Goals))
	}
}

func TestNewDayReplacesTheTable(t *testing.T) {
	h := &fakeHub{}
	b := &board{hub: h}
	_ = b.publish(lines(t, goalLine)[0])
	d := drawDay(1, 2, saturday)
	fixtures, _ := d.at(d.start)
	if err := b.newDay(fixtures, d.start, 30); err != nil {
		t.Fatal(err)
	}
	var told snapshot
	if err := json.Unmarshal(h.events[1].Data, &told); err != nil || h.topics[1] != "fixtures" {
		t.Fatalf("told %s by %s: %v", h.topics[1], h.events[1].Data, err)
	}
	s := b.snapshot()
	if len(s.Matches) != len(clubs)/2 || len(s.Goals) != 0 || s.Pace != 30 || !s.Simulation || s.Time != "2026-05-02T14:58:00" {
		t.Errorf("%d matches, %d goals at %s", len(s.Matches), len(s.Goals), s.Time)
	}
	s.ID = ""
	if !reflect.DeepEqual(told.Matches, s.Matches) {
		t.Error("readers of the stream were told another table")
	}
	for _, m := range s.Matches {
		if m.State != "upcoming" {
			t.Errorf("%s is %s", m.Match, m.State)
		}
	}
}

func TestViewersAreToldOnceAChange(t *testing.T) {
	h := &fakeHub{}
	b := &board{hub: h}
	for _, n := range []int{0, 1, 1, 3, 3, 0} {
		if err := b.watch(n); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for i, e := range h.events {
		got = append(got, h.topics[i]+" "+e.Type+" "+string(e.Data))
	}
	want := []string{`live/viewers viewers {"viewers":1}`, `live/viewers viewers {"viewers":3}`, `live/viewers viewers {"viewers":0}`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
