package check

import (
	"fmt"
	"strings"
	"time"
)

// limit is when a common proxy or platform ends a stream by default.
type limit struct {
	after time.Duration
	idle  bool // counts from the last byte, not from the request
	whose string
}

var limits = []limit{
	{15 * time.Second, false, "Envoy's route timeout"},
	{30 * time.Second, true, "API Gateway's edge endpoints"},
	{30 * time.Second, true, "Heroku, until the first byte"},
	{55 * time.Second, true, "Heroku"},
	{60 * time.Second, true, "nginx"},
	{60 * time.Second, true, "ALB"},
	{60 * time.Second, true, "Fly.io"},
	{60 * time.Second, true, "Railway"},
	{100 * time.Second, true, "Cloudflare"},
	{120 * time.Second, false, "App Runner"},
	{230 * time.Second, false, "Azure Functions"},
	{240 * time.Second, false, "Azure Container Apps"},
	{300 * time.Second, false, "Cloud Run, Vercel or Knative"},
	{300 * time.Second, true, "API Gateway"},
	{600 * time.Second, false, "Knative"},
	{800 * time.Second, false, "Vercel"},
	{900 * time.Second, false, "Lambda, API Gateway or Railway"},
	{3600 * time.Second, false, "Cloud Run, at most"},
}

// knownLimits names the proxies and platforms whose limit may have ended a stream of
// this age, idle for this long.
func knownLimits(age, idle time.Duration) []string {
	var names []string
	for _, l := range limits {
		if l.idle && near(idle, l.after) {
			names = append(names, fmt.Sprintf("%s (%s of silence)", l.whose, span(l.after)))
		}
		if !l.idle && near(age, l.after) {
			names = append(names, fmt.Sprintf("%s (%s)", l.whose, span(l.after)))
		}
	}
	return names
}

// near reports whether d is a limit, give or take a second or 2%.
func near(d, l time.Duration) bool {
	return (d - l).Abs() <= max(time.Second, l/50)
}

// idleLimits names the limits on silence, which heartbeats are for.
func idleLimits() string {
	var groups []string
	for i, l := range limits {
		switch {
		case !l.idle || l.after < 55*time.Second || l.after > 100*time.Second:
		case len(groups) > 0 && limits[i-1].after == l.after:
			groups[len(groups)-1] += ", " + l.whose
		default:
			groups = append(groups, span(l.after)+" "+l.whose)
		}
	}
	return strings.Join(groups, "; ")
}
