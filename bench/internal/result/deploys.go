package result

import (
	"fmt"
	"strings"
)

// Whole reports whether every stream had every event once and in order, and none was told
// that events are lost.
func (r *Result) Whole() bool {
	return (r.Lost == nil || *r.Lost == 0) && r.Missing == 0 && r.Duplicated == 0 && r.OutOfOrder == 0 &&
		(r.Deploys == nil || r.Deploys.Gaps == 0)
}

// deployLines are how streams and publishers went through deploys.
func (r *Result) deployLines() []line {
	d := r.Deploys
	if d == nil {
		return nil
	}
	lines := []line{{"deploys", "replaced", d.manner()}}
	for i := range d.Replaced {
		lines = append(lines, line{"", fmt.Sprintf("%d at %s", i+1, seconds.short(d.Replaced[i].At)), d.Replaced[i].course(d.Killed)})
	}
	return append(lines,
		line{"", "came back", d.cameBack()},
		line{"", "told of a gap", d.told()},
		line{"", "silence", fmt.Sprintf("the longest of each stream: p50 %s, p99 %s, max %s",
			millis.short(d.SilenceMS.P50), millis.short(d.SilenceMS.P99), millis.short(d.SilenceMS.Max))},
		line{"", "publishing", d.publishing()})
}

// manner says how instances were replaced.
func (d *Deploys) manner() string {
	how := "SIGTERM"
	if d.Killed {
		how = "SIGKILL"
	}
	order := "the next started when it had exited, at its port"
	if d.StartFirst {
		order = "the next started first, at a port of its own"
	}
	return fmt.Sprintf("%s, of %s: %s, %s", many(len(d.Replaced), "time"), many(d.Instances, "instance"), how, order)
}

// course says how one instance was replaced.
func (p *Replacement) course(killed bool) string {
	exit := fmt.Sprintf("exited after %s with status %d", seconds.short(p.ExitedS), p.ExitStatus)
	if killed {
		exit = "killed"
	}
	text := fmt.Sprintf("%s; %s ended", exit, many(p.Ended, "stream"))
	if p.Ended > 0 {
		text += " within " + seconds.short(p.EndedS)
	}
	if len(p.Returns) == 0 {
		return text
	}
	var rates []string
	for _, part := range p.Returns {
		rates = append(rates, counted(part.Count))
	}
	return text + fmt.Sprintf(", and came back from %s to %s: %s per part of %s", seconds.short(p.FirstBackS), seconds.short(p.LastBackS),
		strings.Join(rates, ", "), seconds.short(p.Returns[0].To-p.Returns[0].From))
}

// cameBack sums up the returns.
func (d *Deploys) cameBack() string {
	text := many(d.Reconnects, "time")
	if d.Away > 0 {
		text += fmt.Sprintf(", and %s did NOT", counted(d.Away))
	}
	for _, of := range []struct {
		n    int
		what string
	}{{d.Cut, "streams were cut"}, {d.Untold, "ended without a reconnection time"}, {d.Failed, "tries came to nothing"}, {d.Later, "answers said to come later"}} {
		if of.n > 0 {
			text += fmt.Sprintf("; %s %s", counted(of.n), of.what)
		}
	}
	return text
}

func (d *Deploys) told() string {
	if d.Gaps == 0 {
		return "none"
	}
	return strings.ToUpper(many(d.Gaps, "time")) + ", by a gap event"
}

// publishing says what publishers saw.
func (d *Deploys) publishing() string {
	if d.Retried == 0 && len(d.Errors) == 0 {
		return "every post was taken at the first try"
	}
	text := fmt.Sprintf("%s tried again, and taken within %s", many(d.Retried, "post"), millis.short(d.TakenMS))
	for _, e := range d.Errors {
		text += fmt.Sprintf("; %s: %s", many(e.Times, "time"), plain(e.Text))
	}
	return text
}
