// Which charts there are, and what their lines are. A chart has an id, a title, a unit, its series,
// and an x: time, percentile, reader or seconds. The y of a line are numbers, or null where nothing
// was measured; without x of its own it is over the times of its run.

const quantiles = ["max", "p99", "p90", "p50"]; // where lines coincide, the lower one, which is used more, is on top

// chart has lines of all runs, or is undefined if none has any value. With several runs each
// has a colour, lines with a pick are shown one at a time, and extra lines are left out.
function chart(about, runs, lines) {
  const several = runs.length > 1;
  const series = runs.flatMap((run, n) => lines.map(line => {
    const s = { ...line, run: n, y: line.y(run), x: line.x?.(run) };
    if (several) Object.assign(s, { label: run.label, color: run.color, area: false });
    const none = v => line.extra ? !v : v === null; // an extra line that is zero throughout says nothing
    return line.extra && several || s.y.every(none) ? null : s;
  })).filter(Boolean);
  if (!series.length) return undefined;
  const picks = several && series[0].pick ? { picks: quantiles.toReversed(), pick: "p99" } : {};
  return { ...about, series, ...picks };
}

// scaled is a chart that is logarithmic at first if a linear scale would flatten most of it.
function scaled(chart) {
  if (!chart) return undefined;
  const [least, most] = ends(chart.series.flatMap(s => s.y).filter(v => v > 0));
  return { ...chart, log: most / least > 30 };
}

const ends = xs => xs.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);

// Columns of a run: a value of each sample, a count per second, a share of the time in use.
const sampled = (key, by = 1) => run => run.samples.map(s => s[key] == null ? null : s[key] * by);
const rate = key => run => perSecond(run, i => run.samples[i][key]);
const busy = key => run => perSecond(run, i => run.samples[i][key] == null ? null : run.samples[i][key] * took(run, i));

// delivered is empty where nothing was published, and streams were only held.
const delivered = run => run.result.published || run.result.delivered ? rate("delivered")(run) : [];

// timeCharts are what clients saw in each second.
const timeCharts = runs => [
  chart({ id: "events", title: "Events per second", x: "time", unit: "/s" }, runs, [
    { label: "delivered", color: "c0", area: true, y: delivered },
    { label: "published (right)", color: "c1", dash: true, right: true, extra: true, y: rate("published") },
  ]),
  chart({ id: "streams", title: "Streams", x: "time", whole: true }, runs, [
    { label: "open", color: "c0", area: true, y: sampled("streams") },
    { label: "connecting", color: "c1", extra: true, y: sampled("connecting") },
  ]),
  scaled(chart({ id: "latency", title: "Latency", x: "time", unit: "ms", wide: true }, runs,
    quantiles.map(q => ({ label: q, color: q, pick: q, y: run => run.samples.map(s => s.latency_ms?.[q] ?? null) })))),
];

// latencyCharts are the distribution of latency over all events, and from the first reader of
// an event to the last.
const readers = ["first", "median", "p99", "last"];
const latencyCharts = runs => [
  scaled(chart({ id: "spectrum", title: "Percentiles", x: "percentile", unit: "ms" }, runs,
    [{ label: "latency", color: "p99", area: true, x: run => curve(run.result).map(p => p.x), y: run => curve(run.result).map(p => p.y) }])),
  scaled(chart({ id: "spread", title: "Spread over the readers of an event", x: "reader", unit: "ms" }, runs,
    quantiles.map(q => ({ label: q, color: q, pick: q, x: () => [0, 1, 2, 3], y: run => readers.map(r => run.result.spread_ms?.[r][q] ?? null) })))),
];

// curve is the percentile spectrum without points that coincide. Its x is 1/(1-p): one event in
// that many is slower, which shows the difference between 99.9% and 99.99%. 100% is drawn at
// the number of all events.
function curve(result) {
  const points = [];
  for (const { percentile, ms } of result.spectrum) {
    const last = points.at(-1);
    const x = percentile < 100 ? 100 / (100 - percentile) : Math.max(1, last?.x ?? 1, result.latency_ms?.count ?? 0);
    if (last && x <= last.x) last.y = Math.max(last.y, ms);
    else points.push({ x, y: ms });
  }
  return points;
}

