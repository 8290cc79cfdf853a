package result

import (
	"math"
	"strings"
	"testing"
)

func check(t *testing.T, text string, r *Result) Verdict {
	t.Helper()
	g, err := ParseGate(text)
	if err != nil {
		t.Fatal(err)
	}
	return g.Check(r)
}

func TestGateComparesInTheFiguresUnit(t *testing.T) {
	for _, c := range []struct {
		text   string
		failed bool
		says   string
	}{
		{"p99>50ms", true, "p99 = 61.2 ms, and the gate says p99>50ms"},
		{"p99>50", true, "p99 = 61.2 ms"},
		{"p99 > 0.05s", true, "p99 = 61.2 ms, and the gate says p99 > 0.05s"},
		{" p99>61200us ", false, "p99 = 61.2 ms, which the gate p99>61200us lets pass"},
		{"p99>=61200µs", true, "p99 = 61.2 ms"},
		{"p99>=61200μs", true, "p99 = 61.2 ms"},
		{"p99>61199999ns", true, "p99 = 61.2 ms"},
		{"latency_ms.p99<100", true, "p99 = 61.2 ms"},
		{"latency.p99>1s", false, "p99 = 61.2 ms"},
		{"open.max>1e-3s", true, "open_ms.max = 4 ms"},
		{"last.p99>100ms", true, "spread_ms.last.p99 = 115 ms"},
		{"spread.first.p50<=1ms", true, "spread_ms.first.p50 = 1 ms"},
		{"spread_ms.last.p99>1s", false, "spread_ms.last.p99 = 115 ms"},
		{"p99.max>1ms", true, "spread_ms.p99.max = 200 ms"},
		{"lost>0", true, "lost = 10, and"},
		{"lost!=10", false, "lost = 10, which"},
		{"lost==10", true, "lost = 10"},
		{"delivered<1e6", false, "delivered = 1,499,690"},
		{"cpu_us_per_delivery>=2", true, "server.cpu_us_per_delivery = 5.31 µs"},
		{"cpu_us_per_delivery>.1ms", false, "server.cpu_us_per_delivery = 5.31 µs"},
		{"server.cpu_seconds>10s", false, "server.cpu_seconds = 7.96 s"},
		{"bytes_per_stream>1KB", false, "server.bytes_per_stream = 970.4 B"},
		{"rss_bytes>30MiB", true, "server.rss_bytes = 32,505,856 B"},
		{"rss_bytes>31MiB", false, "server.rss_bytes = 32,505,856 B"},
		{"reader_busy>40%", true, "tool.reader_busy = 41%"},
		{"reader_busy>0.42", false, "tool.reader_busy = 41%"},
		{"trend.rss>5%", true, "trend.rss = 13%"},
		{"trend.cpu>-2%", true, "trend.cpu = -1%"},
		{"caught_up_last_s>900ms", true, "storm.caught_up_last_s = 0.97 s"},
		{"uneven>1%", true, "deploys.replaced.0.uneven = 1.23%"},
		{"lost_before>0", true, "deploys.lost_before = 3"},
		{"ended_s>500ms", false, "deploys.replaced.0.ended_s = 0.42 s"},
		{"storm.drain.untold>0", true, "deploys.ends_untold = 1"}, // as older results named it, and all that follow
		{"drain.cut==2", true, "deploys.ends_cut = 2"},
		{"gap_events>0", true, "deploys.gaps = 10,001"},
		{"tries_failed==12", true, "deploys.returns_failed = 12"},
		{"told_later==5", true, "deploys.returns_later = 5"},
		{"storm.drain.listens_again_s>1s", false, "deploys.replaced.0.ready_s = 0.55 s"},
		{"storm.drain.before==101", true, "deploys.before = 101"},
		{"exit_status==1", true, "deploys.replaced.0.exit_status = 1"},
		{"first_back_s>3s", true, "deploys.replaced.0.first_back_s = 3.01 s"},
		{"gap_once<9998", true, "deploys.gap_once = 9,990"},
		{"storm.drain.gap_skipped>0", true, "deploys.gap_skipped = 40"},
		{"exited_s>1s", false, "deploys.replaced.0.exited_s = 0.51 s"},
		{"suspect", false, "suspect = no, which the gate suspect lets pass"},
		{"! flat", true, "trend.flat = no, and the gate says ! flat"},
		{"lanes.beside.latency_ms.p99>40ms", true, "lanes.beside.p99 = 44 ms"},
		{"lanes.beside.lost>0", false, "lanes.beside.lost = 0"},
	} {
		got := check(t, c.text, fullest())
		if got.Failed != c.failed || !strings.HasPrefix(got.Text, c.says) {
			t.Errorf("%s: failed %v, %s; want %v, %s", c.text, got.Failed, got.Text, c.failed, c.says)
		}
	}
}

