package main

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	kickoffLine = `{"at":"2026-05-02T15:00:00","match":"m/a-b","round":"Final","group":"","home":"A","away":"B","kind":"kickoff","clock":"0'","score":[0,0]}`
	goalLine    = `{"at":"2026-05-02T15:10:30","match":"m/a-b","round":"Final","group":"","home":"A","away":"B","kind":"goal","clock":"10'","score":[0,1],"side":"away","scorer":"Ngozi"}`
)

// read collects what readFeed yields: updates, and the sentences about lines
// that are none.
func read(t *testing.T, feed string, timed bool) (updates []update, bad []string) {
	t.Helper()
	for u, err := range readFeed(strings.NewReader(feed), timed) {
		var line *lineError
		switch {
		case errors.As(err, &line):
			bad = append(bad, line.Error())
		case err != nil:
			t.Fatalf("readFeed: %v", err)
		default:
			updates = append(updates, u)
		}
	}
	return updates, bad
}

func TestFeedReadsLinesHoweverTheyEnd(t *testing.T) {
	odd := `  {"kind" : "goal","match":"x","score":[1,0] , "extra":{"é":"\u00e9"}}	`
	updates, bad := read(t, kickoffLine+"\r\n"+odd+"\n"+goalLine, true)
	if len(updates) != 2 || len(bad) != 1 || !strings.HasPrefix(bad[0], `feed line 2 has "at" ""`) {
		t.Fatalf("timed: got %d updates and %q", len(updates), bad)
	}
	updates, bad = read(t, kickoffLine+"\r\n"+odd+"\n"+goalLine, false)
	if len(updates) != 3 || bad != nil {
		t.Fatalf("got %d updates and %q, want 3 and none", len(updates), bad)
	}
	for i, want := range []string{"kickoff m/a-b", "goal x", "goal m/a-b"} {
		if got := updates[i].Kind + " " + updates[i].Match; got != want {
			t.Errorf("line %d is %q, want %q", i+1, got, want)
		}
	}
}

func TestFeedReportsWhatIsNoEvent(t *testing.T) {
	for name, test := range map[string]struct{ line, want string }{
		"not JSON":         {`{"match":`, "is not an event in JSON"},
		"cut short":        {goalLine[:len(goalLine)-1], "is not an event in JSON"},
		"two on a line":    {goalLine + goalLine, "is not an event in JSON"},
		"an array":         {`[]`, "is not an event in JSON"},
		"null":             {`null`, `has no "match"`},
		"empty":            {"", "is empty"},
		"blank":            {" \t", "is empty"},
		"no match":         {`{"kind":"goal","score":[1,0]}`, `has no "match"`},
		"no kind":          {`{"match":"m","score":[1,0]}`, `has no "kind"`},
		"unknown kind":     {`{"match":"m","kind":"corner","score":[1,0]}`, `is of kind "corner"`},
		"no score":         {`{"match":"m","kind":"goal"}`, `has no "score"`},
		"one number":       {`{"match":"m","kind":"goal","score":[1]}`, `has the "score" [1]`},
		"three numbers":    {`{"match":"m","kind":"goal","score":[1,2,3]}`, `has the "score" [1 2 3]`},
		"below zero":       {`{"match":"m","kind":"goal","score":[1,-1]}`, `has the "score" [1 -1]`},
		"score in words":   {`{"match":"m","kind":"goal","score":"1-0"}`, "is not an event in JSON"},
		"half a shoot-out": {`{"match":"m","kind":"goal","score":[1,0],"penalties":[3]}`, `has the "penalties" [3]`},
		"carriage return":  {"{\"match\":\"m\r\",\"kind\":\"goal\",\"score\":[1,0]}", "is not an event in JSON"},
		"a long name":      {`{"match":"m","kind":"goal","score":[1,0],"scorer":"` + strings.Repeat("x", 257) + `"}`, `has a "scorer" of 257 bytes`},
		"NUL":              {"{\"match\":\"m\x00\",\"kind\":\"goal\",\"score\":[1,0]}", "is not an event in JSON"},
		"not UTF-8":        {"{\"match\":\"m\",\"kind\":\"goal\",\"score\":[1,0],\"home\":\"\xff\"}", "is not UTF-8"},
		"too long":         {`{"match":"m","kind":"goal","score":[1,0],"x":"` + strings.Repeat("x", 64<<10) + `"}`, "is longer than 65536 bytes"},
		"far too long":     {strings.Repeat("x", 1<<20), "is longer than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			updates, bad := read(t, kickoffLine+"\n"+test.line+"\n"+goalLine+"\n", false)
			if len(updates) != 2 || updates[1].Scorer != "Ngozi" {
				t.Errorf("%d updates around it, want both", len(updates))
			}
			if len(bad) != 1 || !strings.HasPrefix(bad[0], "feed line 2 "+test.want) || !strings.Contains(bad[0], "; ") {
				t.Errorf("said %q, want one sentence that begins %q, and a remedy", bad, "feed line 2 "+test.want)
			}
		})
	}
}

func TestFeedTakesTheLongestLine(t *testing.T) {
	line := strings.Replace(goalLine, `"scorer"`, `"more":"","scorer"`, 1)
	line = strings.Replace(line, `"more":"`, `"more":"`+strings.Repeat("x", maxLineBytes-len(line)), 1)
	for _, end := range []string{"", "\n", "\r\n"} {
		updates, bad := read(t, line+end, true)
		if len(updates) != 1 || updates[0].Scorer != "Ngozi" {
			t.Errorf("ended by %q: got %d updates, %q", end, len(updates), bad)
		}
		if _, bad = read(t, "x"+line+end, true); len(bad) != 1 || !strings.Contains(bad[0], "line 1 is longer") {
			t.Errorf("a byte more, ended by %q: %q", end, bad)
		}
	}
}

func TestFeedTellsWhenItCannotBeRead(t *testing.T) {
	var last error
	for _, err := range readFeed(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(goalLine))), true) {
		last = err
	}
	if !errors.Is(last, iotest.ErrTimeout) {
		t.Errorf("the last error is %v, want the reader's own", last)
	}
}
