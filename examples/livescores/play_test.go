package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fastsse/fastsse/streamwriter"
)

func newPlayer(h hub, speed float64, stderr io.Writer) *player {
	return &player{
		board: &board{hub: h, clock: clock{pace: speed}}, speed: speed,
		readers: func() int { return 0 }, log: log.New(stderr, "", 0),
	}
}

func TestSpeedDividesTheGaps(t *testing.T) {
	feed := []string{line(0, "kickoff", "0'", 0, 0, ""), line(16, "goal", "16'", 1, 0, ""), line(15, "goal", "15'", 2, 0, ""), line(46, "halftime", "HT", 2, 0, "")}
	for speed, want := range map[float64][]time.Duration{
		1:   {0, 16 * time.Minute, 16 * time.Minute, 46 * time.Minute}, // one that goes back is sent at once
		60:  {0, 16 * time.Second, 16 * time.Second, 46 * time.Second},
		0.5: {0, 32 * time.Minute, 32 * time.Minute, 92 * time.Minute},
		0:   {0, 0, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &timedHub{start: time.Now()}
			if err := newPlayer(h, speed, io.Discard).feed(t.Context(), strings.NewReader(strings.Join(feed, "\n"))); err != nil {
				t.Fatal(err)
			}
			for i, at := range h.at {
				if at.Round(time.Millisecond) != want[i] {
					t.Errorf("speed %v: event %d after %v, want %v", speed, i, at, want[i])
				}
			}
		})
	}
}

// timedHub notes when it is published to.
type timedHub struct {
	fakeHub
	start time.Time
	at    []time.Duration
}

func (h *timedHub) Publish(topic string, e streamwriter.Event) (string, error) {
	h.at = append(h.at, time.Since(h.start))
	return h.fakeHub.Publish(topic, e)
}

func TestSlowFeedIsNotSlowedFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		h := &timedHub{start: time.Now()}
		go func() {
			for _, s := range []string{line(0, "kickoff", "0'", 0, 0, ""), line(10, "goal", "10'", 1, 0, "")} {
				fmt.Fprintln(w, s)
				time.Sleep(11 * time.Minute) // comes a minute late
			}
			w.Close()
		}()
		_ = newPlayer(h, 1, io.Discard).feed(t.Context(), r)
		if want := 11 * time.Minute; h.at[1] != want {
			t.Errorf("sent after %v, want %v: as soon as it came", h.at[1], want)
		}
	})
}

func TestPlayingEndsWithTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		p := newPlayer(&fakeHub{}, 1e-300, io.Discard) // a wait longer than can be said
		if err := p.feed(ctx, strings.NewReader(kickoffLine+"\n"+goalLine)); err != nil {
			t.Error(err)
		}
		if p.skipped.Load() != 0 {
			t.Error("what was not sent any more counts as skipped")
		}
	})
}

func TestSkippedLinesAreReported(t *testing.T) {
	var said strings.Builder
	h := &fakeHub{}
	p := newPlayer(h, 0, &said)
	feed := []string{kickoffLine, "oops", strings.Replace(goalLine, "m/a-b", "m a b", 1), goalLine}
	if err := p.feed(t.Context(), strings.NewReader(strings.Join(feed, "\n"))); err != nil {
		t.Fatal(err)
	}
	if len(h.events) != 2 || p.skipped.Load() != 2 {
		t.Errorf("%d events, %d skipped, want 2 and 2", len(h.events), p.skipped.Load())
	}
	for _, want := range []string{"skipped: feed line 2 is not", "skipped: feed line 3 cannot be published: the topic", "2 events sent, 2 lines skipped"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("said %q, want %q in it", said.String(), want)
		}
	}
}

func TestSimulationGoesOnForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		h := &timedHub{start: time.Now()}
		if err := newPlayer(h, simulationSpeed, io.Discard).simulation(ctx, 5, saturday, 0); err != nil {
			t.Fatal(err)
		}
		var days []time.Duration
		for i, topic := range h.topics {
			switch {
			case topic == "fixtures":
				days = append(days, h.at[i])
			case !strings.HasPrefix(topic, fmt.Sprintf("scores/day-%d/", len(days))):
				t.Fatalf("on day %d: %s", len(days), topic)
			}
		}
		if len(days) < 5 || days[1] < 7*time.Minute || days[1] > 9*time.Minute {
			t.Errorf("match days began after %v; want one every 8 minutes", days)
		}
	})
}

func TestWaitCountsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer(&fakeHub{}, 1, io.Discard)
		start := time.Now()
		p.readers = func() int { return int(time.Since(start) / time.Second) }
		for n, want := range []time.Duration{0, time.Second, 2 * time.Second} {
			if err := p.awaitReaders(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took < want || took > want+100*time.Millisecond {
				t.Errorf("%d readers were there after %v, want %v", n, took, want)
			}
		}
	})
}
