// What upstreams ask of the gateway: set, tried, removed. A value goes in and never comes back, not even to here.

import { ask } from "./api.js";
import { confirm, field, formIn, openDialog, text } from "./dialog.js";
import { button, h, icon, replace, toast } from "./dom.js";
import { empty, pageHead } from "./parts.js";
import { moment } from "./time.js";

const STATES = { ok: ["active", "Works"], locked: ["disabled", "Locked"], damaged: ["warn", "Damaged"], refused: ["revoked", "Refused"] };
const RESULTS = {
  accepted: (trial) => `accepts it (${trial.asked} was answered ${trial.status})`,
  refused: (trial) => `refuses it (${trial.asked} was answered ${trial.status}). Set another`,
  unreachable: (trial) => `had no answer to ${trial.asked}`,
  unclear: (trial) => `answered ${trial.asked} with ${trial.status}, which tells neither way`,
  locked: () => "was not asked: the credential cannot be opened",
};

export function credentialsView(place) {
  const told = h("div", { role: "status", "aria-label": "What upstreams said" });
  const list = h("div", null, h("p", { class: "quiet" }, "Loading …"));
  let isOver = false;
  const load = async () => {
    try {
      const { items } = await ask("GET", "/credentials");
      if (!isOver) draw(list, items, { load, told });
    } catch (problem) {
      if (!isOver) replace(list, h("p", { class: "error", role: "alert" }, problem.message));
    }
  };
  replace(place, pageHead("Credentials", button("Set credential", () => set(null, load), { kind: "primary", glyph: "plus" })), h("p", { class: "lead" }, "What upstreams ask of the gateway, such as a provider's key. Callers use them with their own key and never see them."), told, list);
  load();
  return () => { isOver = true; };
}

function draw(place, items, view) {
  if (!items.length) {
    replace(place, empty("No credentials yet", ["Set one, and lend it to an upstream with ", h("code", null, "credential: vault:NAME"), "."]));
    return;
  }
  const heads = ["Name", "State", "Upstreams", "Set", "Last used", "Acts"];
  replace(
    place,
    items.filter((each) => each.why).map((each) => h("div", { class: "note warn", role: "alert" }, icon("warn"), h("p", null, h("b", null, `${each.name}: `), `${each.why}.`))),
    h("div", { class: "card scroller" }, h(
      "table",
      { class: "plain entries" },
      h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", null, items.map((each) => row(each, view))),
    )),
  );
}

function row(record, { load, told }) {
  const [glyph, word] = STATES[record.state] ?? ["warn", record.state];
  return h(
    "tr",
    { "data-id": record.name },
    h("td", null, h("b", null, record.name), " ", h("code", { class: "preview" }, record.preview)),
    h("td", null, h("span", { class: `status ${record.state === "ok" ? "active" : "revoked"}` }, icon(glyph), word)),
    h("td", null, record.upstreams.join(", ") || h("span", { class: "quiet" }, "none yet")),
    h("td", null, moment(record.set_at), h("span", { class: "quiet" }, ` by ${record.set_by}`)),
    h("td", null, record.last_used_at ? moment(record.last_used_at) : h("span", { class: "quiet" }, "Never")),
    h("td", null, h(
      "div",
      { class: "acts" },
      button("Replace", () => set(record, load), { kind: "small", "data-what": "replace", "aria-label": `Replace ${record.name}` }),
      button("Test", (event) => test(record, told, load, event.currentTarget), { kind: "small", "data-what": "test", "aria-label": `Test ${record.name}` }),
      button("Remove", () => remove(record, load), { kind: "small danger", "data-what": "remove", "aria-label": `Remove ${record.name}` }),
    )),
  );
}

async function set(record, load) {
  const dialog = openDialog(record ? `Replace ${record.name}` : "Set credential", { isGuarded: true });
  const name = field("Name", text({ value: record?.name ?? "", disabled: record !== null, class: "mono" }), { name: "name", hint: "Lower-case letters and digits, such as openai. An upstream is lent it by credential: vault:openai." });
  const value = field("Credential", h("input", { type: "password", class: "mono", autocomplete: "off", spellcheck: "false" }), { name: "value", hint: "As the upstream wants to see it, without “Bearer”. It is encrypted and shown to nobody again." });
  formIn(dialog, [name, value], record ? "Replace" : "Set", async () => {
    const wanted = name.input.value.trim();
    if (!/^[a-z0-9]+([_-][a-z0-9]+)*$/.test(wanted)) throw { errors: [{ field: "name", message: "has lower-case letters and digits, joined by single - or _" }] };
    return ask("PUT", `/credentials/${wanted}`, { value: value.input.value.trim() });
  });
  (record ? value : name).input.focus();
  const saved = await dialog.closed;
  value.input.value = "";
  if (!saved) return;
  await load();
  toast(`“${saved.name}” is set${saved.upstreams.length ? `, and lent to ${saved.upstreams.join(", ")} from now on` : ""}.`);
}

async function test(record, told, load, pressed) {
  pressed.disabled = true;
  replace(told, h("p", { class: "quiet" }, `Asking the upstreams of ${record.name} …`));
  try {
    const { items } = await ask("POST", `/credentials/${record.name}/test`);
    replace(told, items.length ? items.map((trial) => h("p", { class: trial.result === "accepted" ? "good" : "bad" }, icon(trial.result === "accepted" ? "active" : "warn"), h("span", null, h("b", null, trial.upstream), ` ${(RESULTS[trial.result] ?? (() => trial.result))(trial)}.`))) : h("p", { class: "quiet" }, `No upstream is lent ${record.name}: nobody was asked.`));
    await load();
  } catch (problem) {
    replace(told, h("p", { class: "error", role: "alert" }, problem.message));
  } finally {
    pressed.disabled = false;
  }
}

async function remove(record, load) {
  const words = record.upstreams.length ? `Closed until it is set again: ${record.upstreams.join(", ")}.` : "No upstream is lent it.";
  if (!(await confirm("Remove the credential", [h("p", null, "“", h("b", null, record.name), "” goes for good."), h("p", null, words)], "Remove", { kind: "danger" }))) return;
  try {
    await ask("DELETE", `/credentials/${record.name}`);
    toast(`“${record.name}” is removed.`);
  } catch (problem) {
    toast(problem.message);
  }
  await load();
}
