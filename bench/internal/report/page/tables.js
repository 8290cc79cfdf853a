// Tables of several numbers of a kind.

const percentileColumns = { p50: "p50", p90: "p90", p99: "p99", p999: "p99.9", max: "max", mean: "mean" };
const faultColumns = { lost: "lost", missing: "missing", duplicated: "twice", out_of_order: "out of order" };

// The distributions of a result, in milliseconds.
const distributions = {
  "Delivery": r => r.latency_ms, "First reader": r => r.spread_ms?.first, "Half of the readers": r => r.spread_ms?.median,
  "99% of the readers": r => r.spread_ms?.p99, "Last reader": r => r.spread_ms?.last, "In calm": r => r.deploys?.calm_ms, "In deploys": r => r.deploys?.during_ms,
  "Longest silence of a stream": r => r.deploys?.silence_ms, "Waiting in this tool": r => r.waiting_ms, "Opening": r => r.open_ms,
};

const numbers = (p, columns) => Object.keys(columns).map(key => element("td", p && (p.count || p.max) ? number(p[key]) : "–"));
const faults = r => Object.keys(faultColumns).map(key => element(r[key] > 0 ? "td.wrong" : "td", r[key] == null ? "–" : count(r[key])));
const heads = texts => texts.map(text => element("th", { scope: "col" }, text));

// percentiles have losses beside them, since these are not in any percentile. Of several
// results not all distributions are shown.
function percentiles(runs) {
  const several = runs.length > 1, eventful = r => r.published || r.delivered, columns = runs.some(run => eventful(run.result)) ? Object.keys(faultColumns) : [];
  const bodies = Object.entries(distributions).map(([title, of]) => {
    const delivery = title === "Delivery", rows = runs.filter(({ result }) => of(result) || delivery && eventful(result));
    if (!rows.length || several && /readers?$/.test(title) && title !== "Last reader") return null;
    return element("tbody", several ? element("tr.group", element("th", { scope: "rowgroup", colspan: 11 }, title)) : null, rows.map(run => element("tr",
      element("th", { scope: "row" }, several ? labelled(run) : title), numbers(of(run.result), percentileColumns),
      delivery ? faults(run.result) : columns.map(() => element("td")))));
  }).filter(Boolean);
  const head = heads([...Object.values(percentileColumns), ...columns.map(key => faultColumns[key])]);
  return bodies.length ? scroll("percentiles", "Percentiles", element("thead", element("tr", element("td", "ms"), head)), bodies) : null;
}

// listed is a table with a row for each thing in a list that results have: its name, its cells.
function listed(title, runs, list, corner, columns, nameOf, cells) {
  const rows = runs.flatMap(run => (list(run.result) ?? []).map(one => element("tr",
    element("th", { scope: "row" }, (runs.length > 1 ? `${run.label}: ` : "") + nameOf(one)), cells(one))));
  return rows.length ? scroll("listed", title, element("thead", element("tr", element("td", corner), heads(columns))), element("tbody", rows)) : null;
}

const cellsOf = texts => texts.map(text => element("td", text));

const publishers = runs => listed("Publishers", runs, r => r.lanes, "",
  ["streams", "published", "delivered", ...Object.values(faultColumns), "p50 ms", "p99 ms", "max ms", "last reader, p50 ms"], lane => lane.name || "main", lane => [
    cellsOf([count(lane.streams), count(lane.published), `${count(lane.delivered)} of ${count(lane.expected)}`]), faults(lane),
    numbers(lane.latency_ms, { p50: 1, p99: 1, max: 1 }), numbers(lane.spread_ms?.last, { p50: 1 })]);

const replacements = runs => listed("Replacements", runs, r => r.deploys?.replaced, "after the signal",
  ["at", "next is ready", "exited", "status", "streams ended", "the last of them", "first back", "last back", "longest silence"], p => p.instance, p => cellsOf([
    seconds(p.at), seconds(p.ready_s), seconds(p.exited_s), String(p.exit_status), count(p.ended), seconds(p.ended_s), seconds(p.first_back_s), seconds(p.last_back_s), `${number(p.silence_ms)} ms`]));
