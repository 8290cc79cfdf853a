// A run is a result with what its charts share: a label and a colour, its samples in the order of
// their time, when each was (at, in seconds), its phases, and what was lost when. The times of several
// count from the phase that can be compared, not from when they began to open streams.
function runsOf(results) {
  const runs = results.map((result, i) => ({ result, color: `c${i % 8}`, samples: [...result.samples].sort((a, b) => a.at - b.at) }));
  const shared = sharedPhase(runs), names = labels(results);
  runs.forEach((run, i) => {
    run.label = names[i];
    const first = run.samples.findIndex(s => s.phase === shared), origin = first < 0 ? 0 : begin(run, first);
    run.at = run.samples.map(s => s.at - origin);
    run.phases = runs.length > 1 && !shared ? [] : phasesOf(run, origin); // else each has its own, at other times
    run.marks = marksOf(run);
  });
  return runs;
}

// sharedPhase is the phase in which several results are compared, if they have one.
const sharedPhase = runs => runs.length === 1 ? undefined : ["publish", "back", "deploy", "hold"].find(phase => runs.every(run => run.samples.some(s => s.phase === phase)));

// begin is when the interval of a sample began, and took how long that was.
const begin = (run, i) => i === 0 ? Math.min(0, run.samples[0].at) : run.samples[i - 1].at;
const took = (run, i) => run.samples[i].at - begin(run, i);

// phasesOf joins the samples of each phase.
function phasesOf(run, origin) {
  const all = [];
  run.samples.forEach((s, i) => {
    if (all.at(-1)?.name !== s.phase) all.push({ name: s.phase, from: begin(run, i) - origin });
    all.at(-1).to = s.at - origin;
  });
  return all;
}

// perSecond makes a column of an amount in each sample, per second. A short interval, as at the
// start or end of a phase, is joined with the one before, so that a burst in a few milliseconds
// does not look like a rate.
function perSecond(run, amount) {
  const usual = run.samples.map((s, i) => took(run, i)).sort((a, b) => a - b)[run.samples.length >> 1];
  return run.samples.map((s, i) => {
    let n = amount(i), time = took(run, i);
    if (n === null) return null;
    if (i > 0 && time < usual / 2) [n, time] = [n + amount(i - 1), time + took(run, i - 1)];
    return time > 0 ? n / time : null;
  });
}

// The kinds of loss and disorder that are marked with a line in all charts over time.
const markNames = { missing: "missing", duplicated: "duplicated", out_of_order: "out of order", ended: "streams ended" };

// marksOf are the kinds that a run has seen, and when. Holes that closed are no loss.
function marksOf(run) {
  return Object.keys(markNames).map(kind => {
    const seen = run.samples.map((s, i) => ({ at: run.at[i], n: s[kind] })).filter(s => s.n > 0);
    return { kind, at: seen.map(s => s.at), sum: seen.reduce((sum, s) => sum + s.n, 0) };
  }).filter(mark => mark.at.length);
}

const markText = ({ at, sum }) => count(sum) + (at.length === 1 ? ` at ${seconds(at[0])}` : `, ${at.length} times from ${seconds(at[0])} to ${seconds(at.at(-1))}`);

// labels are short names for results: what was measured and, where that is not enough, the
// command, then the flags that differ, then a number.
function labels(results) {
  const differ = differingFlags(results);
  const names = results.map(r => r.name || r.command || "result");
  const distinguish = by => {
    const before = [...names], more = results.map(by);
    before.forEach((name, i) => {
      if (before.some((other, j) => other === name && more[j] !== more[i])) names[i] = `${name} ${more[i]}`.trim();
    });
  };
  distinguish(r => r.command);
  distinguish(r => differ.filter(flag => flag in r.scenario).slice(0, 3).map(flag => `-${flag} ${r.scenario[flag]}`).join(" "));
  distinguish((r, i) => `(${i + 1})`);
  return names;
}

// differingFlags are the names of flags whose values differ between results of the same command.
function differingFlags(results) {
  const flags = [...new Set(results.flatMap(r => Object.keys(r.scenario)))].sort();
  return flags.filter(flag => results.some(a => results.some(b => a.command === b.command && a.scenario[flag] !== b.scenario[flag])));
}
