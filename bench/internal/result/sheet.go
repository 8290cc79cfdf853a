package result

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"
)

// A line of the text table. In its text
//
//	{lost}            is a figure, by its path in the JSON, with its unit;
//	{lost>0}          the same, and there only above zero;
//	{?lost>0}         a condition: nothing is written;
//	{+trend.p99}      has its sign;
//	{ended time}      is a number of things: 1 time, 2 times;
//	[…|…]             is the first of these parts whose figures are all there, or nothing.
//
// A line is left out if a figure outside of brackets is not there. Commas and semicolons
// at its end are.
type line struct{ group, name, text string }

// whole is what is said of a measurement before its percentiles, and rest what is said
// after these.
var (
	whole = []line{
		{"streams", "opened", "{opened} of {asked}[ in {?opened>0}{open_seconds}]"},
		{"streams", "late", "{late.streams>0 stream} came after publishing had begun, and got {late.delivered} more[, and lost {late.lost>0}]"},
		{"streams", "failed tries", "[{refused>0} refused, {failed>0} failed|{refused>0} refused|{failed>0} failed]"},
		{"streams", "ended", "[{?answers.asked}{ended>0 time}, as answers do|{ended>0 time}, {reconnected} came back|none]"},
		{"streams", "first error", "{first_error}"},
		{"events", "published", "{?delivered}[{published>0}, late by {publisher_lateness_ms.p50} (p50), {publisher_lateness_ms.p99} (p99), {publisher_late_ms} at most|{published>0}, at most {publisher_late_ms} late|{published>0}|by others]"},
		{"events", "delivered", "{delivered}[ of {expected}], {delivered_per_second} per second"},
		{"events", "out of order", "{?published>0}{?delivered>0}[{?out_of_order}|not measured: " + overtaking + "]"},
		{"events", "step by step", "{steps}"},
		{"events", "on the wire", "{wire_bytes_per_delivery} per delivery[, {plain_bytes} decoded in {inflate_us_per_delivery} each]"},
		{"events", "STRAY", "{stray>0} came to streams of other topics"},
		{"events", "others came", "{other>0} that ssebench did not publish[, {deploys.gaps>0} of them gap events]"},
	}
	rest = []line{
		{"storm", "ended", "{storm.streams stream} [{?deploys.instances}ended by the deploy below|reset at once, while {storm.missed event} were published]"},
		{"storm", "answered again", "the last after {storm.connected_s>0}"},
		{"storm", "caught up", "{storm.caught_up} of {storm.streams}[: {?storm.caught_up>0}p50 {storm.caught_up_p50_s}, p95 {storm.caught_up_p95_s}, p99 {storm.caught_up_p99_s}, the last {storm.caught_up_last_s}]"},
		{"storm", "server's CPU", "{?server.pid}{storm.server_cpu_s}"},

		{"deploys", "replaced", "{deploys.instances instance}: [{?deploys.killed>0}SIGKILL|{?deploys.instances}SIGTERM], the next started [{?deploys.start_first>0}first, at a port of its own|when it had exited, at its port]"},
		{"deploys", "one by one", "{deploys.replaced}"},
		{"deploys", "how they ended", "{deploys.ends_cut} cut, the others with the end of the body; [{deploys.ends_untold>0} got no retry right before the end, and keep the one they had, if any|all got a retry right before the end]"},
		{"deploys", "events before", "{deploys.before} published before the signal, [{deploys.lost_before>0} of their deliveries LOST|and every stream has got them]"},
		{"deploys", "came back", "{deploys.reconnects time}[, and {deploys.not_back>0} did NOT][; {deploys.returns_failed>0} tries came to nothing][; {deploys.returns_later>0} answers said to come later]"},
		{"deploys", "told of a gap", "{?deploys.instances}[{deploys.gaps>0 time}, by a gap event; {deploys.gap_once stream} just once|none][, for {deploys.gap_skipped>0} deliveries of events published since]"},
		{"deploys", "silence", "the longest of each stream: p50 {deploys.silence_ms.p50}, p99 {deploys.silence_ms.p99}, max {deploys.silence_ms.max}"},
		{"deploys", "publishing", "{?deploys.instances}[{deploys.retried>0 post} tried again, and taken within {deploys.taken_ms}; |every post was taken at the first try; ][{deploys.errors}]"},

		{"answers", "ended", "{answers.ended} of {answers.asked}[, {answers.truncated>0} TRUNCATED][, {answers.stalled>0} STALLED][, {answers.unfinished>0} still under way at the end]"},
		{"answers", "refused", "{answers.refused_with}"},
		{"answers", "first event", "p50 {answers.first_event_ms.p50}, p90 {answers.first_event_ms.p90}, p99 {answers.first_event_ms.p99}, max {answers.first_event_ms.max}"},
		{"answers", "gaps", "p50 {answers.gap_ms.p50}, p90 {answers.gap_ms.p90}, p99 {answers.gap_ms.p99}, max {answers.gap_ms.max}; {answers.events_per_second} events per second"},
		{"answers", "to the end", "p50 {answers.whole_ms.p50}, p90 {answers.whole_ms.p90}, p99 {answers.whole_ms.p99}, max {answers.whole_ms.max}"},

		{"soak", "flat", "{?trend.flat}[{?trend.flat>0}yes|NO: {trend.rising}|NO]"},
		{"soak", "first to last", "{?trend.flat}[p99 {+trend.p99}, ][RSS {+trend.rss}, ][CPU {+trend.cpu}, ][descriptors {+trend.descriptors}, ][threads {+trend.threads}, ][goroutines {+trend.goroutines}]"},

		{"soak", "per hour", "{?trend.flat}[p99 {+trend.per_hour.p99_ms.value} ± {trend.per_hour.p99_ms.error}, ][RSS {+trend.per_hour.rss_bytes.value} ± {trend.per_hour.rss_bytes.error}, ]" +
			"[descriptors {+trend.per_hour.descriptor_count.value} ± {trend.per_hour.descriptor_count.error}, ][goroutines {+trend.per_hour.goroutine_count.value} ± {trend.per_hour.goroutine_count.error}]"},

		{"server", "CPU", "{?server.pid}[{server.cpu_us_to_open} to open a stream (at {opened_per_second} per second), |{server.cpu_us_to_open} to open a stream, ][{server.cpu_us_per_delivery} per delivery, ]{server.cpu_seconds} [{?delivered}while delivering|while streams were held]"},
		{"server", "memory", "[{server.bytes_per_stream} ± {server.bytes_per_stream_error} per stream by slope, |{server.bytes_per_stream} per stream by slope, ][{server.bytes_per_stream_total} on average, ]{server.rss_bytes} at the end[; none per stream: {server.bytes_per_stream_why}]"},
		{"server", "at the end", "[{server.processes>0 process}, ]{server.threads thread}[, {server.descriptors descriptor}]"},
		{"tool", "CPU", "{tool.cpu_seconds}, [{tool.reader_busy} of the busiest reader's time, ]GC paused {tool.gc_pause_ms}"},
		{"tool", "timers late", "p50 {tool.timer_lag_ms.p50}, p99 {tool.timer_lag_ms.p99}, max {tool.timer_lag_ms.max}"},
		{"tool", "events waited", "p50 {waiting_ms.p50}, p99 {waiting_ms.p99} to be read, which is a part of the latency"},
		{"tool", "limits", "[{tool.descriptors}|an unknown number] of {tool.fd_limit>0} descriptors, {tool.ports_used} of {tool.ports} ports at one address"},
	}
	replaced = "at {at}: exited after {exited_s} with status {exit_status}[, the next took connections after {ready_s>0}]; {ended stream} ended[ within {?ended>0}{ended_s}]" +
		"[, and came back from {first_back_s>0} to {last_back_s}, per second: {returns}][; {uneven} from even at most]"
)