// serverCharts are what the server used.
const serverCharts = runs => [
  chart({ id: "server-cpu", title: "CPU", x: "time", unit: "processors" }, runs, [{ label: "server", color: "c0", area: true, y: busy("server_cpu") }]),
  chart({ id: "server-memory", title: "Memory", x: "time", unit: "MiB" }, runs, [{ label: "resident", color: "c0", area: true, y: sampled("rss_bytes", 2 ** -20) }]),
  chart({ id: "server-descriptors", title: "Descriptors", x: "time", whole: true }, runs, [
    { label: "descriptors", color: "c0", area: true, y: sampled("descriptors") },
    { label: "threads (right)", color: "c1", dash: true, right: true, extra: true, y: sampled("threads") },
  ]),
  chart({ id: "server-goroutines", title: "Goroutines", x: "time", whole: true }, runs, [{ label: "goroutines", color: "c0", area: true, y: sampled("goroutines") }]),
];

// toolCharts show how the load generator did, which limits what the other charts can say.
const toolCharts = runs => [
  chart({ id: "tool-cpu", title: "CPU", x: "time", unit: "processors" }, runs, [{ label: "load generator", color: "c0", area: true, y: busy("tool_cpu") }]),
  chart({ id: "tool-busy", title: "Busiest reader", x: "time", unit: "%" }, runs, [{ label: "of the time", color: "c0", area: true, y: sampled("reader_busy", 100) }]),
  scaled(chart({ id: "tool-lag", title: "Timer lag, the worst", x: "time", unit: "ms" }, runs, [{ label: "lag", color: "c0", area: true, y: sampled("timer_lag_ms") }])),
];

// stormCharts show how clients came back.
const stormCharts = runs => [
  chart({ id: "storm", title: "Streams that have caught up", x: "seconds", unit: "%", wide: true }, runs,
    [{ label: "caught up", color: "c0", area: true, x: run => caught(run).map(p => p.x), y: run => caught(run).map(p => p.y) }]),
  chart({ id: "returns", title: "Clients that came back, per second", x: "seconds", unit: "/s", wide: true }, runs, [
    { label: "came back", color: "c0", area: true, x: returnTimes, y: returnRates("count") },
    { label: "were told to", color: "c1", dash: true, extra: true, x: returnTimes, y: returnRates("due") },
  ]),
];

// caught is the share of streams that have caught up. The quantiles of a storm count only
// those that have. In a deploy nobody has before the first client was answered again.
function caught({ result: { storm, deploys } }) {
  if (!storm?.caught_up) return [];
  const part = storm.caught_up / storm.streams, first = deploys?.replaced[0]?.first_back_s;
  return [
    { x: 0, y: 0 }, ...(first < storm.caught_up_p50_s ? [{ x: first, y: 0 }] : []), { x: storm.caught_up_p50_s, y: 50 * part },
    { x: storm.caught_up_p95_s, y: 95 * part }, { x: storm.caught_up_p99_s, y: 99 * part }, { x: storm.caught_up_last_s, y: 100 * part },
  ];
}

// The parts of the time over which clients came back after one deploy: a step for each, so that
// two values of x differ. A part that is shorter than half a second is the only one, and counts
// as a second.
const returnsOf = run => run.result.deploys?.replaced.length === 1 ? run.result.deploys.replaced[0].returns : [];
const returnTimes = run => returnsOf(run).flatMap(p => [p.from, Math.max(p.to - 1e-6, p.from + 5e-7)]);
const returnRates = key => run => returnsOf(run).flatMap(p => {
  const rate = p.to - p.from >= 0.5 ? p[key] / (p.to - p.from) : p[key];
  return [rate, rate];
});
