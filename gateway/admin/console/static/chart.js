// Bars by day, drawn here. Each bar tells its figures when pointed at, and all of them stand in a table too.

import { h, s } from "./dom.js";
import { count, counted } from "./parts.js";
import { DAY, now } from "./time.js";

const WIDTH = 720;
const HEIGHT = 180;
const FOOT = 22;
const LEFT = 44;

/** `days`: as `GET /usage` tells them, in any order; days without figures are drawn empty. */
export function daysChart(days, { span = 30, title = "Requests by day" } = {}) {
  const known = new Map(days.map(({ day, requests, refusals }) => [day, { day, requests, refused: sum(refusals) }]));
  const rows = Array.from({ length: span }, (_, back) => {
    const day = new Date(now() - (span - 1 - back) * DAY).toISOString().slice(0, 10);
    return known.get(day) ?? { day, requests: 0, refused: 0 };
  });
  const total = rows.reduce((all, each) => all + each.requests, 0);
  const refused = rows.reduce((all, each) => all + each.refused, 0);
  const top = roundUp(Math.max(1, ...rows.map((each) => each.requests + each.refused)));
  const step = (WIDTH - LEFT) / span;
  const scale = (HEIGHT - FOOT - 8) / top;
  const ground = HEIGHT - FOOT;
  const lines = [0, 0.5, 1].map((part) => {
    const y = ground - part * top * scale;
    return [s("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: "grid" }), s("text", { x: LEFT - 8, y: y + 4, class: "axis right" }, short(part * top))];
  });
  const bars = rows.map((each, at) => {
    const x = LEFT + at * step + 1.5;
    const good = each.requests * scale;
    const bad = each.refused * scale;
    const words = `${dayWords(each.day)}: ${counted(each.requests, "request")}, ${count(each.refused)} refused`;
    return s(
      "g",
      { class: "bar" },
      s("title", null, words),
      s("rect", { x: x - 1.5, y: 0, width: step, height: ground, class: "catch" }),
      s("rect", { x, y: ground - good, width: step - 3, height: good, class: "good", rx: 2 }),
      s("rect", { x, y: ground - good - bad, width: step - 3, height: bad, class: "bad", rx: 2 }),
    );
  });
  const marks = rows.map((each, at) => (at % Math.ceil(span / 6) === 0 ? s("text", { x: LEFT + at * step + 2, y: HEIGHT - 5, class: "axis" }, dayWords(each.day)) : null));
  const summary = `${title}: ${counted(total, "request")} and ${counted(refused, "refusal")} in ${span} days.`;
  return h(
    "figure",
    { class: "chart" },
    s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary }, lines, bars, marks),
    h("figcaption", null, h("span", { class: "key good" }, counted(total, "request")), h("span", { class: "key bad" }, `${count(refused)} refused`), h("span", { class: "quiet" }, "days in UTC")),
    h(
      "details",
      null,
      h("summary", null, "As a table"),
      h(
        "table",
        { class: "plain" },
        h("thead", null, h("tr", null, ["Day", "Requests", "Refused"].map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", null, rows.filter((each) => each.requests || each.refused).reverse().map((each) => h("tr", null, h("td", null, each.day), h("td", null, count(each.requests)), h("td", null, count(each.refused))))),
      ),
    ),
  );
}

const dayWords = (day) => new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" }).format(Date.parse(day));
const short = (value) => new Intl.NumberFormat(undefined, { notation: "compact" }).format(value);

function roundUp(value) {
  if (value <= 2) return 2;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].find((part) => part * size >= value) * size;
}

/** How many were refused, whatever the reason. */
export const sum = (refusals) => Object.values(refusals).reduce((all, each) => all + each, 0);

/** A reason and its figure, the largest first, with a bar. */
export function tallies(counts, name) {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const top = rows[0]?.[1] ?? 1;
  return h(
    "ul",
    { class: "tallies" },
    rows.map(([code, figure]) => h("li", null, h("span", null, name(code)), h("meter", { min: 0, max: top, value: figure, "aria-hidden": "true" }), h("b", null, count(figure)))),
  );
}
