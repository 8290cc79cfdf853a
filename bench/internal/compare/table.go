package compare

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/fastsse/fastsse/bench/internal/result"
)

var (
	memory         = figure{path: "server.bytes_per_stream"}
	memoryError    = figure{path: "server.bytes_per_stream_error"}
	cpuToOpen      = figure{path: "server.cpu_us_to_open"}
	cpuPerDelivery = figure{path: "server.cpu_us_per_delivery"}
	p50            = figure{path: "latency_ms.p50"}
	p99            = figure{path: "latency_ms.p99"}
	lostPaced      = figure{path: "lost"}
	perSecond      = figure{flood: true, path: "delivered_per_second"}
	holes          = figure{flood: true, path: "missing"}
	arrived        = figure{flood: true, path: "delivered"}
)

// Table prints medians over the rounds, each with its least and its most, as a table in
// Markdown; and below it what the columns are, and which rounds are in doubt.
func (out *Comparison) Table(w io.Writer, c *Config) error {
	base := out.base(c.Base)
	if out.Rounds == 0 || base == nil {
		_, err := fmt.Fprintln(w, "no round was finished")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintf(t, "| server\t B per stream\t µs to open\t µs per delivery\t x %s\t p50 ms\t p99 ms\t delivered/s in the flood\t lost\t\n", base.Name)
	fmt.Fprintln(t, "|---\t---:\t---:\t---:\t---:\t---:\t---:\t---:\t---:\t")
	for _, s := range out.Servers {
		if len(s.Flood) == 0 {
			continue
		}
		fmt.Fprintf(t, "| %s\t %s\t %s\t %s\t %s\t %s\t %s\t %s\t %s\t\n", s.Name, s.memory(),
			cpuToOpen.of(s), cpuPerDelivery.of(s), cpuPerDelivery.ratio(s, base), p50.of(s), p99.of(s), perSecond.of(s), s.lost())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+out.notes(c))
	return err
}

// base is the server with this name, or the first; nil if there is none.
func (out *Comparison) base(name string) *Server {
	for _, s := range out.Servers {
		if s.Name == name || name == "" {
			return s
		}
	}
	return nil
}

// memory is the median with its error: that of the fit, or what rounds differ from the median
// by, whichever is more. Below its error it is only said to be less than that.
func (s *Server) memory() string {
	v := memory.of(s)
	off := max(memoryError.of(s).Most, v.Most-v.Median, v.Median-v.Least)
	switch {
	case v.Median > 0 && off > 0:
		return fmt.Sprintf("%s ± %s", result.Compact(v.Median), result.Compact(off))
	case v.Median > 0:
		return v.String()
	case max(off, -v.Least) > 0:
		return "< " + result.Compact(max(off, -v.Least))
	}
	return "–"
}

// lost is the events that never came while the server could keep up, and the share
// that it left out when it could not: events that are missing although later ones came.
// Those that were still on their way do not count.
func (s *Server) lost() string {
	paced, missing, came := lostPaced.of(s), holes.of(s), arrived.of(s)
	text := fmt.Sprintf("%.0f", paced.Median)
	if missing.Median > 0 {
		text += fmt.Sprintf("; %.1f%% of the flood", 100*missing.Median/(missing.Median+came.Median))
	}
	return text
}

// notes say what the figures mean, and which of them are in doubt.
func (out *Comparison) notes(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Medians of %d rounds (least–most), each with fresh servers; %s; load and server on the same %d processors (%s, %s).\n",
		out.Rounds, c.Load, out.Machine.Processors, out.Machine.Kernel, out.Machine.Go)
	fmt.Fprintf(&b, "Memory is the slope over streams. CPU and latency are of the pace that all should keep up with; latency counts from when an event was due. The flood: %g events/s for %v, and %v more to catch up.\n",
		c.Flood, c.FloodDuration, c.Rest)
	for _, s := range out.Servers {
		if s.Failed != "" {
			fmt.Fprintf(&b, "FAILED: %s: %s\n", s.Name, s.Failed)
		}
		suspicions(&b, s.Name+", paced", s.Paced)
		suspicions(&b, s.Name+", flood", s.Flood)
	}
	return b.String()
}

// suspicions names the rounds in which the load generator was the bottleneck.
func suspicions(b *strings.Builder, part string, runs []*result.Result) {
	var rounds, why []string
	for i, r := range runs {
		if r.Suspect {
			rounds, why = append(rounds, fmt.Sprint(i+1)), r.SuspectOf
		}
	}
	switch {
	case len(rounds) == 0:
	case len(rounds) == len(runs):
		fmt.Fprintf(b, "SUSPECT: %s, all rounds (they count, for there are no others): %s\n", part, strings.Join(why, "; "))
	default:
		fmt.Fprintf(b, "SUSPECT: %s, round %s (not counted): %s\n", part, strings.Join(rounds, " and "), strings.Join(why, "; "))
	}
}