func TestGateRefusesWhatItCannotCheck(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "not a condition"},
		{"p99", "p99 is a number; compare it with one, such as p99>0"},
		{"p99=5", "not a condition"},
		{"p99>", "not a condition"},
		{"p99>NaN", "not a condition"},
		{"p99>1m30s", "not a condition"},
		{"p99>1e999", "not a number to compare with"},
		{"p98>5ms", `no figure is called "p98"; known are p50, p90, p99, p999, max, mean (of latency_ms), seconds, partial, `},
		{"p98>5ms", "latency_ms.p50…count, spread_ms.first.p50…count"},
		{"cpu_seconds>1s", `"cpu_seconds" could be any of server.cpu_seconds, tool.cpu_seconds; write one in full`},
		{"name==x", "not a condition"},
		{"name==1", "no figure is called"},
		{"samples.delivered>1", "no figure is called"},
		{"lost>5ms", "the unit ms does not fit: lost is a count, without a unit"},
		{"lost>5%", "the unit % does not fit"},
		{"p99>5MB", "p99 is a time: ns, us, ms or s"},
		{"p99>5min", "the unit min does not fit"},
		{"rss_bytes>5s", "rss_bytes is bytes: B, KB, KiB"},
		{"reader_busy>1s", "reader_busy is a share of 1, or in %"},
		{"suspect>0", "suspect is yes or no; write only suspect, or !suspect"},
		{"lanes.beside.p98>0", "no figure is called"},
	} {
		_, err := ParseGate(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestGateFailsOnWhatWasNotMeasured(t *testing.T) {
	held := &Result{Asked: 10, Opened: 10}
	nan := full()
	nan.LatencyMS.P99 = math.NaN()
	for _, c := range []struct {
		text string
		r    *Result
		want string
	}{
		{"p99>50ms", held, "p99 was not measured (nothing was delivered): the gate p99>50ms fails, because it cannot be checked"},
		{"p99<50ms", nan, "p99 was not measured: the gate"},
		{"lost>0", held, "lost was not measured (ssebench published nothing)"},
		{"duplicated>0", held, "duplicated was not measured (nothing was delivered)"},
		{"last.p99>1s", held, "spread_ms.last.p99 was not measured (nothing was delivered)"},
		{"publisher_late_ms>5", held, "(ssebench published nothing)"},
		{"publisher_late_ms>5", &Result{Published: 5}, "(events were published on no schedule)"},
		{"open.p99>1s", &Result{}, "(no stream was opened)"},
		{"cpu_us_per_delivery>2", held, "(the server's process is not known; give -pid)"},
		{"cpu_us_per_delivery>2", &Result{Server: &Server{}}, "server.cpu_us_per_delivery was not measured: the gate"},
		{"caught_up_last_s>1", held, "storm.caught_up_last_s was not measured (ssebench storm measures it)"},
		{"untold>0", held, "deploys.ends_untold was not measured (ssebench storm -by drain measures it)"},
		{"untold>0", &Result{Storm: &Storm{}}, "deploys.ends_untold was not measured (ssebench storm -by drain measures it)"},
		{"!flat", held, "trend.flat was not measured (ssebench soak measures it)"},
		{"lanes.beside.lost>0", full(), "lanes.beside.lost was not measured (no publisher is called beside)"},
		{"out_of_order>0", &Result{Published: 5, Delivered: 5}, "out_of_order was not measured (events of several publishers"},
		{"lanes.beside.out_of_order>0", &Result{Lanes: []Lane{{Name: "beside", Published: 5, Delivered: 5}}}, "(events of several publishers"},
		{"lanes.beside.missing>0", &Result{Lanes: []Lane{{Name: "beside", Published: 5}}}, "(nothing was delivered)"},
	} {
		if got := check(t, c.text, c.r); !got.Failed || !strings.Contains(got.Text, c.want) {
			t.Errorf("%s: failed %v, %s; want %s", c.text, got.Failed, got.Text, c.want)
		}
	}
}

func TestGateNeverRoundsAcrossItsLimit(t *testing.T) {
	r := full()
	r.LatencyMS.P99 = 50.00049
	if got := check(t, "p99>50ms", r); !got.Failed || !strings.HasPrefix(got.Text, "p99 = 50.00049 ms, and") {
		t.Error(got)
	}
	r.LatencyMS.P99 = 61.23456
	if got := check(t, "p99>50ms", r); !strings.HasPrefix(got.Text, "p99 = 61.23456 ms, and") {
		t.Error(got)
	}
}

func TestGateIsAFlag(t *testing.T) {
	var g Gate
	if err := g.UnmarshalText([]byte("p98>1")); err == nil {
		t.Error("taken")
	}
	if err := g.UnmarshalText([]byte(" p99>1 ")); err != nil || g.String() != "p99>1" {
		t.Error(g, err)
	}
}
