// The fields of a key, for making and for editing one.

import { ask } from "./api.js";
import { field, group, newId, text } from "./dialog.js";
import { button, h } from "./dom.js";
import { holds, records } from "./records.js";
import { DAY, date, now } from "./time.js";

const GOOD = ["Inventory Integration", "CRM Connector – Salesforce", "VaM Plugin"];
const POOR = /^(my|new|the|a)?[\s_-]*(api)?[\s_-]*(key|test|token|default|tmp|temp|foo|bar|untitled|abc|x+)?[\s_-]*#?\d*$/i;

/** A name, with what makes a good one. */
export function nameField(value = "") {
  const input = text({ value, required: true });
  const advice = h("span", { class: "advice", "aria-live": "polite" });
  const hint = h("span", null, "Say who uses it and for what: ", GOOD.map((name, at) => [at ? ", " : "", h("q", null, name)]), ". Not ", h("q", null, "Key 1"), " or ", h("q", null, "Test"), ". ", advice);
  input.addEventListener("input", () => {
    const name = input.value.trim();
    const twin = name && [...records.all()].some((record) => record.status !== "revoked" && record.name.toLowerCase() === name.toLowerCase() && record.name !== value);
    advice.textContent = twin ? "Another key has this name already." : name && POOR.test(name) ? `In a year nobody will know what “${name}” was for.` : "";
  });
  return field("Name", input, { name: "name", hint });
}

/** Scopes as checkboxes, with what each allows. Returns {element, name, error, …, value()}. */
export async function scopesField(me, held = []) {
  const { items } = await ask("GET", "/scopes");
  const boxes = new Map();
  const box = ({ scope, description }) => {
    const mayGive = holds(me.key.scopes, scope) || me.key.scopes.includes("keyhatch:admin");
    const input = h("input", { type: "checkbox", value: scope, checked: held.includes(scope), disabled: !mayGive && !held.includes(scope), id: newId("scope") });
    boxes.set(scope, input);
    return h("label", { class: `tick ${mayGive ? "" : "out"}`, for: input.id }, input, h("span", null, h("code", null, scope), h("span", { class: "hint" }, mayGive ? description : `${description}. Your key does not hold it, so it cannot give it.`)));
  };
  const own = items.filter((each) => !each.reserved);
  const reserved = items.filter((each) => each.reserved);
  const known = new Set(items.map((each) => each.scope));
  const wild = held.filter((scope) => !known.has(scope));
  const tick = (wanted) => {
    for (const { scope } of own) {
      const input = boxes.get(scope);
      if (!input.disabled) input.checked = wanted(scope);
    }
  };
  const presets = own.length > 0 && h(
    "div",
    { class: "presets" },
    button("Read-only", () => tick((scope) => scope.endsWith(":read")), { kind: "small" }),
    own.some(({ scope }) => scope === "admin") && button("All but admin", () => tick((scope) => scope !== "admin" && !scope.endsWith(":manage")), { kind: "small" }),
    button("Everything", () => tick(() => true), { kind: "small" }),
    button("None", () => tick(() => false), { kind: "small" }),
  );
  const reservedTicks = reserved.map(box);
  const hint = own.length
    ? "What the key may do: tick what this program needs, and no more. With none it can call only what asks for no scope."
    : "The routes of this gateway ask for no scopes: any key that works may call them.";
  const result = group("Scopes", [
    presets,
    h("div", { class: "ticks" }, own.map(box), wild.map((scope) => box({ scope, description: "Held already" }))),
    h("details", { class: "reserved-scopes", open: reserved.some(({ scope }) => held.includes(scope)) }, h("summary", null, "For managing keys"), h("p", { class: "hint" }, "Not for callers: whoever holds such a key can look at, make or end keys."), reservedTicks),
  ], { hint, name: "scopes" });
  return { ...result, value: () => [...boxes].filter(([, input]) => input.checked).map(([scope]) => scope) };
}

