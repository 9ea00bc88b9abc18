// One key: what it may, what it did, and what was done with it.

import { ask, askAll } from "./api.js";
import { freshSecret, possible } from "./acts.js";
import { entryRows } from "./audit.js";
import { daysChart, tallies } from "./chart.js";
import { wayBack } from "./dialog.js";
import { button, h, icon, replace } from "./dom.js";
import { left } from "./keys.js";
import { bytes, counted, expiry, facts, lastUse, pageHead, preview, reason, scopes, status } from "./parts.js";
import { hasOldSecret, isId, isUnused, records, works } from "./records.js";
import { exact, moment, relative } from "./time.js";

export function keyView(place, me, _words, id) {
  const head = h("div");
  const about = h("section", { class: "card", "aria-label": "The key" });
  const used = h("section", { class: "card", "aria-label": "Use" });
  const done = h("section", { class: "card", "aria-label": "Audit" });
  const allKeys = h("a", { class: "back", href: left.address }, icon("back"), "All keys");
  replace(place, allKeys, head, about, used, done);
  let told = "";
  const draw = () => {
    const record = records.get(id);
    if (!record || told === JSON.stringify(record)) return;
    const isNew = told && JSON.parse(told).use_count !== record.use_count;
    told = JSON.stringify(record);
    document.title = `${record.name} · Keyhatch`;
    const back = head.contains(document.activeElement) || about.contains(document.activeElement) ? wayBack(document.activeElement) : () => {};
    drawHead(head, about, record, me);
    back();
    if (isNew) drawUse(used, id).catch(() => {});
  };
  const begin = async () => {
    try {
      if (!isId(id)) throw new Error("The address of this page holds no id of a key.");
      records.put(await ask("GET", `/keys/${id}`));
      draw();
      await drawUse(used, id);
      await drawAudit(done, id);
    } catch (problem) {
      replace(place, allKeys, pageHead("No such key"), h("p", null, problem.message));
    }
  };
  const stop = records.listen(() => {
    if (told && !records.get(id)) begin();
    else draw();
  });
  begin();
  return stop;
}

function drawHead(head, about, record, me) {
  const acts = possible(record, me).filter(([label]) => label !== "Show a fresh secret");
  replace(head, pageHead(record.name, acts.map(([label, act, kind = ""]) => button(label, act, { kind }))));
  replace(
    about,
    isUnused(record) && me.may.includes("write") && h("div", { class: "note" }, h("p", null, "This key was never used. If its secret got lost, take another; nothing else changes."), button("Show a fresh secret", () => freshSecret(record, me), { kind: "primary" })),
    works(record) && hasOldSecret(record) && h("p", { class: "note warn" }, icon("warn"), previousWords(record)),
    facts([
      ["Status", status(record)],
      ["Key", preview(record)],
      ["Scopes", scopes(record)],
      ["Owner", record.owner || h("span", { class: "quiet" }, "nobody")],
      record.note && ["Note", h("span", { class: "typed" }, record.note)],
      ["Works from", record.allow_from.length ? h("code", null, record.allow_from.join(", ")) : "anywhere"],
      record.in_path && ["In an address", "may stand there: whoever sees the address has the key"],
      ["Expires", record.expires_at ? [moment(record.expires_at, { as: exact }), " (", moment(record.expires_at), ")"] : expiry(record)],
      ["Last used", lastUse(record)],
      ["Used", counted(record.use_count, "time")],
      ["Created", [moment(record.created_at, { as: exact }), " by ", maker(record)]],
      record.rotated_at && ["Rotated", moment(record.rotated_at)],
      record.disabled_at && ["Disabled", moment(record.disabled_at)],
      record.revoked_at && ["Revoked", moment(record.revoked_at)],
      ["ID", h("code", null, record.id)],
    ]),
  );
}

function maker(record) {
  const by = records.get(record.created_by);
  return by ? h("a", { href: `#/keys/${by.id}` }, by.name) : record.created_by || "the host";
}

function previousWords(record) {
  const until = Date.parse(record.previous_secret_valid_until);
  const end = record.previous_until_first_use ? "as soon as the new one is used" : relative(until);
  const used = record.previous_secret_last_used_at;
  const isNewInUse = record.last_used_at && Date.parse(record.last_used_at) > Date.parse(record.rotated_at);
  const seen = used
    ? `It was last used ${relative(Date.parse(used))} from ${record.previous_secret_last_used_from}. Give the new one to that program before you end it.`
    : isNewInUse
      ? "The new one is in use and the old one was not used since: it is safe to end it."
      : "Nobody has called since, with either: give the new one to the program before you end the old one.";
  return h("span", null, `The old secret still works and ends ${end}. ${seen}`);
}

async function drawUse(place, id) {
  const days = [];
  await askAll("/usage", { key_id: id }, (items) => days.push(...items), { background: true });
  const refusals = {};
  const places = new Map();
  let received = 0;
  let sent = 0;
  for (const day of days) {
    for (const [code, figure] of Object.entries(day.refusals)) refusals[code] = (refusals[code] ?? 0) + figure;
    if (day.last_address && (places.get(day.last_address) ?? "") < day.day) places.set(day.last_address, day.day);
    received += day.bytes_in;
    sent += day.bytes_out;
  }
  replace(
    place,
    h("h2", null, "The last 30 days"),
    daysChart(days),
    h(
      "div",
      { class: "columns" },
      h("div", null, h("h3", null, "Refused, by reason"), Object.keys(refusals).length ? tallies(refusals, reason) : h("p", { class: "quiet" }, "Nothing was refused.")),
      h("div", null, h("h3", null, "Last addresses"), places.size ? h("ul", { class: "plain-list" }, [...places].map(([address, day]) => h("li", null, h("code", null, address), h("span", { class: "quiet" }, ` on ${day}`)))) : h("p", { class: "quiet" }, "It was not called.")),
      h("div", null, h("h3", null, "Bodies"), h("p", null, `${bytes(received)} received, ${bytes(sent)} sent`)),
    ),
  );
}

async function drawAudit(place, id) {
  const { items } = await ask("GET", `/audit?key_id=${id}&order=desc&limit=50`, undefined, { background: true });
  replace(place, h("h2", null, "What was done with it"), items.length ? h("div", { class: "scroller" }, entryRows(items, { withKey: false })) : h("p", { class: "quiet" }, "Nothing is recorded."));
}
