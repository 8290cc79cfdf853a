// Puts the page together, from the data in it. Errors are shown and, for tests, put into
// data-error of the root.

function failed(what) {
  document.documentElement.dataset.error = what;
  document.querySelector("main").prepend(element("div.notice.error", element("h2", "An error in this page"), element("p", what)));
}
addEventListener("error", e => failed(e.message));
addEventListener("unhandledrejection", e => failed(String(e.reason)));

const { results, figures } = JSON.parse(document.getElementById("data").textContent);
const runs = runsOf(results), single = runs.length === 1;
const charts = []; // all that the page has
function chartBox(made) {
  const some = made.filter(Boolean);
  charts.push(...some);
  const narrow = some.filter(chart => !chart.wide).length;
  return some.length ? element(narrow && narrow % 3 === 0 ? "div.charts.thirds" : "div.charts", some.map(chart => figure(chart, runs))) : null;
}

// markBoxes are the legend of the marks of all runs, each kind once; it switches them on and off.
function markBoxes() {
  const boxes = Object.entries(markNames).map(([kind, title]) => {
    const texts = runs.flatMap(run => run.marks.filter(m => m.kind === kind).map(m => (single ? "" : `${run.label}: `) + markText(m)));
    if (!texts.length) return null;
    const box = element("input", { type: "checkbox", checked: "" });
    box.onchange = () => { hidden[box.checked ? "delete" : "add"](kind); charts.forEach(chart => chart.plot.redraw(false)); };
    return element("li", element("label", box, element(`i.line.${kind}`), element("b", title), ` ${texts.join("; ")}`));
  }).filter(Boolean);
  return boxes.length ? element("ul.marks", boxes) : null;
}

function timeHint() {
  const phase = { publish: "publish", back: "come back", deploy: "replace the server", hold: "hold its streams" }[sharedPhase(runs)];
  return (phase ? `Time counts from when each began to ${phase}. ` : "") + "Drag across a chart to zoom in; double-click to zoom out.";
}

// cardsOf are the cards of a single result; several have theirs in the table.
const cardsOf = paths => single ? cards(paths.map(path => figures.find(f => f.path === path)).filter(Boolean), results[0]) : null;
const cardsBelow = head => cardsOf(figures.filter(f => f.path.startsWith(`${head}.`) && f.unit !== "yes/no" && (head === "trend" ? !f.path.includes(".per_hour.") : !f.detail)).map(f => f.path));
const [{ trend }] = results, eventful = results.some(r => r.published || r.delivered);

const main = document.querySelector("main"), text = document.querySelector("details");
main.querySelector("header").append(single ? sheet(runs[0]) : sheets(runs));
text.before(...[
  notices(runs),
  section("Gates", gates(runs)),
  single ? element("section", cardsOf(headline)) : section("Figures",
    hint("Ratios are to the first result; differences of more than 5 % are coloured. One run of each proves little: two equal runs may differ by more."),
    comparison("Figures", figures.filter(f => !f.detail && worthy(f)), runs)),
  eventful ? section("Latency and losses", hint("Percentiles in milliseconds, of what was delivered: a lost event is in none of them."), percentiles(runs)) :
    section("Opening", percentiles(runs)),
  section("Coming back", chartBox(stormCharts(runs)), cardsOf(ofStorm)),
  section("Deploys", cardsBelow("deploys"), replacements(runs)),
  section("Over time", hint(timeHint()), markBoxes(), chartBox(timeCharts(runs))),
  section("Latency as a whole", chartBox(latencyCharts(runs))),
  section("Several publishers", publishers(runs)),
  section("Did it stay flat?", hint(trend?.flat ? "Yes." : "No."), cardsBelow("trend")),
  section("Server", single ? hint(results[0].server?.bytes_per_stream_why) : null, chartBox(serverCharts(runs))),
  section("Load generator", chartBox(toolCharts(runs)), cardsOf(ofTool)),
  element("details", element("summary", "All figures, with their names in the JSON and in -fail-if"), comparison("All figures", figures.map(f => ({ ...f, named: true })), runs)),
].filter(Boolean));
text.open = false;
drawAll(charts, runs);
