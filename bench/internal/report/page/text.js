// Numbers and times as text. What was not measured is null, and written as a dash.

const decimals = [0, 1, 2, 3].map(n => new Intl.NumberFormat("en", { minimumFractionDigits: n, maximumFractionDigits: n }));

// number has three significant digits, or all digits before the point if there are more, and
// at most three after it: 0.012, 1.23, 12.3, 1,234.
function number(v) {
  const size = Math.abs(v);
  return decimals[Number.isInteger(v) || size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3].format(v);
}

const count = v => decimals[0].format(v);
const plural = (n, thing) => n === 1 ? `1 ${thing}` : `${count(n)} ${thing}s`;
const share = v => number(100 * v) + " %";

// size writes bytes: exactly up to the sizes that streams have.
function size(v) {
  if (Math.abs(v) < 10_000) return count(v) + " B";
  const i = Math.min(4, Math.floor(Math.log2(Math.abs(v)) / 10));
  return `${number(v / 1024 ** i)} ${["B", "KiB", "MiB", "GiB", "TiB"][i]}`;
}

// seconds writes a duration: in seconds below two minutes, else in minutes and hours.
const two = n => String(n).padStart(2, "0");
function seconds(v) {
  if (Math.abs(v) < 120) return number(v) + " s";
  const s = Math.round(v);
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${two(Math.floor(s % 3600 / 60))} min`;
}

// written is a figure in its unit.
function written(v, unit) {
  switch (v == null ? "none" : unit) {
    case "none": return "–";
    case "": return Number.isInteger(v) ? count(v) : number(v);
    case "%": return share(v);
    case "yes/no": return v ? "yes" : "no";
    case "s": return seconds(v);
    case "B": return size(v);
    default: return `${number(v)} ${unit}`;
  }
}

// ratio says how many times the first value v is; nothing if that is once.
function ratio(v, first) {
  const times = v / first;
  if (first === 0 || times < 0 || Math.abs(times - 1) < 0.005) return "";
  return "×" + (times >= 99.5 ? count(times) : times >= 9.95 ? times.toFixed(1) : times >= 0.0995 ? times.toFixed(2) : String(+times.toPrecision(2)));
}

// date is a time as results have it, to the second, in its own zone.
function date(time) {
  const zone = time.match(/(Z|[+-]\d\d:\d\d)$/)?.[0] ?? "";
  return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC${zone === "Z" ? "" : zone}`;
}
