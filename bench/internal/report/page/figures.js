// The figures of results, as cards and as a table. A figure is
//
//   { path, label, unit, better, group, detail, values }
//
// where better is less, more or empty, a detail is not for comparisons, and values has one number
// for each result, or null where it was not measured.

// The figures that have a card: at the top of the page, and in its sections.
const headline = [
  "opened", "open_ms.p99", "ended", "delivered", "lost", "missing", "duplicated", "out_of_order", "other", "delivered_per_second",
  "latency_ms.p50", "latency_ms.p99", "spread_ms.last.p50", "waiting_ms.p99", "server.bytes_per_stream", "server.cpu_us_per_delivery",
  "server.cpu_us_to_open", "server.rss_bytes",
];
const ofStorm = [
  "storm.caught_up", "storm.connected_s", "storm.caught_up_p50_s", "storm.caught_up_p95_s", "storm.caught_up_p99_s", "storm.caught_up_last_s", "storm.server_cpu_s",
];
const ofTool = [
  "tool.cpu_seconds", "tool.reader_busy", "tool.timer_lag_ms.p99", "publisher_late_ms", "tool.gc_pause_ms", "tool.descriptors", "tool.ports_used",
];
const aboveZero = ["refused", "failed", "ended", "missing", "other", "delivered_per_second", "tool.descriptors", "tool.ports_used"]; // shown only then

// notes are what stands below a figure on its card: what it is a part of, and related figures.
const notes = {
  opened: r => `of ${count(r.asked)}${r.open_seconds > 0 ? ` in ${seconds(r.open_seconds)}` : ""}${r.late?.streams ? ` · ${count(r.late.streams)} came late` : ""}`,
  "open_ms.p99": r => `p50 ${number(r.open_ms.p50)} · max ${number(r.open_ms.max)}`,
  ended: r => `${count(r.reconnected)} came back`,
  delivered: r => r.expected === null ? "" : `of ${count(r.expected)} expected`,
  lost: r => r.lost && r.expected ? `${r.lost / r.expected < 0.00001 ? "< 0.001 %" : share(r.lost / r.expected)} of expected` : "",
  missing: () => "a later event came", other: () => "not published by this tool",
  "latency_ms.p50": r => `mean ${number(r.latency_ms.mean)} · p90 ${number(r.latency_ms.p90)}`,
  "latency_ms.p99": r => `p99.9 ${number(r.latency_ms.p999)} · max ${number(r.latency_ms.max)}`,
  "spread_ms.last.p50": r => `first ${number(r.spread_ms.first.p50)} · p99 ${number(r.spread_ms.last.p99)}`,
  "waiting_ms.p99": r => `p50 ${number(r.waiting_ms.p50)}`,
  "server.bytes_per_stream": ({ server: s }) => [
    s.bytes_per_stream_error != null && `± ${size(s.bytes_per_stream_error)}`, s.bytes_per_stream_total != null && `${size(s.bytes_per_stream_total)} on average`,
  ].filter(Boolean).join(" · "),
  "server.cpu_us_per_delivery": r => `${seconds(r.server.cpu_seconds)} in all`,
  "server.rss_bytes": r => [[r.server.threads, "thread"], [r.server.descriptors, "descriptor"]].filter(([n]) => n > 0).map(([n, what]) => plural(n, what)).join(" · "),
  "storm.caught_up": ({ storm: s, deploys }) => `of ${plural(s.streams, "stream")}, ${deploys ? "with an event since" : `each ${plural(s.missed, "event")} behind`}`,
  "deploys.replaced.0.ended_s": ({ deploys: d }) => `after the signal · ${count(d.ends_cut)} cut · ${count(d.ends_untold)} not told when to return`,
  "deploys.replaced.0.exited_s": ({ deploys: { replaced: [d] } }) => `status ${d.exit_status} · listens again after ${seconds(d.ready_s)}`,
  "deploys.gap_once": () => "streams", "deploys.replaced.0.uneven": () => "the second that differs most", "tool.reader_busy": r => r.tool.reader_busy_most == null ? "of the time" : `of the time · ${share(r.tool.reader_busy_most)} of its busiest second`,
  "tool.timer_lag_ms.p99": r => `max ${number(r.tool.timer_lag_ms.max)}`,
  publisher_late_ms: r => `at worst${r.publisher_lateness_ms ? ` · p50 ${number(r.publisher_lateness_ms.p50)}` : ""}`, "tool.gc_pause_ms": () => "in total",
  "tool.descriptors": r => r.tool.fd_limit ? `of ${count(r.tool.fd_limit)} allowed` : "",
  "tool.ports_used": r => r.tool.ports ? `of ${count(r.tool.ports)}` : "",
};

