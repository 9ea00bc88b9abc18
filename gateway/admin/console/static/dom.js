// Making elements. Whatever people or callers typed comes in as text and stays text: nothing here, and
// nothing anywhere in the console, turns a string into markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An element with attributes (`onclick` listens) and children; strings become text. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for a drawing. */
export function s(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

const ICONS = {
  active: "M20 6 9 17l-5-5",
  expiring: "M12 7v5l3 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0",
  expired: "M6 3h12M6 21h12M7 3c0 5 10 5 10 9S7 16 7 21M17 3c0 5-10 5-10 9s10 4 10 9",
  disabled: "M9 6v12M15 6v12",
  revoked: "M5.6 5.6l12.8 12.8M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  plus: "M12 5v14M5 12h14",
  keys: "M15.5 8.5a4 4 0 1 1-5.7 5.7M10 14l-6 6v-3M21 3l-7.5 7.5M18 6l2 2",
  overview: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  tryit: "M5 4l14 8-14 8z",
  audit: "M6 3h9l4 4v14H6zM9 12h7M9 16h7M9 8h3",
  credentials: "M6 11V8a6 6 0 0 1 12 0v3M5 11h14v10H5zM12 15v2",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  warn: "M12 9v4M12 17h.01M10.3 3.9 2.4 18a2 2 0 0 0 1.7 3h15.8a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  theme: "M12 3a9 9 0 1 0 9 9c-5 2-11-4-9-9",
  more: "M5 12h.01M12 12h.01M19 12h.01",
};

/** A small drawing beside a word; never the only way to tell something. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
}

export function button(label, onclick, { kind = "", glyph, ...more } = {}) {
  return h("button", { type: "button", class: `button ${kind}`, onclick, ...more }, glyph && icon(glyph), label);
}

export const replace = (place, ...children) => place.replaceChildren(...children.flat(Infinity).filter(Boolean));

/** A word that only a screen reader says. */
export const unseen = (text) => h("span", { class: "unseen" }, text);

const toasts = () => document.getElementById("toasts");

/** A short word about what just happened; it goes by itself. */
export function toast(text) {
  const note = h("p", { class: "toast" }, text);
  toasts().append(note);
  setTimeout(() => note.remove(), 6000);
}
