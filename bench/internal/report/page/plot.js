// Draws charts with uPlot, each into a figure of its own.
const hidden = new Set(); // kinds of marks that are switched off

// Colours come from the style sheet, as the scheme has them now.
const probe = document.body.appendChild(element("i", { hidden: "" }));
function color(name, alpha = 1) {
  probe.style.color = `var(--${name})`;
  const c = getComputedStyle(probe).color;
  return alpha === 1 ? c : c.replace("rgb(", "rgba(").replace(")", `, ${alpha})`);
}
const font = size => `${size}px system-ui, sans-serif`;

// Texts of axes and legends.
const tick = v => v.toLocaleString("en", Math.abs(v) < 1000 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });
const short = v => Math.abs(v) < 1e6 ? tick(v) : v.toLocaleString("en", { notation: "compact", maximumFractionDigits: 2 });
function clock(s, fine) {
  const sign = s < 0 ? "−" : "", t = Math.abs(s);
  if (t < 120) return `${sign}${fine ? t.toFixed(1) : tick(t)} s`;
  const m = Math.floor(t / 60);
  return sign + (m < 60 ? m : `${Math.floor(m / 60)}:${two(m % 60)}`) + `:${two(Math.floor(t % 60))}`;
}
const percent = x => `${+(100 - 100 / x).toPrecision(2 + Math.ceil(Math.log10(x)))}%`; // 99.9%, however rare

// The x axis of each kind of chart.
const across = {
  time: { label: "time", value: v => clock(v, true), ticks: vs => vs.map(v => clock(v)), incrs: [.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400] },
  seconds: { label: "after", value: v => tick(v) + " s", ticks: vs => vs.map(v => tick(v) + " s") },
  reader: { label: "reader", value: v => readers[v] ?? "", ticks: vs => vs.map(v => readers[v] ?? ""), splits: () => [0, 1, 2, 3] },
  percentile: { label: "percentile", value: percent, ticks: vs => vs.map(percent), splits: decades },
};

// wholes are the distances between ticks that may not be fractions.
const wholes = Array.from({ length: 10 }, (_, n) => [1, 2, 5].map(step => step * 10 ** n)).flat();

// decades are 0, 50%, 90%, 99% and so on, as far as there is room for their labels.
function decades(u, axis, min, max) {
  const all = [1, 2, ...Array.from({ length: Math.floor(Math.log10(max * 1.001)) }, (_, n) => 10 ** (n + 1))];
  const room = u.bbox.width / devicePixelRatio / Math.log10(max / min);
  let last = -Infinity;
  return all.filter(x => {
    const at = Math.log10(x) * room, half = 4 * percent(x).length + 4;
    if (x < min || at - half < last) return false;
    last = at + half;
    return true;
  });
}

const points = (s, runs) => s.x ?? runs[s.run].at;
// rangeX is what was zoomed to or else all values, and zero if that is near.
function rangeX(chart, shown, runs) {
  const [first, last] = ends(shown.flatMap(s => points(s, runs)));
  const low = chart.x === "time" ? Math.min(first, ...shown.flatMap(s => runs[s.run].phases.map(p => p.from))) : 0;
  const whole = { reader: [-.25, 3.25], percentile: [1, Math.max(last, 10)] }[chart.x] ?? [low, last > low ? last : low + 1];
  return (u, min, max) => min > first || max < last ? [min, max] : whole;
}

function rangeY(chart) {
  if (chart.unit === "%") return () => [0, 100];
  if (chart.log) return (u, min, max) => max > 0 ? uPlot.rangeLog(Math.max(min, 1e-3), max, 10, false) : [.1, 10];
  return (u, min, max) => [Math.min(0, min ?? 0), max > 0 ? max * 1.06 : 1];
}

// joined is the chart's data as uPlot wants it: one column of x for all. A logarithm has no zero;
// clocks here have microseconds.
const joined = (chart, shown, runs) => uPlot.join(shown.map(s => [points(s, runs), s.y.map(v => v === null ? null : Math.max(v, chart.log ? 1e-3 : -Infinity))]));

