// A secret, shown once: copied with feedback, put into snippets, and a live word when the first call comes.
// Who closes without having taken it is asked; and as long as nobody used it, another can be had.

import { ask } from "./api.js";
import { field, openDialog, text } from "./dialog.js";
import { button, h, icon, replace, unseen } from "./dom.js";
import { REASONS } from "./parts.js";
import { records } from "./records.js";
import { SNIPPETS } from "./snippets.js";

const LOOK_MS = 1000;
const WAITING = "Waiting for your first call …";
const AWAY = "The gateway does not answer. This goes on by itself when it is back.";
const UNFIT = ["scope_missing", "no_route", "method_not_allowed"];

export async function showIssued(issued, me, { isNew }) {
  const secret = issued.key;
  let isTaken = false;
  let sure = null;
  const leave = () => {
    if (isTaken) return true;
    askFirst();
    return false;
  };
  const dialog = openDialog(isNew ? "Your new key" : "The new secret", { wide: true, mayClose: leave });
  dialog.element.setAttribute("aria-describedby", "shown-once");
  const take = () => { isTaken = true; done.classList.add("primary"); };

  const shown = h("textarea", { rows: "1", class: "secret mono", readonly: true, value: secret, spellcheck: "false", autocomplete: "off", "aria-label": "The key", onfocus: (event) => event.target.select() });
  shown.addEventListener("copy", take);
  const copied = h("span", { class: "copied", role: "status" });
  const copyButton = button("Copy", () => copy(secret, shown, copied).then((isDone) => isDone && take()), { kind: "primary", glyph: "copy", id: "copy-key" });
  const waiting = h("div", { class: "waiting", role: "status" }, pulse(), h("span", null, WAITING));
  replace(
    dialog.body,
    h("p", { class: "note warn", id: "shown-once" }, icon("warn"), h("span", null, "Copy it now and store it safely, in a password manager or an environment file. ", h("b", null, "It is shown this once only"), ", for the gateway keeps no copy.")),
    h("div", { class: "secret-row" }, shown, copyButton),
    copied,
    h("p", { class: "quiet" }, "For “", h("b", null, issued.name), "”", issued.scopes.length ? `, with ${issued.scopes.join(", ")}` : "", "."),
    snippets(secret, me, issued, take),
    waiting,
  );
  const done = button("I have stored it", () => { isTaken = true; dialog.close(); });
  replace(dialog.foot, done);
  copyButton.focus();

  function askFirst() {
    if (sure?.isConnected) { sure.querySelector("button").focus(); return; }
    sure = h(
      "div",
      { class: "note ask", role: "alertdialog", "aria-label": "Close without copying?" },
      h("p", null, h("b", null, "You have not copied the key."), " It cannot be shown again. As long as it was never used you can get a fresh secret for it from the list."),
      h("div", { class: "acts" }, button("Back to the key", () => { sure.remove(); shown.focus(); }, { kind: "primary" }), button("Close anyway", () => { isTaken = true; dialog.close(); })),
    );
    dialog.foot.before(sure);
    sure.querySelector("button").focus();
  }

  const stop = watch(issued, waiting, isNew);
  const stay = (event) => { if (!isTaken) event.preventDefault(); };
  addEventListener("beforeunload", stay);
  await dialog.closed;
  removeEventListener("beforeunload", stay);
  stop();
  shown.value = "";
}

/** Copy; over plain http there is no clipboard for pages, so it is selected and copied the old way. */
async function copy(secret, shown, copied) {
  let isDone = false;
  try {
    await navigator.clipboard.writeText(secret);
    isDone = true;
  } catch {
    shown.focus();
    shown.select();
    try { isDone = document.execCommand("copy"); } catch { isDone = false; }
  }
  copied.textContent = isDone ? "Copied." : "Your browser does not let pages copy here. It is selected: press Ctrl+C, or ⌘C.";
  return isDone;
}

const pulse = () => h("span", { class: "pulse", "aria-hidden": "true" });

