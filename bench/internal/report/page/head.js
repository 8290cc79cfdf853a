// What is above the figures: what was measured, what to know first, and the gates.

// sheet says what one result is of, how it was made, when and where.
function sheet({ result: r }) {
  const titled = document.title === `${r.command} of ${r.name}`; // then the title has said it
  if (titled) document.querySelector("h1").append(...badges(r).flat());
  return element("div.sheet", titled ? null : element("p", `${r.command} of ${r.name}`, badges(r)),
    element("p.dim", when(r), element("br"), machine(r.machine)), flagList(Object.keys(r.scenario).sort(), r));
}

// sheets are several: a row for each, with the flags that not all have in common; these are below.
function sheets(runs) {
  const all = runs.map(run => run.result), alike = of => all.every(r => of(r) === of(all[0]));
  const own = r => Object.keys(r.scenario).filter(flag => !alike(r => r.scenario[flag])).sort(), common = Object.keys(all[0].scenario).filter(flag => alike(r => r.scenario[flag])).sort();
  const where = r => machine(r.machine);
  return element("div.sheet",
    scroll("what", "What was measured", runs.map(run => element("tr", element("th", { scope: "row" }, labelled(run), badges(run.result)),
      element("td.dim", [run.result.command, when(run.result), alike(where) ? "" : where(run.result)].filter(Boolean).join(" · ")),
      element("td", flagList(own(run.result), run.result))))),
    common.length ? [element("p.dim", "In all of them:"), flagList(common, all[0])] : null,
    alike(where) ? element("p.dim", where(all[0])) : null);
}

const when = r => [r.begun.startsWith("0001") ? null : date(r.begun), `took ${seconds(r.seconds)}`].filter(Boolean).join(" · ");

// machine describes a machine in one line, as far as it is known.
function machine({ os, kernel, processors, go }) {
  const parts = [`${os} ${kernel}`.trim(), processors > 0 ? plural(processors, "processor") : "", go].filter(Boolean);
  return parts.length ? `load from ${parts.join(" · ")}` : "";
}

function flagList(names, r) {
  const given = names.filter(name => name in r.scenario);
  return given.length ? element("ul.flags", given.map(name => element("li", element("code", `-${name.replace(/^-+/, "")} ${r.scenario[name]}`.trim())))) : null;
}

// Each kind of notice: whether it is of a result, what is said of any, of this one, and a list.
const kinds = [
  { kind: "suspect", title: "Suspect", is: r => r.suspect, items: r => r.suspect_of,
    lead: "Something other than the server may have been the bottleneck: these figures are about that as much as about the server." },
  { kind: "partial", title: "Partial", is: r => r.partial, text: r => `Interrupted after ${seconds(r.seconds)}: the figures cover only the time until then.` },
  { kind: "error", title: "Errors", is: r => r.first_error || r.refused + r.failed > 0, text: troubles, items: r => [r.first_error].filter(Boolean) },
  { kind: "rising", title: "Not flat", is: r => r.trend?.rising.length, items: r => r.trend.rising, lead: "This rose:" },
];

// troubles counts what went wrong with streams, and leads to the first error.
function troubles(r, alone) {
  const counts = ["refused", "failed"].filter(key => r[key] > 0).map(key => `${plural(r[key], "stream")} ${key}`).join(", ");
  return [counts, alone && r.first_error && "the first error:"].filter(Boolean).join("; ");
}

// notices are to be read before any figure.
function notices(runs) {
  return element("div.notices", kinds.map(({ kind, title, is, lead, text, items }) => {
    const of = runs.filter(run => is(run.result));
    if (!of.length) return null;
    const list = runs.length === 1 ? items?.(of[0].result) ?? [] :
      of.map(run => [labelled(run), ": ", [text?.(run.result), ...items?.(run.result) ?? []].filter(Boolean).join(" · ")]);
    const about = runs.length === 1 ? sentence(text?.(of[0].result, true) ?? "") : "";
    return element(`div.notice.${kind}`, element("h2", title), [lead, about].filter(Boolean).map(said => element("p", said)),
      list.length ? element("ul", list.map(item => element("li", item))) : null);
  }));
}

// gates are the conditions under which a result counts as failed.
function gates(runs) {
  const rows = runs.flatMap(run => (run.result.gates ?? []).map(gate => element("tr", element("td", element("b", gate.failed ? "failed" : "passed")),
    runs.length > 1 ? element("td", labelled(run)) : null, element("td", element("code", gate.gate)), element(gate.failed ? "td.wrong" : "td", gate.text))));
  return rows.length ? scroll("gates", "Gates", element("tbody", rows)) : null;
}
