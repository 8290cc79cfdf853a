package report

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// said is an expression of the page's script, and what it has to be as JSON.
type said struct{ expression, want string }

// evaluate holds expressions to what they have to be, in a browser. with is what they may use
// besides the page's script.
func evaluate(t *testing.T, with string, all ...said) {
	t.Helper()
	program := chromium(t)
	var expressions []string
	for _, one := range all {
		expressions = append(expressions, "JSON.stringify("+one.expression+")")
	}
	file := filepath.Join(t.TempDir(), "page.html")
	page := fmt.Sprintf("<!doctype html><meta charset=utf-8><body><script type=module>%s\n%s\ndocument.body.dataset.answers = JSON.stringify([%s]);</script>",
		script(scripts[:len(scripts)-1]...), with, strings.Join(expressions, ","))
	if err := os.WriteFile(file, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	answers := regexp.MustCompile(`data-answers="([^"]*)"`).FindStringSubmatch(dump(t, program, file, "800"))
	if answers == nil {
		t.Fatal("the script did not come to its end")
	}
	var got []string
	if err := json.Unmarshal([]byte(html.UnescapeString(answers[1])), &got); err != nil {
		t.Fatal(err)
	}
	for i, one := range all {
		if got[i] != one.want {
			t.Errorf("%s is %s, want %s", one.expression, got[i], one.want)
		}
	}
}

func TestNumbersAreReadable(t *testing.T) {
	var all []said
	for _, c := range [][2]string{
		{"number(0)", "0"}, {"number(0.0123)", "0.012"}, {"number(0.9996)", "1.00"}, {"number(1.234)", "1.23"}, {"number(9.996)", "10.0"},
		{"number(12.34)", "12.3"}, {"number(99.96)", "100"}, {"number(1234567.8)", "1,234,568"}, {"number(-1234.5)", "-1,235"}, {"number(150)", "150"},
		{"count(999)", "999"}, {"count(1000)", "1,000"}, {"count(-123456)", "-123,456"},
		{"size(9999)", "9,999 B"}, {"size(10240)", "10 KiB"}, {"size(31 << 20)", "31 MiB"}, {"size(3.5 * 2 ** 30)", "3.50 GiB"},
		{"share(0.5)", "50 %"}, {"valueText({ path: 'trend.rss', unit: '%' }, 0.021)", "+2.10 %"}, {"valueText({ path: 'trend.rss', unit: '%' }, -0.01)", "−1 %"},
		{"valueText({ path: 'trend.rss', unit: '%' }, 0)", "0 %"}, {"notes.lost({ lost: 1, expected: 1e9 })", "< 0.001 % of expected"},
		{"seconds(2.05)", "2.05 s"}, {"seconds(119)", "119 s"}, {"seconds(150.4)", "2 min 30 s"}, {"seconds(3600)", "1 h 00 min"}, {"seconds(-3)", "-3 s"},
		{"ratio(2, 2)", ""}, {"ratio(0, 0)", ""}, {"ratio(1, 0)", ""}, {"ratio(3, 2)", "×1.50"}, {"ratio(25, 2)", "×12.5"}, {"ratio(1000, 2)", "×500"}, {"ratio(1, 250)", "×0.004"},
		{"plural(1, 'stream')", "1 stream"}, {"plural(1200, 'stream')", "1,200 streams"}, {"written(null, 'ms')", "–"}, {"written(1, 'yes/no')", "yes"},
		{"date('2026-11-20T21:40:03.5+01:00')", "2026-11-20 21:40:03 UTC+01:00"}, {"date('2026-11-20T21:40:03Z')", "2026-11-20 21:40:03 UTC"},
		{"percent(1000)", "99.9%"}, {"clock(3661)", "1:01:01"}, {"clock(-5)", "−5 s"},
	} {
		all = append(all, said{c[0], fmt.Sprintf("%q", c[1])})
	}
	evaluate(t, "", all...)
}

// delivering makes a run of samples: when, how many were delivered, and of which phase.
const delivering = `
const result = (...samples) => ({ name: "x", command: "run", scenario: {}, spectrum: [], samples: samples.map(([at, delivered, phase = "publish"]) => ({ at, delivered, phase })) });
const delivering = (...samples) => runsOf([result(...samples)])[0];
const rates = (...samples) => rate("delivered")(delivering(...samples));
`

func TestRatesAreOfWholeIntervals(t *testing.T) {
	evaluate(t, delivering+`const cpu = delivering([1, 0], [2, 0], [2.001, 0]); [.5, .5, 10].forEach((v, i) => { cpu.samples[i].tool_cpu = v; });`,
		said{"rates([1, 100], [2, 300])", "[100,300]"},
		said{"rates([2, 100], [4, 300])", "[50,150]"},
		said{"rates([1, 100], [2, 100], [3, 90], [3.25, 35])", "[100,100,90,100]"},
		said{"rates([0, 5])", "[null]"},
		said{"rates()", "[]"},
		// A last sample a millisecond after the one before has one clock tick of CPU, or none: neither is a load.
		said{"busy('tool_cpu')(cpu).map(v => Math.round(10 * v))", "[5,5,5]"},
		said{"delivering([3, 3], [1, 1], [2, 2]).at", "[1,2,3]"},
		said{"delivering([3, 3], [1, 1], [2, 2]).phases", `[{"name":"publish","from":0,"to":3}]`},
	)
}

func TestSeveralAreLaidOverEachOtherWhereTheyPublish(t *testing.T) {
	evaluate(t, delivering+`
		const quick = result([1, 0, "open"], [2, 5], [3, 5]), slow = result([1, 0, "open"], [2, 0, "open"], [3, 5]), none = result();
		const from = runs => runs.map(run => run.phases.find(p => p.name === "publish")?.from);`,
		said{"from(runsOf([quick, slow]))", "[0,0]"},
		said{"runsOf([quick, slow]).map(run => run.at)", "[[0,1,2],[-1,0,1]]"},
		said{"runsOf([slow])[0].at", "[1,2,3]"},
		said{"runsOf([quick, none]).map(run => [run.at, run.phases])", "[[[1,2,3],[]],[[],[]]]"},
	)
}

func TestMarksSayWhen(t *testing.T) {
	evaluate(t, delivering+`const seen = values => { const r = result([1, 0], [2, 0], [3, 0]); r.samples.forEach((s, i) => { s.missing = values[i]; }); return runsOf([r])[0].marks.map(markText); };`,
		said{"seen([0, 812, 0])", `["812 at 2 s"]`},
		said{"seen([3, 0, 1000])", `["1,003, 2 times from 1 s to 3 s"]`},
		said{"seen([-3, null, 0])", "[]"}, // holes that closed are no loss
	)
}

func TestLabelsTellResultsApart(t *testing.T) {
	evaluate(t, `const of = (name, command, c) => ({ name, command, scenario: { c, rate: "5" } });`,
		said{"labels([of('a', 'run', '1'), of('b', 'run', '1')])", `["a","b"]`},
		said{"labels([of('a', 'run', '1'), of('a', 'storm', '1')])", `["a run","a storm"]`},
		said{"labels([of('a', 'run', '1'), of('a', 'run', '20'), of('b', 'run', '1')])", `["a -c 1","a -c 20","b"]`},
		said{"labels([of('a', 'run', '1'), of('a', 'run', '1')])", `["a (1)","a (2)"]`},
		said{"labels([of('a', 'run', '1'), of('a', 'run', '20'), of('a', 'run', '1')])", `["a -c 1 (1)","a -c 20","a -c 1 (3)"]`},
		said{"labels([of('', '', '1')])", `["result"]`},
		said{"differingFlags([of('a', 'run', '1'), { ...of('a', 'run', '20'), scenario: { c: '20', rate: '5', stalled: '5' } }])", `["c","stalled"]`},
	)
}

func TestRatiosAreToTheFirst(t *testing.T) {
	evaluate(t, `
		const texts = (path, better, ...values) => values.map((v, i) => cell({ path, better, unit: "ms", values }, { result: {} }, i)).map(td => td.textContent + " " + td.className);`,
		said{"texts('latency_ms.p99', 'less', 40, 80, 40.9, 20)", `["40 ms ","80 ms×2.00 worse","40.9 ms×1.02 ","20 ms×0.50 better"]`},
		said{"texts('delivered_per_second', 'more', 50, 75, null)", `["50 ms ","75 ms×1.50 better","– "]`},
		said{"texts('lost', 'less', 0, 0, 7)", `["0 ms ","0 ms ","7 ms wrong"]`},
		said{"texts('delivered', '', 1, 2)", `["1 ms ","2 ms "]`},
	)
}

func TestCurves(t *testing.T) {
	evaluate(t, `
		const quanta = [[0, 1], [50, 2], [50, 3], [99, 5], [100, 9], [100, 10]].map(([percentile, ms]) => ({ percentile, ms }));
		const log = (...y) => scaled({ series: [{ y }] }).log;
		const storm = { streams: 100, caught_up: 100, caught_up_p50_s: 4, caught_up_p95_s: 5, caught_up_p99_s: 6, caught_up_last_s: 7 };
		const drain = { result: { storm, deploys: { replaced: [{ first_back_s: 3, returns: [{ from: 3, to: 4, due: 3300, count: 10 }, { from: 4, to: 6, due: 3, count: 20 }] }] } } };
		const threads = { series: [], ...serverCharts([{ result: {}, at: [1], samples: [{ descriptors: 3, threads: 7 }], phases: [], marks: [], color: "c0" }])[2] };`,
		said{"curve({ latency_ms: { count: 1000 }, spectrum: quanta })", `[{"x":1,"y":1},{"x":2,"y":3},{"x":100,"y":5},{"x":1000,"y":10}]`},
		said{"[log(1, 2, 29), log(1, 2, 31), log(0, 0), log(null, 1, 1000)]", "[false,true,false,true]"},
		said{"caught({ result: { storm } }).map(p => [p.x, p.y])", "[[0,0],[4,50],[5,95],[6,99],[7,100]]"},
		said{"caught(drain).map(p => [p.x, p.y])", "[[0,0],[3,0],[4,50],[5,95],[6,99],[7,100]]"},
		said{"returnRates('count')(drain)", "[10,10,10,10]"},
		said{"returnTimes({ result: { deploys: { replaced: [...drain.result.deploys.replaced, {}] } } })", "[]"}, // of several replacements there is a table
		said{"returnTimes(drain)", "[3,3.999999,4,5.999999]"},
		// A thread is a whole one: no tick between 7 and 8.
		said{"threads.series.map(s => s.right ?? false)", "[false,true]"},
		said{"axes(threads, threads.series).slice(1).every(axis => axis.incrs.every(Number.isInteger))", "true"},
	)
}

func TestGatesAndReadersAreShown(t *testing.T) {
	evaluate(t, `
		const gated = [{ result: { gates: [{ gate: "p99>50ms", failed: true, text: "p99 = 61 ms" }, { gate: "lost>0", failed: false, text: "lost = 0" }] } }];
		const busyReader = { result: {}, at: [1, 2], phases: [], marks: [], samples: [{ at: 1, reader_busy: 0.5 }, { at: 2, reader_busy: 0.91 }] };`,
		said{"[...gates(gated).querySelectorAll('tr')].map(tr => [...tr.cells].map(td => td.textContent))", `[["failed","p99>50ms","p99 = 61 ms"],["passed","lost>0","lost = 0"]]`},
		said{"gates([{ result: {} }])", "null"},
		said{"toolCharts([busyReader])[1].series.map(s => s.y)", "[[50,91]]"},
	)
}
