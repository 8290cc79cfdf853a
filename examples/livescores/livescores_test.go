package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

const worldCup = "../../../shared/data/worldcup-2022.ndjson"

// worldCupLines reads the real feed, which the project does not ship.
func worldCupLines(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(worldCup)
	if errors.Is(err, os.ErrNotExist) {
		absent.Skipf(t, "NO FEED. This test needs the 2022 World Cup as NDJSON in %s", worldCup)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func TestWorldCupReachesAReaderInFileOrder(t *testing.T) {
	lines := worldCupLines(t)
	p := start(t, nil, "-feed", worldCup, "-speed", "0", "-wait", "1")
	events := take(t, p.follow(t, "topic=scores/*", ""), len(lines))
	if !reflect.DeepEqual(told(t, events), parsed(t, lines...)) {
		t.Error("what is told is not what the file says")
	}
	goals := 0
	for _, e := range events {
		if e.Type == "goal" {
			goals++
		}
	}
	if len(events) != 364 || goals != 172 {
		t.Errorf("%d events, %d goals; want 364 and 172", len(events), goals)
	}

	t.Run("resumed in the middle", func(t *testing.T) {
		const middle = 181
		rest := take(t, p.follow(t, "topic=scores/*", events[middle].ID), len(events)-middle-1)
		if !slices.Equal(rest, events[middle+1:]) {
			t.Errorf("not exactly the rest: %d events from %s on", len(rest), rest[0].ID)
		}
	})
	for _, id := range []string{"unknown", "another-1", "another-99999999"} {
		t.Run("resumed from "+id, func(t *testing.T) {
			if e := take(t, p.follow(t, "topic=scores/*", id), 1)[0]; e.Type != "gap" {
				t.Errorf("first came %s, want gap", e.Type)
			}
		})
	}
	t.Run("one match", func(t *testing.T) {
		final := take(t, p.follow(t, "topic=scores/2022/argentina-france", events[0].ID), 9)
		if last := final[8]; last.Type != "fulltime" || final[0].Type != "kickoff" {
			t.Errorf("the final goes from %s to %s", final[0].Type, last.Type)
		}
	})
	t.Run("the table", func(t *testing.T) {
		s := p.scores(t)
		if len(s.Matches) != 64 || len(s.Goals) != maxGoals {
			t.Fatalf("%d matches, %d goals", len(s.Matches), len(s.Goals))
		}
		m := s.Matches[63]
		if m.Match != "2022/argentina-france" || !slices.Equal(m.Score, []int{3, 3}) || !slices.Equal(m.Penalties, []int{4, 2}) || m.State != "finished" || len(m.Goals) != 6 {
			t.Errorf("the final: %+v", m)
		}
	})
	if code := p.stop(); code != 0 || p.stderr.String() != "livescores: the feed has ended: 364 events sent, 0 lines skipped; serving goes on\n" {
		t.Errorf("exit code %d, said %q", code, p.stderr.String())
	}
}

// TestNothingIsMissedBetweenScoresAndStream opens a stream from the id of the
// table while goals fall: table and stream together are all of them.
func TestNothingIsMissedBetweenScoresAndStream(t *testing.T) {
	r, w := io.Pipe()
	p := start(t, r, "-feed", "-", "-speed", "0")
	const goals = 300
	go func() {
		for i := range goals {
			fmt.Fprintln(w, line(i, "goal", "1'", i+1, 0, ""))
			time.Sleep(time.Millisecond)
		}
	}()
	for last := 0; last < goals; {
		s := p.scores(t)
		if len(s.Matches) == 0 {
			continue
		}
		last = s.Matches[0].Score[0]
		if last == goals {
			break
		}
		next := take(t, p.follow(t, "topic=scores/*&lastEventId="+s.ID, ""), 1)[0]
		if want := fmt.Sprintf(`"score":[%d,0]`, last+1); !strings.Contains(next.Data, want) {
			t.Fatalf("after a table with %d goals came %s %s", last, next.Type, next.Data)
		}
	}
}

// TestPlaysStandardInputAsItComes also holds the exit code to what was said.
func TestPlaysStandardInputAsItComes(t *testing.T) {
	r, w := io.Pipe()
	p := start(t, r, "-feed", "-", "-speed", "0", "-wait", "2")
	first, second := p.follow(t, "topic=scores/*", ""), p.follow(t, "topic=scores/*", "")
	for i, text := range []string{kickoffLine, "", "nonsense", goalLine} {
		if _, err := fmt.Fprintln(w, text); err != nil {
			t.Fatal(err)
		}
		if i == 0 || i == 3 {
			for _, d := range []*testkit.Decoder{first, second} {
				if got, want := told(t, take(t, d, 1)), parsed(t, text); !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		}
	}
	w.Close()
	eventually(t, func() bool { return strings.Contains(p.stderr.String(), "the feed has ended") })
	if s := p.scores(t); len(s.Matches) != 1 {
		t.Error("it does not go on serving")
	}
	if code := p.stop(); code != 1 {
		t.Errorf("exit code %d after skipped lines, want 1", code)
	}
	for _, want := range []string{"feed line 2 is empty; ", "feed line 3 is not an event in JSON", "2 lines of the feed were skipped"} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("said %q, want %q in it", p.stderr.String(), want)
		}
	}
}

func TestViewersComeOnATopicOfTheirOwn(t *testing.T) {
	p := start(t, nil, "-speed", "10000")
	live := p.follow(t, "topic=live/viewers", "")
	scores := p.follow(t, "topic=scores/*", "")
	if e := take(t, live, 1)[0]; e.Type != "viewers" || e.Data != `{"viewers":1}` {
		t.Errorf("got %s %s", e.Type, e.Data)
	}
	told(t, take(t, scores, 100))
	if s := p.scores(t); s.Viewers != 1 || s.Pace != 10000 || len(s.Matches) != len(clubs)/2 {
		t.Errorf("%d viewers, %v times as fast, %d matches", s.Viewers, s.Pace, len(s.Matches))
	}
}

func TestEndOfTheProgramEndsStreamsProperly(t *testing.T) {
	p := start(t, nil)
	d := p.follow(t, "topic=live/*", "")
	began := time.Now()
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	if took := time.Since(began); took > grace {
		t.Errorf("took %v", took)
	}
	if _, err := d.All(); err != nil || d.Retry == "3000" {
		t.Errorf("the stream ended with %v and retry %s; want a clean end and a retry of its own", err, d.Retry)
	}
}

func TestCommandLine(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		port string
		code int
		want string
	}{
		"unknown flag":      {"-sped 3", "", 2, "-sped"},
		"argument":          {"feed.ndjson", "", 2, `unexpected argument "feed.ndjson"`},
		"negative speed":    {"-feed x -speed -1", "", 2, "-speed -1 is not a speed"},
		"no speed":          {"-feed x -speed NaN", "", 2, "-speed NaN is not a speed"},
		"simulation at 0":   {"-speed 0", "", 2, "give a -feed"},
		"negative wait":     {"-wait -1", "", 2, "-wait -1"},
		"seed with a feed":  {"-feed x -seed 3", "", 2, "-seed is for the simulation"},
		"no address":        {"-addr 8080", "", 2, `-addr "8080" is not an address`},
		"bad PORT":          {"", "http", 2, `PORT is "http"`},
		"no such feed":      {"-feed nothing.ndjson", "", 1, "open the feed: open nothing.ndjson"},
		"feed is a folder":  {"-feed .", "", 1, ". is a directory"},
		"address elsewhere": {"-addr 192.0.2.1:80", "", 1, "give a free port"},
		"help":              {"-help", "", 0, "-feed file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PORT", test.port)
			var out bytes.Buffer
			code := run(t.Context(), strings.Fields(test.args), nil, &out, &out)
			if code != test.code || !strings.Contains(out.String(), test.want) {
				t.Errorf("exit code %d, said %q; want %d and %q", code, out.String(), test.code, test.want)
			}
			if strings.Contains(out.String(), "(default )") {
				t.Errorf("said of a default that it is nothing: %q", out.String())
			}
			if code > 0 && strings.Count(out.String(), "\n") != 1 {
				t.Errorf("said more than a line: %q", out.String())
			}
		})
	}
	t.Run("PORT", func(t *testing.T) {
		t.Setenv("PORT", "3017")
		c, err := parseConfig(nil, io.Discard)
		if err != nil || c.addr != ":3017" || c.speed != simulationSpeed {
			t.Errorf("%+v, %v", c, err)
		}
		c, err = parseConfig([]string{"-addr", "127.0.0.1:1", "-feed", "-"}, io.Discard)
		if err != nil || c.addr != "127.0.0.1:1" || c.speed != 1 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// TestBinary builds the program and treats it as its users do.
func TestBinary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "livescores")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for name, test := range map[string]struct {
		feed string
		code int
	}{
		"a feed":            {kickoffLine + "\n" + goalLine, 0},
		"a feed with fault": {kickoffLine + "\n{}\n" + goalLine, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := launch(t, path, test.feed, "-feed", "-", "-speed", "0", "-wait", "1")
			events := take(t, p.follow(t, "topic=scores/*", ""), 2)
			if got, want := told(t, events), parsed(t, kickoffLine, goalLine); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if code := p.stop(); code != test.code {
				t.Errorf("exit code %d, want %d: %s", code, test.code, p.stderr.String())
			}
		})
	}
}