var (
	bracket = regexp.MustCompile(`\[([^\]]*)\]`)
	brace   = regexp.MustCompile(`\{([?+]?)([\w.]+)(>0)?(?: (\w+))?\}`)
)

// fill replaces the figures of a line by those of v, and reports whether all are there.
func fill(text string, v any) (filled string, there bool) {
	from := reflect.ValueOf(v)
	text = bracket.ReplaceAllStringFunc(text, func(part string) string {
		for one := range strings.SplitSeq(part[1:len(part)-1], "|") {
			if filled, there := fillBraces(one, from); there {
				return filled
			}
		}
		return ""
	})
	filled, there = fillBraces(text, from)
	filled = strings.TrimRight(filled, ",; ")
	return filled, there && filled != ""
}

func fillBraces(text string, from reflect.Value) (filled string, there bool) {
	there = true
	filled = brace.ReplaceAllStringFunc(text, func(part string) string {
		m := brace.FindStringSubmatch(part)
		said, found := say(from, m[2], m[1] == "+", m[3] != "", m[4])
		there = there && found
		if m[1] == "?" {
			return ""
		}
		return said
	})
	return filled, there
}

// say is what is at a path, for people.
func say(from reflect.Value, path string, signed, positive bool, thing string) (said string, there bool) {
	if r, ok := from.Interface().(*Result); ok {
		for _, f := range figures() {
			if f.Path == path && f.Why(r) != "" {
				return "", false
			}
		}
	}
	n, there := number(from, path)
	switch {
	case !there:
		return sayList(from, path)
	case positive && n <= 0:
		return "", false
	case thing != "":
		return many(n, thing), true
	case signed && n > 0:
		return "+" + unitOf(path).Short(n), true
	}
	return unitOf(path).Short(n), true
}

// sayList is text, or what a list says in one line.
func sayList(from reflect.Value, path string) (said string, there bool) {
	v, there := field(from, path)
	if !there {
		return "", false
	}
	switch list := v.Interface().(type) {
	case string:
		said = plain(list)
	case []string:
		said = plain(strings.Join(list, ", "))
	case []Return:
		said = perSecond(list)
	case []PublishError:
		said = each(list, "{times time}: {text}", "; ")
	case []Refusal:
		said = each(list, "{times time}: status {status}", "; ")
	case []Step:
		said = each(list, "{step}: {delivered_per_second} delivered per second[, p50 {latency_ms.p50}, p99 {latency_ms.p99}, max {latency_ms.max}]", "\n")
	case []Replacement:
		said = each(list, replaced, "\n")
	}
	return said, said != ""
}

// each fills a line for each of a list.
func each[T any](list []T, text, between string) string {
	var all []string
	for i := range list {
		one, _ := fill(text, &list[i])
		all = append(all, one)
	}
	return strings.Join(all, between)
}

// perSecond lists the parts of the time over which clients came back.
func perSecond(parts []Return) string {
	var all []string
	for _, p := range parts {
		if len(parts) == 1 {
			return fmt.Sprintf("%s at once, within %s", Count.Short(float64(p.Count)), Seconds.Short(p.To-p.From))
		}
		off, _ := fill("{+off}", &Return{Off: math.Round(1000*p.Off) / 1000})
		all = append(all, fmt.Sprintf("%s (%s)", Count.Short(float64(p.Count)/(p.To-p.From)), off))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(all, ", ") + " over " + Seconds.Short(parts[len(parts)-1].To-parts[0].From)
}
