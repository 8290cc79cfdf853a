package report

import (
	"fmt"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// The notes below a figure: what it is a part of, and related figures.

func says(text string) func(*result.Result) string {
	return func(*result.Result) string { return text }
}

func openedNote(r *result.Result) string {
	note := "of " + count(float64(r.Asked))
	if r.OpenSeconds > 0 {
		note += " in " + seconds(r.OpenSeconds)
	}
	return note
}

func openingNote(r *result.Result) string {
	return fmt.Sprintf("p50 %s · max %s", number(r.OpenMS.P50), number(r.OpenMS.Max))
}

func endedNote(r *result.Result) string { return count(float64(r.Reconnected)) + " came back" }

func deliveredNote(r *result.Result) string {
	if r.Expected == nil {
		return ""
	}
	return "of " + count(float64(*r.Expected)) + " expected"
}

func lostNote(r *result.Result) string {
	if *r.Lost == 0 || r.Expected == nil || *r.Expected == 0 {
		return ""
	}
	return rare(float64(*r.Lost)/float64(*r.Expected)) + " of expected"
}

// rare is a share that may be too small to be written as one.
func rare(v float64) string {
	if v < 0.00001 {
		return "< 0.001 %"
	}
	return share(v)
}

func medianNote(r *result.Result) string {
	return fmt.Sprintf("mean %s · p90 %s", number(r.LatencyMS.Mean), number(r.LatencyMS.P90))
}

func tailNote(r *result.Result) string {
	return fmt.Sprintf("p99.9 %s · max %s", number(r.LatencyMS.P999), number(r.LatencyMS.Max))
}

func lastNote(r *result.Result) string {
	return fmt.Sprintf("first %s · p99 %s", number(r.SpreadMS.First.P50), number(r.SpreadMS.Last.P99))
}

func memoryNote(r *result.Result) string {
	if r.Server.BytesPerStreamAll == nil {
		return "by slope"
	}
	return size(*r.Server.BytesPerStreamAll) + " on average"
}

func cpuNote(r *result.Result) string { return seconds(r.Server.CPUSeconds) + " in all" }

func processNote(r *result.Result) string {
	var parts []string
	if r.Server.Threads > 0 {
		parts = append(parts, plural(int(r.Server.Threads), "thread"))
	}
	if r.Server.Descriptors > 0 {
		parts = append(parts, plural(int(r.Server.Descriptors), "descriptor"))
	}
	return strings.Join(parts, " · ")
}

func caughtNote(r *result.Result) string {
	if r.Storm.Drain != nil {
		return fmt.Sprintf("of %s, with an event since", plural(r.Storm.Streams, "stream"))
	}
	return fmt.Sprintf("of %s, each %s behind", plural(r.Storm.Streams, "stream"), plural(r.Storm.Missed, "event"))
}

func endingsNote(r *result.Result) string {
	d := r.Storm.Drain
	return fmt.Sprintf("after SIGTERM · %s cut · %s not told when to return", count(float64(d.Cut)), count(float64(d.Untold)))
}

func exitNote(r *result.Result) string {
	return fmt.Sprintf("status %d · listens again after %s", r.Storm.Drain.ExitStatus, seconds(r.Storm.Drain.ListensS))
}

func timerNote(r *result.Result) string { return "max " + number(r.Tool.TimerLagMS.Max) }

func descriptorNote(r *result.Result) string {
	if r.Tool.Limit == 0 {
		return ""
	}
	return "of " + count(float64(r.Tool.Limit)) + " allowed"
}

func portNote(r *result.Result) string {
	if r.Tool.Ports == 0 {
		return ""
	}
	return "of " + count(float64(r.Tool.Ports))
}
