// What would happen to a request: which route it meets, what that asks for, how a key fares. Nothing is sent.

import { ask } from "./api.js";
import { field, text } from "./dialog.js";
import { h, icon, replace } from "./dom.js";
import { facts, pageHead, scopes, status } from "./parts.js";
import { holds, isId, looksSecret, named, records } from "./records.js";

const isSecret = (words) => /^\S{24,}$/.test(words) || looksSecret(words); // a name without a space is shorter
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

export function tryItView(place) {
  const method = h("select", null, METHODS.map((name) => h("option", null, name)));
  const path = text({ value: "/v1/models", class: "mono" });
  const key = h("input", { type: "text", class: "mono", autocomplete: "off", spellcheck: "false", list: "try-keys", placeholder: "Its name, or the key itself" });
  const names = h("datalist", { id: "try-keys" }, [...records.all()].filter((record) => record.status !== "revoked").slice(0, 300).map((record) => h("option", { value: record.name })));
  const address = text({ class: "mono", placeholder: "192.168.1.20" });
  const fields = {
    method: field("Method", method),
    path: field("Path", path),
    key: field("Key", key, { optional: true, hint: "A key that you paste is only looked at: it is neither stored nor logged." }),
    address: field("From", address, { optional: true }),
  };
  const shown = h("div", { "aria-live": "polite" });
  const form = h("form", { class: "card try", novalidate: true }, Object.values(fields).map((each) => each.element), names, h("button", { type: "submit", class: "button primary" }, "Explain"));
  // What is pasted is not left to be read on the screen.
  key.addEventListener("input", () => { key.type = isSecret(key.value.trim()) ? "password" : "text"; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const each of Object.values(fields)) { each.error.hidden = true; each.input.removeAttribute("aria-invalid"); }
    try {
      const found = await keyOf(key.value.trim());
      if (found.problem) {
        replace(shown, verdict("refused", found.problem));
        shown.firstChild.scrollIntoView({ block: "nearest" });
        return;
      }
      const body = { method: method.value, path: path.value.trim() };
      if (found.id) body.key_id = found.id;
      if (address.value.trim()) body.address = address.value.trim();
      replace(shown, story(await ask("POST", "/explain", body), found.note));
      shown.firstChild.scrollIntoView({ block: "nearest" });
    } catch (problem) {
      for (const { field: name, message } of problem.errors ?? []) {
        const at = fields[name === "key_id" ? "key" : name];
        if (!at) continue;
        at.error.hidden = false;
        at.error.textContent = message;
        at.input.setAttribute("aria-invalid", "true");
      }
      replace(shown, problem.errors?.length ? null : h("p", { class: "error", role: "alert" }, problem.message));
    }
  });
  replace(place, pageHead("Try it"), h("p", { class: "lead" }, "See which route a request would meet and how a key would fare there. Nothing is sent to the upstream."), form, shown);
  return () => {};
}

/** What was typed: the name or id of a key, or a key itself. */
async function keyOf(words) {
  if (!words) return {};
  if (isId(words)) return { id: words };
  if (!isSecret(words)) {
    const all = await named(words);
    const living = all.filter((record) => record.status !== "revoked");
    const found = living.length ? living : all;
    if (found.length > 1) throw Object.assign(new Error(), { errors: [{ field: "key_id", message: `${found.length} keys have this name: give an id` }] });
    if (found.length === 1) return { id: found[0].id };
  }
  const told = await ask("POST", "/keys/verify", { key: words });
  if (!told.key) return { problem: told };
  const note = told.reason ? told.message : null;
  return { id: told.key.id, note };
}

const WORDS = { allowed: "Allowed", refused: "Refused", needs_key: "Needs a key" };

function verdict(outcome, { reason: code, message }) {
  return h(
    "div",
    { class: `verdict ${outcome}` },
    icon(outcome === "allowed" ? "active" : outcome === "refused" ? "revoked" : "keys"),
    h("div", null, h("p", null, h("b", null, WORDS[outcome])), message && h("p", null, message), code && h("p", { class: "quiet" }, "reason ", h("code", null, code))),
  );
}

function story(told, note) {
  const { route, key } = told;
  const held = key?.scopes ?? [];
  const asks = (list, joined) => list.map((scope, at) => [at ? joined : "", h("span", { class: `chip ${key ? (holds(held, scope) ? "has" : "lacks") : ""}`, title: key ? (holds(held, scope) ? "The key has it" : "The key lacks it") : scope }, scope)]);
  return h(
    "section",
    { class: "card", "aria-label": "What would happen" },
    verdict(told.outcome, told),
    note && h("p", { class: "note warn" }, icon("warn"), note),
    route
      ? facts([
        ["Route", h("code", null, route.id)],
        ["Path", h("code", null, route.path)],
        ["Methods", route.methods ? route.methods.join(", ") : "all"],
        route.upstream && ["Upstream", route.upstream],
        ["Asks for", route.public ? "nothing: it is public" : route.scopes.length ? asks(route.scopes, " and ") : route.any_of.length ? asks(route.any_of, " or ") : "any key that works"],
        route.anonymous && ["Without a key", `from ${route.anonymous.from.join(", ")}`],
      ])
      : h("p", { class: "quiet" }, "No route takes this request: it is not forwarded."),
    key && facts([["Key", h("a", { href: `#/keys/${key.id}` }, key.name)], ["Status", status(key)], ["Holds", scopes(key)]]),
  );
}
