package result

import (
	"fmt"
	"math"
	"strings"
)

// drainLines are what a drain has in place of a reset.
func (s *Storm) drainLines() []line {
	d := s.Drain
	lines := []line{
		{"storm", "server ended", fmt.Sprintf("%s ended within %s of SIGTERM; it exited after %s with status %d, and took connections again after %s",
			many(s.Streams, "stream"), seconds.short(d.EndedS), seconds.short(d.ExitedS), d.ExitStatus, seconds.short(d.ListensS))},
		{"", "streams ended", d.endings(s.Streams)},
		{"", "events before", d.deliveredBefore()},
		{"", "answered again", "nobody" + d.detours()},
	}
	if len(d.Returns) > 0 {
		lines[len(lines)-1].value = fmt.Sprintf("the first after %s, the last after %s%s", seconds.short(d.FirstBackS), seconds.short(s.ConnectedS), d.detours())
		lines = append(lines, line{"", "back per second", d.perSecond()})
	}
	return append(lines, line{"", "told of a gap", d.told(s.Streams)})
}

// endings says how the streams ended.
func (d *Drain) endings(streams int) string {
	told := "all with a reconnection time"
	if d.Untold > 0 {
		told = counted(d.Untold) + " WITHOUT a reconnection time"
	}
	return fmt.Sprintf("%s with the end of the body, %s cut, %s", counted(streams-d.Cut), counted(d.Cut), told)
}

// deliveredBefore says whether the drain has lost what was published before it.
func (d *Drain) deliveredBefore() string {
	if d.LostBefore > 0 {
		return fmt.Sprintf("%s published before SIGTERM; %s of their deliveries LOST", counted(d.Before), counted(d.LostBefore))
	}
	return fmt.Sprintf("%s published before SIGTERM, and every stream has got them", counted(d.Before))
}

// detours says how often clients did not get a stream when they tried.
func (d *Drain) detours() string {
	var parts string
	if d.Failed > 0 {
		parts += fmt.Sprintf("; %s tries came to nothing", counted(d.Failed))
	}
	if d.Later > 0 {
		parts += fmt.Sprintf("; %s answers said to come later", counted(d.Later))
	}
	return parts
}

// perSecond lists the parts of the time over which clients came back.
func (d *Drain) perSecond() string {
	var parts []string
	for _, p := range d.Returns {
		rate := float64(p.Count)
		if took := p.To - p.From; len(d.Returns) > 1 && took > 0 {
			rate /= took
		}
		parts = append(parts, count.short(rate)+" ("+signed(math.Round(1000*p.Off)/1000)+")")
	}
	text := strings.Join(parts, ", ")
	if d.Uneven != nil {
		return text + fmt.Sprintf(" over %s; %s from even at most", seconds.short(d.Returns[len(parts)-1].To-d.Returns[0].From), share.short(*d.Uneven))
	}
	return fmt.Sprintf("%s at once, within %s", counted(d.Returns[0].Count), seconds.short(d.Returns[0].To-d.Returns[0].From))
}

// told says whether each stream was told once that events are lost.
func (d *Drain) told(streams int) string {
	text := fmt.Sprintf("%s of %s once", counted(d.GapOnce), counted(streams))
	if d.Gaps != d.GapOnce {
		text += fmt.Sprintf(", %s times in all", counted(d.Gaps))
	}
	if d.Skipped > 0 {
		text += fmt.Sprintf("; that was for %s deliveries of events published since", counted(d.Skipped))
	}
	return text
}
