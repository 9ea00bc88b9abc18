// What can be done with keys: each act is a dialog that says what will happen, and one question to the API.

import { ask, askWhole } from "./api.js";
import { confirm, field, formIn, group, newId, openDialog, text } from "./dialog.js";
import { button, h, icon, replace, toast, unseen } from "./dom.js";
import { showIssued } from "./issued.js";
import { holds, isUnused, records, works } from "./records.js";
import { exact, date, DAY, now, relative } from "./time.js";

const OVERLAPS = [["now", "At once"], ["1h", "1 hour"], ["24h", "1 day"], ["7d", "7 days"], ["30d", "30 days"], ["first", "As soon as the new one is used"]];

// --- Which acts there are

/** The acts on a record, in the order in which they are offered: [label, do, kind]. */
export function possible(record, me) {
  const hasPrevious = record.previous_secret_valid_until && Date.parse(record.previous_secret_valid_until) > now();
  const mayWrite = me.may.includes("write");
  return [
    mayWrite && isUnused(record) && ["Show a fresh secret", () => freshSecret(record, me)],
    mayWrite && works(record) && ["Rotate …", () => rotate(record, me)],
    mayWrite && hasPrevious && works(record) && ["End the old secret now …", () => finishRotation(record)],
    mayWrite && hasPrevious && works(record) && ["Undo the rotation …", () => undoRotation(record)],
    mayWrite && record.status !== "revoked" && ["Edit …", () => edit(record, me)],
    mayWrite && works(record) && ["Disable", () => disable(record)],
    mayWrite && record.status === "disabled" && ["Enable", () => enable(record)],
    mayWrite && record.status !== "revoked" && ["Revoke …", () => revoke(record), "danger"],
    me.may.includes("admin") && record.status === "revoked" && ["Delete the record …", () => remove(record), "danger"],
  ].filter(Boolean);
}

/** A button that opens them as a menu. */
export function actsOf(record, me) {
  if (!possible(record, me).length) return null;
  const opener = h("button", { type: "button", class: "more", "data-what": "more", "aria-haspopup": "menu" }, icon("more"), unseen(`Acts on ${record.name}`));
  opener.addEventListener("click", () => openMenu(opener, possible(records.get(record.id) ?? record, me)));
  return opener;
}

