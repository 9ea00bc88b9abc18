// What was done, by whom and when, newest first; and whether the record is whole.

import { ask } from "./api.js";
import { button, h, icon, replace } from "./dom.js";
import { field } from "./dialog.js";
import { pageHead } from "./parts.js";
import { isId, looksSecret, named, records } from "./records.js";
import { moment } from "./time.js";

const ACTS = ["create", "edit", "rotate", "undo_rotation", "finish_rotation", "first_use", "disable", "enable", "revoke", "delete", "import", "restore", "set_credential", "remove_credential", "rekey", "drain", "resume"];
const SILENT = new Set(["revision", "digest", "previous_digest", "id"]);

export function auditView(place, _me, words) {
  const chain = h("div", { class: "card chain" }, h("p", { class: "quiet", role: "status" }, "Verifying the record …"));
  const list = h("div", { class: "card scroller" });
  const more = button("Show older", () => load(), { hidden: true });
  const filters = { act: words.get("act") ?? "", actor: words.get("actor") ?? "", key_id: words.get("key_id") ?? "" };
  const act = h("select", null, h("option", { value: "" }, "Any act"), ACTS.map((name) => h("option", { value: name }, name.replace("_", " "))));
  const actor = h("input", { type: "search", value: filters.actor, placeholder: "host, or the name or id of a key", autocomplete: "off", list: "names" });
  const key = h("input", { type: "search", value: filters.key_id, placeholder: "Name or id of a key", autocomplete: "off", list: "names" });
  const names = h("datalist", { id: "names" });
  act.value = filters.act;
  let cursor = null;
  let body = null;

  async function load(isNew = false) {
    if (isNew) { cursor = null; body = null; }
    const asked = new URLSearchParams({ order: "desc", limit: "50" });
    for (const [name, value] of Object.entries(filters)) if (value) asked.set(name, value);
    if (cursor) asked.set("cursor", cursor);
    try {
      const told = await ask("GET", `/audit?${asked}`);
      cursor = told.next_cursor;
      const rows = entryRows(told.items);
      if (body) body.append(...rows.querySelector("tbody").children);
      else {
        body = rows.querySelector("tbody");
        replace(list, told.items.length ? rows : h("p", { class: "quiet pad" }, "Nothing like that is recorded."));
      }
      more.hidden = !cursor;
    } catch (problem) {
      const words = problem.errors.some(({ field: at }) => at === "key_id") ? "No key has this name or id." : problem.message;
      replace(list, h("p", { class: "error pad", role: "alert" }, words));
      more.hidden = true;
    }
  }

  const changed = async () => {
    if ([actor, key].some((each) => looksSecret(each.value))) {
      replace(list, h("p", { class: "error pad", role: "alert" }, "That may be a key itself, which belongs nowhere but into a program: say its name or id."));
      more.hidden = true;
      return;
    }
    Object.assign(filters, { act: act.value, actor: await idOf(actor.value), key_id: await idOf(key.value) });
    const kept = Object.entries(filters).filter(([, value]) => value);
    history.replaceState(null, "", `#/audit${kept.length ? `?${new URLSearchParams(kept)}` : ""}`);
    load(true);
  };
  for (const each of [act, actor, key]) each.addEventListener("change", changed);
  replace(names, [...records.all()].slice(0, 300).map((record) => h("option", { value: record.name })));
  replace(
    place,
    pageHead("Audit"),
    chain,
    h("div", { class: "filters labelled" }, field("Act", act).element, field("By", actor).element, field("Key", key).element, names),
    list,
    h("div", { class: "acts center" }, more),
  );
  load(true);
  verify(chain);
  return () => {};
}

/** A name becomes the id of the key that has it, the newest if several do; anything else stays. */
async function idOf(words) {
  const name = words.trim();
  if (!name || isId(name)) return name;
  return (await named(name))[0]?.id ?? name;
}

async function verify(place) {
  try {
    const state = await ask("GET", "/audit/chain");
    replace(
      place,
      state.whole
        ? h("p", { class: "good" }, icon("active"), h("span", null, h("b", null, "The record is whole. "), `Each of its ${state.entries} entries follows from the one before.`))
        : h("p", { class: "bad", role: "alert" }, icon("warn"), h("span", null, h("b", null, "The record was altered. "), state.problem)),
      h("p", { class: "quiet" }, "Last verified entry: ", h("code", { class: "hash" }, `${state.entries} ${state.hash}`), ". Note it elsewhere: an end that was cut off cannot be seen from within."),
    );
  } catch (problem) {
    replace(place, h("p", { class: "error", role: "alert" }, problem.message));
  }
}

/** Entries as a table. */
export function entryRows(items, { withKey = true } = {}) {
  const heads = ["When", "Act", ...(withKey ? ["Key"] : []), "By", "What changed"];
  return h(
    "table",
    { class: "plain entries" },
    h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", null, items.map((entry) =>
      h(
        "tr",
        null,
        h("td", null, moment(entry.at)),
        h("td", null, h("code", null, entry.act.replace("_", " "))),
        withKey && h("td", null, keyOf(entry.key_id, entry)),
        h("td", null, keyOf(entry.actor, null)),
        h("td", null, changes(entry)),
      ),
    )),
  );
}

function keyOf(id, entry) {
  const record = records.get(id);
  if (record) return h("a", { href: `#/keys/${id}` }, record.name);
  const name = entry?.after?.name ?? entry?.after?.credential ?? entry?.before?.name ?? entry?.before?.credential;
  if (id === "host") return h("span", { title: "With the command line, on the gateway's own computer" }, "host (command line)");
  const target = entry?.after?.target;
  if (target) return h("span", { title: "a target of an upstream" }, `${entry.after.upstream}/${target}`);
  return name ? h("span", { title: id ?? "a credential of upstreams" }, name) : (id ?? "–");
}

function changes({ before, after }) {
  if (!before) return after ? h("span", { class: "quiet" }, "made") : null;
  if (!after) return h("span", { class: "quiet" }, "record removed");
  const names = Object.keys(after).filter((name) => !SILENT.has(name) && JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return h("ul", { class: "changes" }, names.map((name) => h("li", null, h("span", { class: "quiet" }, `${name.replaceAll("_", " ")}: `), said(name, before[name]), " → ", said(name, after[name]))));
}

function said(name, value) {
  if (value === null || value === undefined || value === "") return "none";
  if (/_(at|until)$/.test(name) && typeof value === "number") {
    return value > 250_000_000_000 ? "no end" : moment(new Date(value * 1000).toISOString());
  }
  if (Array.isArray(value)) return value.join(", ") || "none";
  return String(value);
}