function line(chart, s) {
  const unit = chart.unit && chart.unit !== "processors" && !s.right ? (/^[/%]/.test(chart.unit) ? "" : " ") + chart.unit : "";
  return {
    label: s.label, scale: s.right ? "right" : "y", width: s.label === "max" ? 1 : 1.5, dash: s.dash ? [5, 4] : undefined,
    stroke: color(s.color), fill: s.area && !chart.log ? color(s.color, .1) : undefined,
    points: { size: 5, fill: color(s.color), ...pointing(chart) }, value: (u, v) => v == null ? "" : short(v) + unit,
  };
}

// pointing says which values get points: all if there are few, else those without a line to them.
const pointing = ({ x }) => x === "reader" || x === "seconds" ? { show: true } : { space: 40, filter: (u, i, all) => all ? null : lone(u.data[i]) };
function lone(ys) {
  const measured = ys.map((y, i) => i).filter(i => ys[i] !== undefined);
  return measured.filter((i, n) => ys[i] !== null && ys[measured[n - 1]] == null && ys[measured[n + 1]] == null);
}

// axisWidth makes a y axis as wide as its longest text.
function axisWidth(u, texts) {
  u.ctx.font = font(11 * devicePixelRatio);
  return texts ? Math.ceil(Math.max(...texts.map(t => u.ctx.measureText(t ?? "").width)) / devicePixelRatio) + 14 : 40;
}

function axes(chart, shown) {
  const look = { stroke: color("dim"), font: font(11), ticks: { show: false }, gap: 6 }, grid = { stroke: color("grid"), width: 1 }, x = across[chart.x];
  const all = [
    { ...look, grid: { show: chart.x !== "reader", ...grid }, values: (u, vs) => x.ticks(vs), incrs: x.incrs, splits: x.splits, filter: (u, vs) => vs, space: 64, size: 28 },
    { ...look, grid, scale: "y", size: axisWidth, space: 36, incrs: chart.whole && wholes, values: (u, vs) => vs.map(v => v == null ? "" : short(v)) },
  ];
  const right = shown.find(s => s.right);
  if (right) all.push({ ...all[1], scale: "right", side: 1, grid: { show: false }, stroke: color(right.color) });
  return all;
}

// Phases are bands behind the lines, named above them where there is room. The phases that
// matter are blank.
const blank = ["publish", "hold", "back", "calm"];
function drawPhases(u, run) {
  const { ctx, bbox } = u, px = devicePixelRatio;
  ctx.save();
  Object.assign(ctx, { font: font(10.5 * px), textAlign: "left", textBaseline: "bottom" });
  for (const p of run.phases) {
    const from = Math.max(u.valToPos(p.from, "x", true), bbox.left);
    const to = Math.min(u.valToPos(p.to, "x", true), bbox.left + bbox.width);
    if (to <= from) continue;
    ctx.fillStyle = color("phase");
    if (!blank.includes(p.name)) ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.fillStyle = color("line");
    ctx.fillRect(from, bbox.top - 14 * px, px, bbox.height + 14 * px);
    ctx.fillStyle = color("dim");
    if (ctx.measureText(p.name).width + 8 * px < to - from) ctx.fillText(p.name, from + 4 * px, bbox.top - 3 * px);
  }
  ctx.restore();
}

