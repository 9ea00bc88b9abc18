// The console begins here: signs in, keeps the top of the page, and shows the view that the address names.

import { hooks, isThere, session, token } from "./api.js";
import { auditView } from "./audit.js";
import { credentialsView } from "./credentials.js";
import { button, h, icon, replace } from "./dom.js";
import { keyView } from "./key.js";
import { keysView } from "./keys.js";
import { overviewView } from "./overview.js";
import { keepTrue, records } from "./records.js";
import { signIn, signInAgain } from "./sign_in.js";
import { keepTimesTrue } from "./time.js";
import { tryItView } from "./tryit.js";

const VIEWS = [
  ["keys", "Keys", "keys", keysView, () => true],
  ["overview", "Overview", "overview", overviewView, (me) => me.only_owner === null],
  ["credentials", "Credentials", "credentials", credentialsView, (me) => me.may.includes("admin")],
  ["try", "Try it", "tryit", tryItView, () => true],
  ["audit", "Audit", "audit", auditView, (me) => me.only_owner === null],
];
const THEMES = ["auto", "light", "dark"];

const main = document.getElementById("main");
const banner = document.getElementById("banner");
let me = null;
let leave = () => {};
let shown = "";

// --- The gateway may go away, and the session may end

let isGone = false;

hooks.gone = () => {
  if (isGone) return;
  isGone = true;
  replace(banner, h("p", null, icon("warn"), h("span", null, h("b", null, "The gateway does not answer. "), "Callers may be affected too. This page goes on by itself when it is back.")));
  const look = async () => {
    if (await isThere()) hooks.back();
    else setTimeout(look, 1500);
  };
  setTimeout(look, 1500);
};

hooks.back = () => {
  if (!isGone) return;
  isGone = false;
  replace(banner, h("p", { class: "good" }, icon("active"), h("span", null, "The gateway is back.")));
  setTimeout(() => { if (!isGone) replace(banner); }, 4000);
  if (me) records.load({ background: true }).catch(() => {});
};

hooks.sessionOver = (said) => signInAgain(said, (told) => {
  const isAnother = me && told.key.id !== me.key.id;
  Object.assign(me, told);
  if (isAnother) { records.forget(); drawTop(); }
  records.load().catch(() => {});
});

// --- The top of the page

function drawTop() {
  document.getElementById("top").hidden = false;
  replace(document.getElementById("nav"), VIEWS.filter(([, , , , isFor]) => isFor(me)).map(([name, title, glyph]) => h("a", { href: `#/${name}`, "data-view": name }, icon(glyph), h("span", null, title))));
  const colours = button("", nextTheme, { kind: "plain", glyph: "theme", id: "theme" });
  colours.append(h("span", { class: "unseen", id: "theme-word" }));
  replace(document.getElementById("who"), h("span", { class: "me", title: `Signed in with ${me.key.preview}` }, me.key.name), colours, button(h("span", { class: "out" }, "Sign out"), signOut, { kind: "plain", glyph: "out", "aria-label": "Sign out", title: "Sign out" }));
  applyTheme(theme());
}

const theme = () => localStorage.getItem("keyhatch.theme") ?? "auto";

function applyTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  const word = document.getElementById("theme-word");
  if (word) word.textContent = `Colours: ${name}. Change`;
  const place = document.getElementById("theme");
  if (place) place.title = `Colours: ${name}`;
}

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  localStorage.setItem("keyhatch.theme", next);
  applyTheme(next);
}

async function signOut() {
  try {
    await session.end();
  } catch { /* the token is gone from here either way */ }
  location.hash = "";
  location.reload();
}

// --- Views

function show() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, id] = (path || "keys").split("/");
  const view = VIEWS.find(([each, , , , isFor]) => each === name && isFor(me)) ?? VIEWS[0];
  const target = `${view[0]}/${id ?? ""}`;
  leave();
  replace(main);
  const draw = view[0] === "keys" && id ? keyView : view[3];
  leave = draw(main, me, new URLSearchParams(query), id);
  document.title = `${view[1]} · Keyhatch`;
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.dataset.view === view[0]) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown && shown !== target) { scrollTo(0, 0); main.focus(); leave.arrived?.(shown); }
  shown = target;
}

async function begin() {
  applyTheme(theme());
  if (token.get()) {
    try {
      me = await session.tell();
    } catch (problem) {
      if (problem.code === "gone") { setTimeout(begin, 1500); return; }
      token.set(null);
    }
  }
  me ??= await signIn(main);
  drawTop();
  keepTimesTrue();
  keepTrue(() => me.only_owner === null);
  addEventListener("hashchange", show);
  show();
  records.load().catch(() => {});
}

begin();
