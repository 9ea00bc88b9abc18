// How the gateway fares at a glance; asked anew every few seconds while it is looked at.

import { ask, askAll } from "./api.js";
import { daysChart, sum, tallies } from "./chart.js";
import { h, icon, replace } from "./dom.js";
import { count, counted, lastUse, pageHead, reason } from "./parts.js";
import { STATUS, records } from "./records.js";
import { moment } from "./time.js";

const LOOK_MS = 3000;

export function overviewView(place) {
  const figures = h("div", { class: "figures" });
  const upstreams = h("section", { class: "card", "aria-label": "Upstreams" });
  const soon = h("section", { class: "card", "aria-label": "Keys that expire soon" });
  const chart = h("section", { class: "card", "aria-label": "Requests by day" });
  const refused = h("section", { class: "card", "aria-label": "Refusals" });
  replace(place, pageHead("Overview"), figures, h("div", { class: "halves" }, upstreams, soon), chart, refused);
  let isOver = false;
  let drawn = "";
  const look = async (background) => {
    if (isOver) return;
    if (!background || !document.hidden) {
      try {
        const told = await ask("GET", "/overview", undefined, { background });
        if (isOver) return;
        drawFigures(figures, told);
        const words = JSON.stringify([told.upstreams.map(({ name, state, problem }) => [name, state, problem]), told.refusals]);
        if (words !== drawn) {
          drawn = words;
          drawUpstreams(upstreams, told.upstreams);
          replace(refused, h("h2", null, "Refused since the start, by reason"), Object.keys(told.refusals).length ? tallies(told.refusals, reason) : h("p", { class: "quiet" }, "Nothing was refused."));
        }
      } catch (problem) {
        if (!background) replace(figures, h("p", { class: "error", role: "alert" }, problem.message));
      }
    }
    setTimeout(() => look(true), LOOK_MS);
  };
  const days = [];
  askAll("/usage", { per: "total" }, (items) => days.push(...items), { background: true }).then(
    () => replace(chart, h("h2", null, "The last 30 days, with a key"), daysChart(days)),
    () => chart.remove(),
  );
  const stop = records.listen(() => drawSoon(soon));
  drawSoon(soon);
  look(false);
  return () => { isOver = true; stop(); };
}

function drawFigures(place, told) {
  const living = (told.keys.active ?? 0) + (told.keys.expiring ?? 0);
  const figure = (value, words, more, href) => h(href ? "a" : "div", { class: "figure", href }, h("b", null, count(value)), h("span", null, words), more && h("small", null, more));
  replace(
    place,
    figure(told.requests, told.requests === 1 ? "request" : "requests", ["since ", moment(told.started_at)]),
    figure(sum(told.refusals), "refused"),
    figure(told.streams_open, told.streams_open === 1 ? "stream open now" : "streams open now", counted(told.connections_open, "connection")),
    figure(living, living === 1 ? "key that works" : "keys that work", Object.entries(told.keys).filter(([name, value]) => value && !["active", "expiring"].includes(name)).map(([name, value]) => `${count(value)} ${STATUS[name].toLowerCase()}`).join(", "), "#/keys"),
  );
}

function drawUpstreams(place, list) {
  replace(
    place,
    h("h2", null, "Upstreams"),
    h("ul", { class: "plain-list" }, list.map(({ name, state, problem }) => h("li", { class: `upstream ${state}` }, icon(state === "up" ? "active" : "warn"), h("b", null, name), h("span", null, state === "up" ? "up" : `down: ${problem}`)))),
  );
}

function drawSoon(place) {
  const found = [...records.all()].filter((record) => record.status === "expiring").sort((a, b) => (a.expires_at < b.expires_at ? -1 : 1));
  replace(
    place,
    h("h2", null, "Expire soon"),
    found.length
      ? h("ul", { class: "plain-list" }, found.slice(0, 8).map((record) => h("li", null, h("a", { href: `#/keys/${record.id}` }, record.name), " ", moment(record.expires_at), h("span", { class: "quiet" }, record.last_used_at ? [" · last used ", lastUse(record)] : " · never used"))))
      : h("p", { class: "quiet" }, "No key expires within 14 days."),
    found.length > 8 && h("p", null, h("a", { href: "#/keys?status=expiring" }, `All ${found.length}`)),
  );
}