// Marks are lines through the chart, at most one per pixel. Different kinds are side by side.
const markStyles = {
  missing: { beside: -1.5, width: 1.5, dash: [] }, duplicated: { beside: 1.5, width: 1.5, dash: [6, 3] },
  out_of_order: { beside: 4.5, width: 1.5, dash: [2, 2] }, ended: { beside: -4.5, width: 1, dash: [] },
};
function drawMarks(u, run) {
  const { ctx, bbox } = u, px = devicePixelRatio;
  for (const mark of run.marks.filter(m => !hidden.has(m.kind))) {
    const { beside, width, dash } = markStyles[mark.kind];
    const xs = new Set(mark.at.map(t => Math.round(u.valToPos(t, "x", true) + beside * px))), path = new Path2D();
    for (const x of xs) {
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      path.moveTo(x, bbox.top);
      path.lineTo(x, bbox.top + bbox.height);
    }
    ctx.save();
    Object.assign(ctx, { strokeStyle: color(mark.kind, xs.size > 60 ? .3 : .85), lineWidth: width * px });
    ctx.setLineDash(dash.map(n => n * px));
    ctx.stroke(path);
    ctx.restore();
  }
}

function options(chart, shown, runs, width) {
  const time = chart.x === "time", x = across[chart.x];
  return {
    width, height: chart.wide ? 280 : 220,
    padding: [time ? 18 : 10, shown.some(s => s.right) ? 4 : 28, 0, 2],
    scales: {
      x: { time: false, distr: chart.x === "percentile" ? 3 : 1, range: rangeX(chart, shown, runs) },
      y: { distr: chart.log ? 3 : 1, range: rangeY(chart) },
      right: { range: (u, min, max) => [0, max > 0 ? max * 1.3 : 1] },
    },
    axes: axes(chart, shown),
    series: [{ label: x.label, value: (u, v) => v == null ? "" : x.value(v) }, ...shown.map(s => line(chart, s))],
    cursor: { y: false, points: { size: 7 }, drag: { x: chart.x !== "reader", y: false }, ...(time && { sync: { key: "time", scales: ["x", null] } }) },
    hooks: time ? { drawClear: [u => drawPhases(u, runs[0])], draw: [u => runs.forEach(run => drawMarks(u, run))] } : {},
  };
}

// draw redraws a chart after its scale, its choice or the colours have changed.
function draw(chart, runs) {
  const box = chart.figure.querySelector(".plot"), shown = chart.series.filter(s => !chart.pick || s.pick === chart.pick);
  chart.plot?.destroy();
  chart.plot = new uPlot(options(chart, shown, runs, box.clientWidth), joined(chart, shown, runs), box);
  for (const button of chart.figure.querySelectorAll("button")) button.ariaPressed = button.isOn();
}

// choice makes buttons of which one is on.
function choice(chart, runs, key, values) {
  return element("span.choice", Object.entries(values).map(([text, value]) => {
    const button = element("button", text);
    button.isOn = () => chart[key] === value;
    button.onclick = () => { chart[key] = value; draw(chart, runs); };
    return button;
  }));
}

// figure is where a chart is drawn, with what can be chosen about it.
function figure(chart, runs) {
  const controls = [
    chart.picks && choice(chart, runs, "pick", Object.fromEntries(chart.picks.map(p => [p, p]))),
    "log" in chart && choice(chart, runs, "log", { linear: false, log: true }),
  ].filter(Boolean);
  chart.figure = element(chart.wide ? "figure.wide" : "figure", { "data-chart": chart.id },
    element("figcaption", element("h3", chart.title, chart.unit ? element("span.dim", ` ${chart.unit}`) : null), controls.length ? element("div.controls", controls) : null),
    element("div.plot"));
  return chart.figure;
}

// drawAll draws charts once they are in the page, and again when the colours change. A chart
// gets the width of its box after the layout that has changed it: otherwise the observer
// would see its own changes.
function drawAll(charts, runs) {
  const resized = new ResizeObserver(() => requestAnimationFrame(() => charts.forEach(({ figure, plot }) => {
    const width = figure.querySelector(".plot").clientWidth;
    if (width && width !== plot.width) plot.setSize({ width, height: plot.height });
  })));
  for (const chart of charts) {
    draw(chart, runs);
    resized.observe(chart.figure.querySelector(".plot"));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(chart => draw(chart, runs)));
}