// wrong says when a figure is a fault, and is red.
const faulty = r => r > 0;
const wrong = {
  opened: (v, r) => v < r.asked, ended: (v, r) => v > 0 && r.command !== "storm" && r.command !== "deploys" && r.command !== "answers", // these end streams on purpose
  lost: faulty, missing: faulty, duplicated: faulty, out_of_order: faulty,
  "storm.caught_up": (v, r) => v < r.storm.streams, "deploys.replaced.0.ended_s": (v, r) => r.deploys.ends_untold > 0,
  "deploys.replaced.0.exited_s": (v, r) => r.deploys.replaced[0].exit_status !== 0, "deploys.lost_before": faulty, "deploys.gaps": (v, r) => v > 0 && r.deploys.before === null, "deploys.not_back": faulty,
};

// isWrong also knows figures of a soak that rose: their sentences begin with the name.
function isWrong({ path }, value, result) {
  if (value === null) return false;
  if (path.startsWith("trend.")) return result.trend.rising.some(said => `trend.${said.split(" ")[0].toLowerCase()}` === path);
  return !!wrong[path]?.(value, result);
}

// valueText is a figure as text; a change has a sign.
function valueText({ path, unit }, v) {
  const text = written(v, unit);
  return path.startsWith("trend.") && v !== null ? (v > 0 ? "+" : "") + text.replace("-", "−") : text;
}

const worthy = f => !aboveZero.includes(f.path) || f.values.some(v => v > 0);
const cardLabels = {
  other: "other events", "tool.cpu_seconds": "CPU used", "tool.reader_busy": "busiest reader", "tool.timer_lag_ms.p99": "timer lag p99", "tool.gc_pause_ms": "GC pauses",
  "tool.ports_used": "ports per address", "storm.caught_up_p95_s": "caught up p95", 
};
const cardLabel = ({ path, label }) => sentence(cardLabels[path] ?? label.replace(/^(tool|trend|deploys|storm), /, ""));
const sentence = label => label.replace(/^./, first => first.toUpperCase());

// cards show figures of one result.
function cards(figures, result) {
  const shown = figures.filter(worthy);
  return shown.length ? element("dl.figures", shown.map(f => element(isWrong(f, f.values[0], result) ? "div.wrong" : "div",
    element("dt", cardLabel(f)), element("dd", valueText(f, f.values[0])), element("dd.note", notes[f.path]?.(result) ?? "")))) : null;
}

// titles are those of the parts of a table of figures, by the first names of paths.
const titles = {
  seconds: "Run", partial: "Run", suspect: "Run", machine: "Run", spread_ms: "Spread over the readers", server: "Server", tool: "Load generator",
  storm: "Coming back", deploys: "Deploys", trend: "Did it stay flat?",
};
for (const head of ["asked", "opened", "answered", "refused", "failed", "ended", "reconnected", "open_ms", "open_seconds", "late"]) titles[head] = "Streams";
const titleOf = ({ path }) => titles[path.split(".")[0]] ?? "Events";

// comparison is a table of figures, with a column for each run. Below each value is its ratio to
// the first.
function comparison(title, figures, runs) {
  const parts = [...new Set(figures.map(titleOf))];
  const head = element("tr", element("td"), runs.map(run => element("th", { scope: "col" }, runs.length > 1 ? [labelled(run), badges(run.result)] : "")));
  return scroll("compared", title, runs.length > 1 ? element("thead", head) : null, parts.map(title => element("tbody",
    element("tr.group", element("th", { scope: "rowgroup", colspan: runs.length + 1 }, title)), figures.filter(f => titleOf(f) === title).map(f => row(f, runs)))));
}

const row = (f, runs) => element("tr", element("th", { scope: "row" }, sentence(f.label), f.named ? [" ", element("code", f.path)] : ""), runs.map((run, i) => cell(f, run, i)));

function cell(figure, run, i) {
  const v = figure.values[i], first = figure.values[0], compared = i > 0 && v !== null && first !== null && figure.better;
  const tone = isWrong(figure, v, run.result) ? "wrong" : compared ? toneOf(figure.better, v, first) : "";
  return element(tone ? `td.${tone}` : "td", valueText(figure, v), compared ? element("small", ratio(v, first)) : "");
}

// toneOf says whether v is better or worse than the first, if it differs by more than 5 %.
function toneOf(better, v, first) {
  return v > first * 1.05 || v < first * 0.95 ? v > first === (better === "more") ? "better" : "worse" : "";
}