function openMenu(opener, acts) {
  const menu = h("div", { class: "menu", popover: "auto", role: "menu" });
  const items = acts.map(([label, act, kind = ""]) =>
    h("button", { type: "button", role: "menuitem", class: kind, onclick: () => { menu.hidePopover(); act(); } }, label),
  );
  menu.append(...items);
  document.body.append(menu);
  menu.showPopover();
  const at = opener.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = at.bottom + size.height + 8 < innerHeight;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - size.height - 4)}px`;
  menu.style.left = `${Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8))}px`;
  items[0].focus();
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Tab") { menu.hidePopover(); opener.focus(); return; }
    const at_ = items.indexOf(document.activeElement);
    const next = { ArrowDown: at_ + 1, ArrowUp: at_ - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    items.at(next % items.length).focus();
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    menu.remove();
    if (document.activeElement === document.body && opener.isConnected) opener.focus();
  });
}

// --- Create and edit

const GOOD = ["Inventory Integration", "CRM Connector – Salesforce", "VaM Plugin"];
const POOR = /^(my|new|the|a)?[\s_-]*(api)?[\s_-]*(key|test|token|default|tmp|temp|foo|bar|untitled|abc|x+)?[\s_-]*#?\d*$/i;

function nameField(value = "") {
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
async function scopesField(me, held = []) {
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
function expiryField(me, current) {
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

function moreFields(me, record) {
  const owner = field("Owner", text({ value: record?.owner ?? me.only_owner ?? "", disabled: me.only_owner !== null }), { name: "owner", optional: true, hint: "Whose key it is: a person or a team." });
  const note = field("Note", h("textarea", { rows: "2", value: record?.note ?? "" }), { name: "note", optional: true, hint: "Whatever helps to know it again." });
  const networks = field("Addresses", text({ value: record?.allow_from.join(", ") ?? "", class: "mono" }), { name: "allow_from", optional: true, hint: "Works only from here, such as 192.168.1.0/24 or 10.0.0.7. Empty: from anywhere." });
  return { owner, note, networks, list: () => networks.input.value.split(/[\s,]+/).filter(Boolean) };
}

export async function createKey(me) {
  const dialog = openDialog("Create key", { wide: true, isGuarded: true });
  replace(dialog.body, h("p", { class: "quiet" }, "Loading …"));
  const scopes = await scopesField(me);
  const name = nameField();
  const expires = expiryField(me);
  const more = moreFields(me);
  const rest = h("details", { class: "rest" }, h("summary", null, "Owner, note, addresses"), more.owner.element, more.note.element, more.networks.element);
  if (me.only_owner === null) rest.open = false;
  const once = crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
  formIn(dialog, [name, scopes, expires, { element: rest }, bare(more.owner), bare(more.note), bare(more.networks)], "Create key", async () => {
    const body = { name: name.input.value.trim(), scopes: scopes.value(), owner: more.owner.input.value.trim(), note: more.note.input.value.trim(), allow_from: more.list() };
    const wanted = expires.value();
    if (wanted !== undefined) body.expires = wanted;
    try {
      return await ask("POST", "/keys", body, { once });
    } catch (problem) {
      if (problem.errors.some(({ field: at }) => ["owner", "note", "allow_from"].includes(at.split(".")[0]))) rest.open = true;
      throw problem;
    }
  });
  name.input.focus();
  const record = await dialog.closed;
  if (!record) return;
  records.put(record);
  if (record.key) await showIssued(record, me, { isNew: true });
  else toast(`“${record.name}” was made, but its answer was lost. Show a fresh secret: nobody has used it yet.`);
}

/** A field whose element stands elsewhere in the form already, so that its errors are told there. */
const bare = (each) => ({ ...each, element: document.createComment("") });

async function edit(stale, me) {
  const dialog = openDialog("Edit key", { wide: true, isGuarded: true });
  replace(dialog.body, h("p", { class: "quiet" }, "Loading …"));
  let whole;
  let scopes;
  try {
    whole = await askWhole("GET", `/keys/${stale.id}`);
    scopes = await scopesField(me, whole.told.scopes);
  } catch (problem) {
    replace(dialog.body, h("p", { class: "error", role: "alert" }, problem.message));
    return;
  }
  const record = whole.told;
  const name = nameField(record.name);
  const expires = expiryField(me, record.expires_at);
  const more = moreFields(me, record);
  formIn(dialog, [name, scopes, expires, more.owner, more.note, more.networks], "Save", () => {
    const now_ = { name: name.input.value.trim(), scopes: scopes.value(), owner: more.owner.input.value.trim(), note: more.note.input.value.trim(), allow_from: more.list() };
    const changed = Object.fromEntries(Object.entries(now_).filter(([field_, value]) => JSON.stringify(value) !== JSON.stringify(field_ === "scopes" ? record.scopes.filter((each) => value.includes(each)).concat(value.filter((each) => !record.scopes.includes(each))) : record[field_]) || (field_ === "scopes" && value.length !== record.scopes.length)));
    const wanted = expires.value();
    if (wanted !== undefined) changed.expires = wanted;
    if (!Object.keys(changed).length) return record;
    return ask("PATCH", `/keys/${record.id}`, changed, { etag: whole.etag });
  });
  name.input.focus();
  const saved = await dialog.closed;
  if (saved) { records.put(saved); toast(`“${saved.name}” is saved.`); }
}

// --- Secrets

/** Nobody has the secret of a key that was never used: give it another, on the same record. */
export async function freshSecret(stale, me) {
  const record = await current(stale);
  if (!record) return;
  if (!isUnused(record)) {
    toast(`“${record.name}” ${record.use_count ? "was used meanwhile: whoever holds its secret keeps it. Rotate it to give it another" : "does not work"}. Nothing was changed.`);
    return;
  }
  await attempt(async () => {
    const issued = await ask("POST", `/keys/${record.id}/rotate`, { overlap: "now", end_previous: true });
    records.put(issued);
    await showIssued(issued, me, { isNew: true });
  });
}

async function rotate(record, me) {
  const dialog = openDialog("Rotate key");
  const select = h("select", null, OVERLAPS.map(([value, words]) => h("option", { value }, words)));
  select.value = "24h";
  const hasPrevious = record.previous_secret_valid_until && Date.parse(record.previous_secret_valid_until) > now();
  const choice = field("The old secret ends", select, { name: "overlap until_first_use", hint: "Until then both work, so that nothing stops while you change it over. It never outlives the key itself." });
  formIn(dialog, [
    h("p", null, "“", h("b", null, record.name), "” gets a new secret. Its name, scopes and history stay."),
    h("p", { class: "quiet" }, record.last_used_at ? `Last used ${relative(Date.parse(record.last_used_at))} from ${record.last_used_from}.` : "It was never used."),
    hasPrevious && h("p", { class: "note warn" }, icon("warn"), "An earlier rotation still runs: the secret before it ends now."),
    choice,
  ].filter(Boolean), "Rotate", () => ask("POST", `/keys/${record.id}/rotate`, { ...(select.value === "first" ? { until_first_use: true } : { overlap: select.value }), ...(hasPrevious ? { end_previous: true } : {}) }));
  const issued = await dialog.closed;
  if (!issued) return;
  records.put(issued);
  await showIssued(issued, me, { isNew: false });
}

async function finishRotation(record) {
  const used = record.previous_secret_last_used_at;
  const words = used
    ? `The old secret was last used ${relative(Date.parse(used))} from ${record.previous_secret_last_used_from}. Who still uses it is refused from now on.`
    : "The old secret was not used since the rotation. A program that calls seldom may hold it still, and is refused from now on.";
  if (await confirm("End the old secret", words, "End it now", { kind: "danger" })) await act(record, "finish-rotation", "The old secret has ended.");
}

async function undoRotation(record) {
  if (await confirm("Undo the rotation", "The old secret is the key's own again, and the new one is refused from now on.", "Undo")) await act(record, "undo-rotation", "The rotation is undone.");
}

// --- Ends

async function revoke(stale) {
  const record = await current(stale);
  if (!record) return;
  const usedAt = record.last_used_at && Date.parse(record.last_used_at);
  const isBusy = usedAt && usedAt > now() - DAY;
  const sure = await confirm(
    "Revoke key",
    [
      h("p", null, "“", h("b", null, record.name), "” (", h("code", null, record.preview), ") stops working at once, open streams included. This cannot be undone; the record stays."),
      record.last_used_at && works(record) && h("p", null, "Not sure who uses it? Disable it instead: it stops just the same, and you can enable it again."),
      h("p", { class: isBusy ? "note warn" : "quiet" }, isBusy && icon("warn"), usedAt ? `Last used ${relative(usedAt)} (${exact(usedAt)}) from ${record.last_used_from}: ${isBusy ? "whatever uses it will fail." : "nothing used it for a while."}` : "It was never used: nothing will notice."),
    ],
    "Revoke",
    { kind: "danger", typed: isBusy ? record.name : undefined, instead: record.last_used_at && works(record) ? "Disable instead" : undefined },
  );
  if (sure === "instead") await disable(record);
  else if (sure) await act(record, "revoke", `“${record.name}” is revoked.`);
}

const disable = (record) => act(record, "disable", `“${record.name}” is disabled; enable it whenever you like.`);
const enable = (record) => act(record, "enable", `“${record.name}” works again.`);

async function remove(record) {
  const sure = await confirm("Delete the record", [h("p", null, "The record of “", h("b", null, record.name), "” goes for good, with its usage. The audit keeps what was done."), h("p", { class: "quiet" }, "There is no need to: a revoked key does no harm.")], "Delete", { kind: "danger", typed: record.name });
  if (!sure) return;
  await attempt(async () => {
    await ask("DELETE", `/keys/${record.id}`);
    records.drop(record.id);
    toast(`The record of “${record.name}” is deleted.`);
    if (location.hash.startsWith(`#/keys/${record.id}`)) location.hash = "#/keys";
  });
}

const act = (record, word, done) => attempt(async () => {
  records.put(await ask("POST", `/keys/${record.id}/${word}`));
  toast(done);
});

/** The record as it is now; what is shown may be seconds old. */
async function current(record) {
  return attempt(async () => {
    const told = await ask("GET", `/keys/${record.id}`);
    records.put(told);
    return told;
  });
}

/** Do it; a refusal is told in a dialog of its own, for there is no form to tell it in. */
async function attempt(act_) {
  try {
    return await act_();
  } catch (problem) {
    const dialog = openDialog("That was not done");
    replace(dialog.body, h("p", { role: "alert" }, problem.message), h("ul", null, problem.errors.map(({ field: at, message }) => h("li", null, `${at}: ${message}`))));
    replace(dialog.foot, button("Close", () => dialog.close(), { kind: "primary" }));
    return undefined;
  }
}