/** Say when the first call with it comes, and what became of it. */
function watch(issued, place, isNew) {
  const began = issued.use_count;
  let isOver = false;
  // The banner that tells it stands beneath this dialog: on a phone nobody sees it, and no screen reader says it.
  const wait = (words) => {
    const line = place.querySelector(".pulse + span");
    if (line && line.textContent !== words) line.textContent = words;
  };
  const look = async () => {
    if (isOver || !place.isConnected) return;
    try {
      const { call } = await ask("GET", `/keys/${issued.id}/last-call`, undefined, { background: true });
      wait(WAITING);
      if (call) return tellCall(call);
      const record = await ask("GET", `/keys/${issued.id}`, undefined, { background: true });
      if (isNew && record.use_count > began) { // after a rotation it may be the old secret that is used
        records.put(record);
        say("received", `Received from ${record.last_used_from}; it is being answered …`);
      }
    } catch (problem) {
      if (problem.code === "gone") wait(AWAY); // that the session is over is told by a dialog on top
    }
    setTimeout(look, LOOK_MS);
  };
  const say = (kind, words) => {
    place.className = `waiting ${kind}`;
    replace(place, icon(kind === "refused" ? "warn" : "active"), h("span", null, words));
  };
  const tellCall = (call) => {
    const what = `${call.from}, ${call.method} ${call.path}, ${call.status || "no answer"}`;
    if (call.reason) {
      say("refused", `Received from ${what}: refused, because ${REASONS[call.reason] ?? call.reason}.`);
      setTimeout(look, LOOK_MS);
    } else {
      say("received", `Received from ${what}. ${call.status < 400 ? "It works." : "The gateway let it pass, and your server answered that."}`);
    }
    ask("GET", `/keys/${issued.id}`, undefined, { background: true }).then((record) => records.put(record), () => {});
  };
  look();
  return () => { isOver = true; };
}

function snippets(secret, me, issued, take) {
  const address = text({ value: addressOf(me), class: "mono" });
  const path = text({ value: "/v1/models", class: "mono" });
  const unfit = h("span", { class: "advice", role: "status" });
  const judge = async () => {
    const asked = path.value.trim();
    const told = await ask("POST", "/explain", { method: "GET", path: asked, key_id: issued.id }, { background: true }).catch(() => null);
    if (told && path.value.trim() === asked) unfit.textContent = UNFIT.includes(told.reason) ? `With this key, GET ${asked} is refused: ${REASONS[told.reason]}. Write a path here that it may call.` : "";
  };
  const body = h("pre", { tabindex: "0", role: "tabpanel", id: "snippet" });
  body.addEventListener("copy", take);
  const copied = h("span", { class: "copied", role: "status" });
  const tabs = SNIPPETS.map(({ name }, at) =>
    h("button", { type: "button", role: "tab", id: `tab-${at}`, "aria-controls": "snippet", onclick: () => pick(at) }, name),
  );
  let chosen = 0;
  const pick = (at) => {
    chosen = at;
    tabs.forEach((tab, each) => {
      tab.setAttribute("aria-selected", String(each === at));
      tab.tabIndex = each === at ? 0 : -1;
    });
    body.setAttribute("aria-labelledby", `tab-${at}`);
    body.textContent = SNIPPETS[at].text(secret, address.value.trim().replace(/\/+$/, ""), path.value.trim());
    copied.textContent = "";
  };
  for (const each of [address, path]) each.addEventListener("input", () => pick(chosen));
  path.addEventListener("change", judge);
  judge();
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Snippets" }, tabs);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    pick((chosen + step + tabs.length) % tabs.length);
    tabs[chosen].focus();
  });
  pick(0);
  const copySnippet = async () => {
    try {
      await navigator.clipboard.writeText(body.textContent);
      copied.textContent = "Copied.";
      take(); // the key stands in it
    } catch {
      getSelection().selectAllChildren(body);
      copied.textContent = document.execCommand("copy") ? "Copied." : "It is selected: press Ctrl+C, or ⌘C.";
    }
  };
  return h(
    "details",
    { class: "snippets", open: true },
    h("summary", null, "How to use it"),
    h("div", { class: "halves" }, field("Where callers reach the gateway", address).element, field("Path for a first call", path, { hint: unfit }).element),
    list,
    h("div", { class: "snippet" }, body, h("button", { type: "button", class: "button small", onclick: copySnippet }, icon("copy"), "Copy", unseen(" snippet"))),
    copied,
  );
}

function addressOf({ proxy }) {
  const isAnywhere = ["0.0.0.0", "::", "127.0.0.1", "::1"].includes(proxy.host);
  const host = isAnywhere ? location.hostname : proxy.host.includes(":") ? `[${proxy.host}]` : proxy.host;
  return `${proxy.scheme}://${host}:${proxy.port}`;
}

