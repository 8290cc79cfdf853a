package check

import (
	"fmt"
	"strings"
	"time"
)

// judgeLife judges the stream that was read in silence: its signs of life, and its end.
func (s *session) judgeLife(check check) {
	const beat = "send a comment line (\": .\\n\") after every 15 s of silence"
	a, no := &s.here.first, s.noStream()
	longest, short := max(a.longest, a.trailing()), a.ended.Sub(a.headAt) < s.pace.silent
	silence := span(longest)
	check("heartbeat", no,
		when(a.signs == 0 && short && a.text.count > 0 && a.trailing() < signAfter, skip("events came all the time: there was no silence in which to send a heartbeat")),
		when(a.signs == 0 && short, skip("no sign of life in %s of silence, which is too short to tell; listen longer: -for 40s", silence)),
		when(a.signs == 0, fail(beat, "no sign of life in %s of silence; proxies end silent streams after %s", silence, idleLimits())),
		when(longest > s.pace.quiet, warn(beat, "silent for %s; proxies end silent streams after %s", silence, idleLimits())),
		when(a.text.comments == 0, good("never silent for longer than %s (only events; no comment came)", silence)),
		good("never silent for longer than %s (%s)", silence, count(a.text.comments, "comment")))
	age, whose := span(a.lived()), whoseLimit(a)
	check("lifetime", no,
		when(a.how == left, good("still open after %s", age)),
		when(a.how == whole && a.text.unfinished, fail("end streams between two events", "ended after %s, inside an event%s", age, whose)),
		when(a.how == whole || a.how == closed, warn("keep streams open, or end them rarely: after each end clients come back, but not all of them (see endings)", "ended by the server after %s, %s%s", age, a.how, whose)),
		fail("raise the limit that cuts it, or end streams before that (between two events, with a retry)", "cut after %s: %s%s", age, a.how, whose))
}

// limits are when common proxies and platforms end a stream by default.
var limits = []struct {
	after time.Duration
	idle  bool // counts from the last byte, not from the request
	whose string
}{
	{15 * time.Second, false, "Envoy's route timeout"},
	{30 * time.Second, true, "API Gateway's edge endpoints, Heroku until the first byte"},
	{55 * time.Second, true, "Heroku"},
	{60 * time.Second, true, "nginx, ALB, Fly.io, Railway"},
	{100 * time.Second, true, "Cloudflare"},
	{120 * time.Second, false, "App Runner"},
	{230 * time.Second, false, "Azure Functions"},
	{240 * time.Second, false, "Azure Container Apps"},
	{300 * time.Second, false, "Cloud Run, Vercel, Knative"},
	{300 * time.Second, true, "API Gateway"},
	{600 * time.Second, false, "Knative"},
	{800 * time.Second, false, "Vercel"},
	{900 * time.Second, false, "Lambda, API Gateway, Railway"},
	{3600 * time.Second, false, "Cloud Run at most"},
}

// knownLimits names the proxies and platforms whose limit may have ended a stream of
// this age, idle for this long.
func knownLimits(age, idle time.Duration) string {
	var names []string
	for _, l := range limits {
		lasted, what := age, ""
		if l.idle {
			lasted, what = idle, " of silence"
		}
		if (lasted - l.after).Abs() <= max(time.Second, l.after/50) {
			names = append(names, fmt.Sprintf("%s (%s%s)", l.whose, span(l.after), what))
		}
	}
	return strings.Join(names, "; ")
}

// idleLimits names the limits on silence, which heartbeats are for.
func idleLimits() string {
	var groups []string
	for _, l := range limits {
		if l.idle && l.after >= 55*time.Second && l.after <= 100*time.Second {
			groups = append(groups, span(l.after)+" "+l.whose)
		}
	}
	return strings.Join(groups, "; ")
}

func whoseLimit(a *answer) string {
	names := knownLimits(a.lived(), a.trailing())
	if names == "" {
		names = "no proxy or platform is known to have that limit"
	} else {
		names = "known to have that limit: " + names
	}
	return fmt.Sprintf(", %s after the last byte; %s", span(a.trailing()), names)
}
