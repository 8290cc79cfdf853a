package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
	"unicode/utf8"
)

// update is one line of a feed: something that happened in a match.
type update struct {
	At        string `json:"at"` // local time, no zone
	Match     string `json:"match"`
	Round     string `json:"round"`
	Group     string `json:"group"`
	Home      string `json:"home"`
	Away      string `json:"away"`
	Kind      string `json:"kind"`  // kickoff, goal, halftime or fulltime
	Clock     string `json:"clock"` // 0', 16', 45+2', HT, FT
	Score     []int  `json:"score"` // home, away, after it
	Side      string `json:"side,omitempty"`
	Scorer    string `json:"scorer,omitempty"`
	Penalty   bool   `json:"penalty,omitempty"`
	OwnGoal   bool   `json:"owngoal,omitempty"`
	Penalties []int  `json:"penalties,omitempty"` // of a shoot-out, home and away

	when   time.Time // At, or zero if it is none
	number int       // of the line in its feed, from 1
}

const (
	atLayout     = "2006-01-02T15:04:05"
	maxLineBytes = 64 << 10
	maxTextBytes = 256 // of a name or a time; a row with all its goals must fit into an event
)

// lineError says which line of a feed is not an event, why, and what to do.
type lineError struct {
	number          int
	problem, remedy string
}

func (e *lineError) Error() string {
	return fmt.Sprintf("feed line %d %s; %s", e.number, e.problem, e.remedy)
}

// readFeed yields each line of r: an update, or the *lineError that tells why
// it is none. Any other error is r's own, and the last. A line ends in LF or
// CRLF. An update must say when it happened only if timed is set.
func readFeed(r io.Reader, timed bool) iter.Seq2[update, error] {
	return func(yield func(update, error) bool) {
		br := bufio.NewReaderSize(r, maxLineBytes+2)
		for number := 1; ; number++ {
			line, err := readLine(br)
			if err == io.EOF {
				return
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				yield(update{}, fmt.Errorf("read the feed after line %d: %w", number-1, err))
				return
			}
			u, err := parseLine(line, number, timed)
			if !yield(u, err) {
				return
			}
		}
	}
}

// readLine returns the next line without its end, which is valid until the next
// call. Of one that br has no room for it returns the beginning and ErrBufferFull.
// io.EOF comes alone, after a last line that nothing ended.
func readLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return line, skipLine(br)
	case err == io.EOF && len(line) > 0:
		return line, nil
	case err != nil:
		return nil, err
	}
	line = line[:len(line)-1]
	return bytes.TrimSuffix(line, []byte{'\r'}), nil
}

// skipLine drops the rest of a line.
func skipLine(br *bufio.Reader) error {
	for {
		_, err := br.ReadSlice('\n')
		switch {
		case err == nil || err == io.EOF:
			return bufio.ErrBufferFull
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// parseLine makes a line an update, or says why it is none.
func parseLine(line []byte, number int, timed bool) (update, error) {
	bad := func(problem, remedy string) (update, error) {
		return update{}, &lineError{number, problem, remedy}
	}
	switch {
	case len(line) > maxLineBytes:
		return bad(fmt.Sprintf("is longer than %d bytes", maxLineBytes), "split it, or leave out what the page does not need")
	case len(bytes.TrimSpace(line)) == 0:
		return bad("is empty", "delete it")
	case !utf8.Valid(line):
		return bad("is not UTF-8", "convert the feed: a stream can carry nothing else")
	}
	u := update{number: number}
	if err := json.Unmarshal(line, &u); err != nil {
		return bad("is not an event in JSON: "+err.Error(), "its fields are in examples/livescores/README.md")
	}
	return u, u.check(timed)
}

// check says what is missing or wrong in u, and sets u.when.
func (u *update) check(timed bool) error {
	bad := func(problem, remedy string) error { return &lineError{u.number, problem, remedy} }
	switch {
	case u.Match == "":
		return bad(`has no "match"`, `name the match it belongs to, as in "2022/qatar-ecuador"`)
	case u.Kind == "":
		return bad(`has no "kind"`, "give kickoff, goal, halftime or fulltime")
	case u.Kind != "kickoff" && u.Kind != "goal" && u.Kind != "halftime" && u.Kind != "fulltime":
		return bad(fmt.Sprintf("is of kind %q", u.Kind), "give kickoff, goal, halftime or fulltime")
	case u.Score == nil:
		return bad(`has no "score"`, "give [home, away] as it is after the event")
	case !isScore(u.Score):
		return bad(fmt.Sprintf(`has the "score" %v`, u.Score), "give two numbers, [home, away], from 0")
	case u.Penalties != nil && !isScore(u.Penalties):
		return bad(fmt.Sprintf(`has the "penalties" %v`, u.Penalties), "give two numbers, [home, away], from 0")
	}
	for _, f := range [...]struct{ name, text string }{
		{"match", u.Match}, {"round", u.Round}, {"group", u.Group}, {"home", u.Home}, {"away", u.Away},
		{"clock", u.Clock}, {"side", u.Side}, {"scorer", u.Scorer}, {"at", u.At},
	} {
		if len(f.text) > maxTextBytes {
			return bad(fmt.Sprintf("has a %q of %d bytes", f.name, len(f.text)), fmt.Sprintf("shorten it to %d", maxTextBytes))
		}
	}
	when, err := time.Parse(atLayout, u.At)
	if err != nil && timed {
		return bad(fmt.Sprintf(`has "at" %q, which is not a time`, u.At), "give one like "+atLayout+", or play the feed with -speed 0")
	}
	u.when = when
	return nil
}

func isScore(s []int) bool { return len(s) == 2 && s[0] >= 0 && s[1] >= 0 }
