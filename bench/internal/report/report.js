"use strict";
// Draws the charts that the JSON of this page describes, each into the figure with
// its id. Errors are shown and, for tests, put into data-error of the root.
{
  const root = document.documentElement;
  const failed = what => {
    root.dataset.error = what;
    const box = document.getElementById("failure");
    box.hidden = false;
    box.querySelector("p").textContent = what;
  };
  addEventListener("error", e => failed(e.message));
  addEventListener("unhandledrejection", e => failed(String(e.reason)));

  const { runs, charts } = JSON.parse(document.getElementById("data").textContent);
  const hidden = new Set(); // kinds of marks that are switched off

  // Colours come from the style sheet, as the scheme has them now.
  const probe = document.body.appendChild(document.createElement("i"));
  probe.hidden = true;
  const color = (name, alpha = 1) => {
    probe.style.color = `var(--${name})`;
    const c = getComputedStyle(probe).color;
    return alpha === 1 ? c : c.replace("rgb(", "rgba(").replace(")", `, ${alpha})`);
  };
  const font = size => `${size}px system-ui, sans-serif`;

  // Formatting of numbers and times.
  const number = v => v.toLocaleString("en", Math.abs(v) < 1000 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });
  const short = v => Math.abs(v) < 1e6 ? number(v) : v.toLocaleString("en", { notation: "compact", maximumFractionDigits: 2 });
  const two = n => String(n).padStart(2, "0");
  const clock = (s, fine) => {
    const sign = s < 0 ? "−" : "", t = Math.abs(s);
    if (t < 120) return `${sign}${fine ? t.toFixed(1) : number(t)} s`;
    const m = Math.floor(t / 60);
    return sign + (m < 60 ? m : `${Math.floor(m / 60)}:${two(m % 60)}`) + `:${two(Math.floor(t % 60))}`;
  };
  const percent = x => `${+(100 - 100 / x).toPrecision(2 + Math.ceil(Math.log10(x)))}%`; // 99.9%, however rare
  const readers = ["first", "median", "p99", "last"];

  // The x axis of each kind of chart.
  const across = {
    time: {
      label: "time", value: v => clock(v, true), ticks: vs => vs.map(v => clock(v)),
      incrs: [.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400],
    },
    seconds: { label: "after", value: v => number(v) + " s", ticks: vs => vs.map(v => number(v) + " s") },
    reader: { label: "reader", value: v => readers[v] ?? "", ticks: vs => vs.map(v => readers[v] ?? ""), splits: () => [0, 1, 2, 3] },
    percentile: { label: "percentile", value: percent, ticks: vs => vs.map(percent), splits: decades },
  };

  // decades are 0, 50%, 90%, 99% and so on, as far as there is room for their labels.
  function decades(u, axis, min, max) {
    const all = [1, 2];
    for (let x = 10; x <= max * 1.001; x *= 10) all.push(x);
    const room = u.bbox.width / devicePixelRatio / Math.log10(max / min);
    let last = -Infinity;
    return all.filter(x => {
      const at = Math.log10(x) * room, half = 4 * percent(x).length + 4;
      if (x < min || at - half < last) return false;
      last = at + half;
      return true;
    });
  }

  // extent is the range of x: all values, and zero if that is near.
  function extent(chart, shown) {
    const xs = shown.flatMap(s => [points(s)[0], points(s).at(-1)]);
    let low = Math.min(...xs), high = Math.max(...xs);
    if (chart.x === "reader") return [-.25, 3.25];
    if (chart.x === "percentile") return [1, Math.max(high, 10)];
    if (chart.x === "time") low = Math.min(low, ...shown.flatMap(s => runs[s.run].phases.map(p => p.from)));
    else low = 0;
    return [low, high > low ? high : low + 1];
  }
  const points = s => s.at ?? runs[s.run].at;

  function rangeX(chart, shown) {
    const [low, high] = extent(chart, shown);
    const xs = shown.flatMap(points);
    const first = Math.min(...ends(xs)), last = Math.max(...ends(xs));
    return (u, min, max) => min > first || max < last ? [min, max] : [low, high];
  }
  const ends = xs => xs.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);

  function rangeY(chart) {
    if (chart.unit === "%") return () => [0, 100];
    if (chart.log) return (u, min, max) => max > 0 ? uPlot.rangeLog(Math.max(min, 1e-3), max, 10, false) : [.1, 10];
    return (u, min, max) => [Math.min(0, min ?? 0), max > 0 ? max * 1.06 : 1];
  }

  // table is the chart's data as uPlot wants it: one column of x for all.
  function table(chart, shown) {
    const floor = chart.log ? 1e-3 : -Infinity; // a logarithm has no zero; clocks here have microseconds
    return uPlot.join(shown.map(s => [points(s), s.y.map(v => v === null ? null : Math.max(v, floor))]));
  }

  function line(chart, s) {
    const unit = chart.unit && chart.unit !== "processors" && !s.right ? (/^[/%]/.test(chart.unit) ? "" : " ") + chart.unit : "";
    return {
      label: s.label, scale: s.right ? "right" : "y", width: s.label === "max" ? 1 : 1.5,
      stroke: color(s.color), fill: s.area && !chart.log ? color(s.color, .1) : undefined,
      dash: s.dash ? [5, 4] : undefined,
      points: { size: 5, fill: color(s.color), ...pointing(chart) },
      value: (u, v) => v == null ? "" : short(v) + unit,
    };
  }

  // pointing says which values get points: all if there are few, else those without a
  // line to them.
  function pointing(chart) {
    if (chart.x === "reader" || chart.x === "seconds") return { show: true };
    return { space: 40, filter: (u, i, all) => all ? null : lone(u.data[i]) };
  }

  function lone(ys) {
    const measured = ys.map((y, i) => i).filter(i => ys[i] !== undefined);
    return measured.filter((i, n) => ys[i] !== null && ys[measured[n - 1]] == null && ys[measured[n + 1]] == null);
  }

  // width makes a y axis as wide as its longest text.
  function width(u, texts) {
    if (!texts) return 40;
    u.ctx.font = font(11 * devicePixelRatio);
    return Math.ceil(Math.max(...texts.map(t => u.ctx.measureText(t ?? "").width)) / devicePixelRatio) + 14;
  }

  function axes(chart, shown) {
    const look = { stroke: color("dim"), font: font(11), ticks: { show: false } };
    const grid = { stroke: color("grid"), width: 1 };
    const x = across[chart.x];
    const all = [
      { ...look, grid: { show: chart.x !== "reader", ...grid }, values: (u, vs) => x.ticks(vs), incrs: x.incrs, splits: x.splits, filter: (u, vs) => vs, space: 64, size: 28, gap: 6 },
      { ...look, grid, scale: "y", size: width, gap: 6, space: 36, values: (u, vs) => vs.map(v => v == null ? "" : short(v)) },
    ];
    const right = shown.find(s => s.right);
    if (right) all.push({ ...all[1], scale: "right", side: 1, grid: { show: false }, stroke: color(right.color) });
    return all;
  }

  // Phases are bands behind the lines, named above them where there is room. The
  // phases that matter are blank.
  const blank = ["publish", "hold", "back"];
  function drawPhases(u, run) {
    const { ctx, bbox } = u, px = devicePixelRatio;
    ctx.save();
    ctx.font = font(10.5 * px);
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
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

  // Marks are lines through the chart, at most one per pixel. Different kinds are side
  // by side.
  const styles = {
    missing: { beside: -1.5, width: 1.5, dash: [] }, duplicated: { beside: 1.5, width: 1.5, dash: [6, 3] },
    out_of_order: { beside: 4.5, width: 1.5, dash: [2, 2] }, ended: { beside: -4.5, width: 1, dash: [] },
  };
  function drawMarks(u, run) {
    const { ctx, bbox } = u, px = devicePixelRatio;
    for (const mark of run.marks.filter(m => !hidden.has(m.kind))) {
      const { beside, width, dash } = styles[mark.kind];
      const xs = new Set(mark.at.map(t => Math.round(u.valToPos(t, "x", true) + beside * px)));
      ctx.save();
      ctx.beginPath();
      for (const x of xs) {
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
      }
      ctx.strokeStyle = color(mark.kind, xs.size > 60 ? .3 : .85);
      ctx.lineWidth = width * px;
      ctx.setLineDash(dash.map(n => n * px));
      ctx.stroke();
      ctx.restore();
    }
  }

  function options(chart, shown, box) {
    const time = chart.x === "time", x = across[chart.x];
    return {
      width: box.clientWidth, height: chart.wide ? 280 : 220,
      padding: [time ? 18 : 10, shown.some(s => s.right) ? 4 : 28, 0, 2],
      scales: {
        x: { time: false, distr: chart.x === "percentile" ? 3 : 1, range: rangeX(chart, shown) },
        y: { distr: chart.log ? 3 : 1, range: rangeY(chart) },
        right: { range: (u, min, max) => [0, max > 0 ? max * 1.3 : 1] },
      },
      axes: axes(chart, shown),
      series: [{ label: x.label, value: (u, v) => v == null ? "" : x.value(v) }, ...shown.map(s => line(chart, s))],
      cursor: { y: false, points: { size: 7 }, drag: { x: chart.x !== "reader", y: false }, ...(time && { sync: { key: "time", scales: ["x", null] } }) },
      hooks: time ? { drawClear: [u => drawPhases(u, runs[0])], draw: [u => runs.forEach(r => drawMarks(u, r))] } : {},
    };
  }

  // draw redraws a chart after its scale, its choice or the colours have changed.
  function draw(chart) {
    const box = chart.figure.querySelector(".plot");
    const shown = chart.series.filter(s => !chart.pick || s.pick === chart.pick);
    chart.plot?.destroy();
    chart.plot = new uPlot(options(chart, shown, box), table(chart, shown), box);
    for (const button of chart.figure.querySelectorAll("button")) button.ariaPressed = button.isOn();
  }

  // choice makes buttons of which one is on.
  function choice(chart, values, get, set) {
    const group = document.createElement("span");
    group.className = "choice";
    for (const [text, value] of values) {
      const button = group.appendChild(document.createElement("button"));
      button.textContent = text;
      button.isOn = () => get() === value;
      button.onclick = () => { set(value); draw(chart); };
    }
    return group;
  }

  function addControls(chart) {
    const controls = document.createElement("div");
    controls.className = "controls";
    if (chart.picks) controls.append(choice(chart, chart.picks.map(p => [p, p]), () => chart.pick, v => { chart.pick = v; }));
    if ("log" in chart) controls.append(choice(chart, [["linear", false], ["log", true]], () => chart.log, v => { chart.log = v; }));
    if (controls.childElementCount) chart.figure.querySelector("figcaption").append(controls);
  }

  // fit gives charts the width of their boxes, after the layout that has changed it:
  // otherwise the observer would see its own changes.
  function fit() {
    for (const { figure, plot } of charts) {
      const width = figure.querySelector(".plot").clientWidth;
      if (width && width !== plot.width) plot.setSize({ width, height: plot.height });
    }
  }
  const resized = new ResizeObserver(() => requestAnimationFrame(fit));

  for (const chart of charts) {
    chart.figure = document.querySelector(`[data-chart="${chart.id}"]`);
    chart.wide = chart.figure.classList.contains("wide");
    addControls(chart);
    draw(chart);
    resized.observe(chart.figure.querySelector(".plot"));
  }
  for (const box of document.querySelectorAll("[data-mark]")) {
    box.onchange = () => {
      hidden[box.checked ? "delete" : "add"](box.dataset.mark);
      for (const chart of charts) chart.plot.redraw(false);
    };
  }
  matchMedia("(prefers-color-scheme: dark)").onchange = () => charts.forEach(draw);
}