/** When it ends: `value()` is what the API takes, undefined for "as it is". */
export function expiryField(me, current) {
  const standard = me.default_expiry_s;
  const spans = [["30d", "30 days", 30], ["90d", "90 days", 90], ["365d", "1 year", 365]];
  const name = newId("expiry");
  const isNew = current === undefined;
  const chosen = !isNew ? "keep" : standard === null ? "never" : (spans.find(([, , days]) => days * DAY === standard * 1000)?.[0] ?? "standard");
  const until = (at) => date(at);
  const day = h("input", { type: "date", "aria-label": "Last day", min: new Date(now()).toISOString().slice(0, 10) });
  const choices = [
    !isNew && ["keep", `As it is: ${current ? until(Date.parse(current)) : "never"}`, null],
    isNew && chosen === "standard" && ["standard", "Default", now() + standard * 1000],
    ...spans.map(([value, words, days]) => [value, words, now() + days * DAY]),
    ["custom", "Custom", null],
    ["never", "Never", null],
  ].filter(Boolean);
  const told = h("p", { class: "hint", "aria-live": "polite" });
  const radios = choices.map(([value, words]) => {
    const input = h("input", { type: "radio", name, value, checked: value === chosen, id: newId("radio") });
    return h("label", { class: "pill", for: input.id }, input, h("span", null, words));
  });
  const picked = () => element.querySelector("input[type=radio]:checked").value;
  const say = () => {
    const value = picked();
    day.hidden = value !== "custom";
    const at = value === "custom" ? (day.value ? Date.parse(`${day.value}T23:59:59Z`) : null) : choices.find(([each]) => each === value)[2];
    told.textContent = value === "never" ? "It works until somebody revokes it. A date is safer: you can give a new secret without changing anything else." : at ? `Works until ${until(at)}.` : value === "custom" ? "Choose its last day (UTC)." : "";
  };
  const result = group("Expires", [h("div", { class: "pills" }, radios), day, told], { name: "expires expires_at" });
  const element = result.element;
  element.addEventListener("change", say);
  say();
  return {
    ...result,
    value: () => {
      const value = picked();
      if (value === "keep" || value === "standard") return undefined;
      if (value !== "custom") return value;
      if (!day.value) throw Object.assign(new Error(), { errors: [{ field: "expires", message: "choose its last day" }] });
      return day.value;
    },
  };
}

/** Owner, note and addresses. */
export function moreFields(me, record) {
  const owner = field("Owner", text({ value: record?.owner ?? me.only_owner ?? "", disabled: me.only_owner !== null }), { name: "owner", optional: true, hint: "Whose key it is: a person or a team." });
  const note = field("Note", h("textarea", { rows: "2", value: record?.note ?? "" }), { name: "note", optional: true, hint: "Whatever helps to know it again." });
  const networks = field("Addresses", text({ value: record?.allow_from.join(", ") ?? "", class: "mono" }), { name: "allow_from", optional: true, hint: "Works only from here, such as 192.168.1.0/24 or 10.0.0.7. Empty: from anywhere." });
  const inPath = h("input", { type: "checkbox", checked: record?.in_path ?? false, id: newId("in-path") });
  const tick = h("label", { class: "tick", for: inPath.id }, inPath, h("span", null, "May stand in an address: ", h("code", null, "/k/KEY/…"), h("span", { class: "hint" }, "For programs that know an address and nothing else. Addresses are kept in histories, bookmarks and logs of other programs: whoever sees one has the key.")));
  const address = group("In an address", [tick], { name: "in_path" });
  return { owner, note, networks, address, inPath, list: () => networks.input.value.split(/[\s,]+/).filter(Boolean) };
}

/** What the fields say, as the API takes it; `expires` only where it changes something. */
export function termsOf(name, scopes, expires, more) {
  const until = expires.value();
  return {
    name: name.input.value.trim(),
    scopes: scopes.value(),
    owner: more.owner.input.value.trim(),
    note: more.note.input.value.trim(),
    allow_from: more.list(),
    in_path: more.inPath.checked,
    ...(until === undefined ? {} : { expires: until }),
  };
}
