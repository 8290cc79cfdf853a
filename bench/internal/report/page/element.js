// element makes an element: "tag.class.class", then attributes as an object, and its content.
// Text is always text. Lists are flattened; null, undefined and empty texts are left out.
function element(name, ...parts) {
  const [tag, ...classes] = name.split(".");
  const e = document.createElement(tag);
  e.classList.add(...classes);
  for (const part of parts.flat(Infinity)) {
    if (part?.constructor === Object) for (const [key, value] of Object.entries(part)) e.setAttribute(key, value);
    else if (part != null && part !== "") e.append(part);
  }
  return e;
}

// scroll is a table in a box that scrolls, also by keyboard, where there is no room for it.
function scroll(kind, title, ...rows) {
  return element(`div.scroll.${kind}`, { role: "region", "aria-label": title, tabindex: 0 }, element("table", rows));
}

// section is left out if there is nothing in it.
function section(title, ...parts) {
  return parts.flat().some(part => part instanceof Element && !part.matches(".hint")) ? element("section", element("h2", title), parts) : null;
}

const hint = text => text ? element("p.hint", text) : null;
// labelled is a run's label with its colour. It may be broken where a URL may.
const labelled = run => [element("i.swatch", { style: `background: var(--${run.color})` }), run.label.split(/(?<=[/?&=])/).flatMap((part, i) => i ? [element("wbr"), part] : part)];
const badges = r => ["suspect", "partial"].filter(kind => r[kind]).map(kind => [" ", element(`strong.badge.${kind}`, kind)]);
