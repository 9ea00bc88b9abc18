// The list of keys. All records are here (`records`), so search, filters and order answer at once; of many
// thousands only the rows in sight are drawn.

import { actsOf } from "./acts.js";
import { newId } from "./dialog.js";
import { button, h, replace, unseen } from "./dom.js";
import { createKey } from "./forms.js";
import { empty, expiry, lastUse, pageHead, preview, scopes, status } from "./parts.js";
import { STATUS, isForgotten, looksSecret, records } from "./records.js";
import { moment } from "./time.js";

const COLUMNS = [
  ["name", "Name", (record) => record.name.toLowerCase()],
  ["scopes", "Scopes", (record) => record.scopes.length],
  ["owner", "Owner", (record) => record.owner.toLowerCase()],
  ["created", "Created", (record) => record.created_at],
  ["used", "Last used", (record) => record.last_used_at ?? ""],
  ["expires", "Expires", (record) => record.expires_at ?? "9999"],
  ["status", "Status", (record) => Object.keys(STATUS).indexOf(record.status)],
];
const ORDERS = [["-created", "Newest first"], ["created", "Oldest first"], ["name", "By name"], ["-used", "Last used first"], ["used", "Longest unused first"], ["expires", "Ends first"], ["owner", "By owner"], ["status", "By status"]];
const BEYOND = 8; // rows drawn above and below what is in sight
const NOT_REVOKED = "";

/** Where the list was left, so that the way back from a key leads there: what was sought, how far down. */
export const left = { address: "#/keys", scroll: 0 };

export function keysView(place, me, words) {
  const wanted = {
    q: words.get("q") ?? "",
    status: words.get("status") ?? NOT_REVOKED,
    owner: words.get("owner") ?? "",
    use: words.get("use") ?? "",
    sort: words.get("sort") ?? "-created",
  };
  const mayWrite = me.may.includes("write");
  const search = h("input", { type: "search", placeholder: "Search name, owner, note, preview …", "aria-label": "Search keys", value: wanted.q, autocomplete: "off", spellcheck: "false" });
  const statusChoice = choice("Status", [[NOT_REVOKED, "All but revoked"], ...Object.entries(STATUS), ["all", "All"]], wanted.status);
  const ownerChoice = choice("Owner", [["", "Any owner"]], wanted.owner);
  const useChoice = choice("Use", [["", "Used or not"], ["never", "Never used"], ["forgotten", "Unused for 30 days"]], wanted.use);
  const orderChoice = choice("Order", ORDERS, wanted.sort); // where there is no head to press
  orderChoice.element.classList.add("order");
  const tally = h("p", { class: "tally", role: "status" });
  const first = h("div", { hidden: true }, emptyHouse(me, mayWrite));
  const table = new Table(me);
  const shown = h("div", { class: "listing" });
  replace(
    place,
    pageHead("Keys", mayWrite && button("Create key", () => createKey(me), { kind: "primary", glyph: "plus", id: "create" })),
    h("div", { class: "filters" }, search, statusChoice.element, ownerChoice.element, useChoice.element, orderChoice.element),
    first,
    tally,
    shown,
  );

  const read = () => {
    wanted.q = search.value.trim();
    wanted.status = statusChoice.value();
    wanted.owner = ownerChoice.value();
    wanted.use = useChoice.value();
    const kept = Object.entries(wanted).filter(([name, value]) => value && !(name === "sort" && value === "-created") && !(name === "q" && looksSecret(value)));
    left.address = `#/keys${kept.length ? `?${new URLSearchParams(kept)}` : ""}`;
    history.replaceState(null, "", left.address);
    draw();
  };
  const clear = () => {
    search.value = "";
    for (const each of [statusChoice, ownerChoice, useChoice]) each.set("");
    read();
  };
  const draw = () => {
    ownerChoice.offer([["", "Any owner"], ...owners().map((owner) => [owner, owner])], wanted.owner);
    const found = sorted(matching(wanted), wanted.sort);
    const total = records.count();
    first.hidden = !(mayWrite && records.isLoaded && total && [...records.all()].every(managesKeys));
    if (!total && records.isLoaded) {
      tally.textContent = "";
      replace(shown, emptyHouse(me, mayWrite));
      return;
    }
    tally.textContent = `${found.length} of ${total} ${total === 1 ? "key" : "keys"}${records.isWhole ? "" : " (the newest; more are in the store)"}${records.isLoaded ? "" : ", loading …"}`;
    if (!found.length && records.isLoaded) {
      if (shown.contains(document.activeElement)) document.getElementById("main").focus();
      replace(shown, empty("No key is like that", "Nothing matches what you search for and filter by.", button("Show all but revoked", clear)));
      return;
    }
    if (table.element.parentNode !== shown) replace(shown, table.element);
    table.show(found, wanted.sort);
  };
  table.onSort = (sort) => { wanted.sort = sort; orderChoice.set(sort); read(); };
  orderChoice.element.addEventListener("change", () => { wanted.sort = orderChoice.value(); read(); });
  search.addEventListener("input", read);
  for (const each of [statusChoice, ownerChoice, useChoice]) each.element.addEventListener("change", read);

  const stop = records.listen(draw);
  const mayReturn = location.hash === left.address;
  left.address = location.hash || "#/keys";
  const scrolled = () => {
    left.scroll = scrollY;
    table.draw();
  };
  addEventListener("scroll", scrolled, { passive: true });
  addEventListener("resize", scrolled, { passive: true });
  const { scroll } = left;
  left.scroll = 0;
  draw();
  const leave = () => {
    stop();
    removeEventListener("scroll", scrolled);
    removeEventListener("resize", scrolled);
  };
  leave.arrived = (from) => {
    const id = from.match(/^keys\/(.+)/)?.[1];
    if (!id || !mayReturn) return;
    scrollTo(0, scroll);
    table.draw();
    table.body.querySelector(`tr[data-id="${CSS.escape(id)}"] .name`)?.focus({ preventScroll: true });
  };
  return leave;
}

function emptyHouse(me, mayWrite) {
  if (!mayWrite) return empty("No keys yet", "Your key may look at keys, not make them.");
  return empty("Make your first key", "Give each program its own key: then you see which one calls, and can end one without the others.", button("Create your first key", () => createKey(me), { kind: "primary", glyph: "plus" }));
}

/** Such as the first admin key: made for whoever looks at this page, not for a program. */
const managesKeys = (record) => record.scopes.some((scope) => scope.startsWith("keyhatch:"));

const owners = () => [...new Set([...records.all()].map((record) => record.owner).filter(Boolean))].sort();

function matching({ q, status: wantedStatus, owner, use }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return [...records.all()].filter((record) => {
    if (wantedStatus === NOT_REVOKED ? record.status === "revoked" : wantedStatus !== "all" && record.status !== wantedStatus) return false;
    if (owner && record.owner !== owner) return false;
    if (use === "never" && record.use_count > 0) return false;
    if (use === "forgotten" && !isForgotten(record)) return false;
    if (!words.length) return true;
    const said = `${record.name}\n${record.owner}\n${record.note}\n${record.preview}\n${record.id}`.toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

function sorted(found, sort) {
  const isDown = sort.startsWith("-");
  const by = COLUMNS.find(([name]) => name === sort.replace("-", ""))?.[2] ?? COLUMNS[3][2];
  const order = isDown ? -1 : 1;
  return found
    .map((record) => [by(record), record])
    .sort(([a, one], [b, other]) => (a < b ? -order : a > b ? order : one.created_at < other.created_at ? 1 : -1))
    .map(([, record]) => record);
}

function choice(label, options, chosen) {
  const select = h("select", { id: newId("choice") });
  const offer = (list, value) => {
    const told = JSON.stringify(list);
    if (select.dataset.told !== told) {
      select.dataset.told = told;
      replace(select, list.map(([name, words]) => h("option", { value: name }, words)));
    }
    select.value = list.some(([name]) => name === value) ? value : "";
  };
  offer(options, chosen);
  return {
    element: h("span", { class: "choice" }, h("label", { for: select.id, class: "unseen" }, label), select),
    value: () => select.value,
    set: (value) => { select.value = value; },
    offer,
  };
}

/** The table: as long as all its rows, of which those in sight exist. */
class Table {
  onSort = () => {};
  #rows = [];
  #drawn = "";
  #height = 60;
  #made = new WeakMap(); // record → its row

  constructor(me) {
    this.me = me;
    this.above = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td"));
    this.below = h("tr", { class: "spacer", "aria-hidden": "true" }, h("td"));
    this.body = h("tbody", { role: "rowgroup" }, this.above, this.below);
    this.heads = new Map(COLUMNS.map(([name, title]) => [name, this.#head(name, title)]));
    this.element = h(
      "table",
      { class: "keys", role: "table", "aria-label": "Keys" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, [...this.heads.values()], h("th", { role: "columnheader", scope: "col" }, unseen("Acts")))),
      this.body,
    );
  }

  #head(name, title) {
    const sort = () => {
      const isNow = this.sort.replace("-", "") === name;
      const down = isNow ? !this.sort.startsWith("-") : ["created", "used"].includes(name);
      this.onSort(`${down ? "-" : ""}${name}`);
    };
    return h("th", { role: "columnheader", scope: "col", class: `c-${name}` }, h("button", { type: "button", class: "sort", onclick: sort }, title));
  }

  show(rows, sort) {
    this.#rows = rows;
    this.sort = sort;
    for (const [name, head] of this.heads) {
      if (sort.replace("-", "") === name) head.setAttribute("aria-sort", sort.startsWith("-") ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.element.setAttribute("aria-rowcount", rows.length + 1);
    this.draw(true);
  }

  draw(isNew = false) {
    if (!this.element.isConnected || !this.#rows.length) return;
    const top = -this.body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / this.#height) - BEYOND);
    const last = Math.min(this.#rows.length, Math.ceil((top + innerHeight) / this.#height) + BEYOND);
    const wanted = `${first}-${last}`;
    if (!isNew && wanted === this.#drawn) return;
    this.#drawn = wanted;
    const held = this.#focused();
    const rows = this.#rows.slice(first, last).map((record, at) => this.#row(record, first + at));
    this.above.style.height = `${first * this.#height}px`;
    this.below.style.height = `${(this.#rows.length - last) * this.#height}px`;
    const wantedNow = [this.above, ...rows, this.below];
    const isSame = wantedNow.length === this.body.children.length && wantedNow.every((row, each) => row === this.body.children[each]);
    if (!isSame) {
      this.body.replaceChildren(...wantedNow);
      held?.();
    }
    const height = rows[0]?.getBoundingClientRect().height;
    if (height > 20 && Math.abs(height - this.#height) > 0.5) {
      this.#height = height;
      this.draw(true);
    }
  }

  /** Focus is not lost when rows are drawn anew. */
  #focused() {
    const at = document.activeElement?.closest?.("tr[data-id]");
    if (!at || !this.body.contains(at)) return null;
    const { id } = at.dataset;
    const what = document.activeElement.dataset.what;
    const place = [...this.body.children].indexOf(at);
    const find = (row) => row?.querySelector(`[data-what="${what}"]`);
    return () => {
      const same = find(this.body.querySelector(`tr[data-id="${CSS.escape(id)}"]`));
      // Its row is gone: on to the one that took its place. Out of sight: to no other row, for an act might follow.
      const isGone = !this.#rows.some((record) => record.id === id);
      const next = isGone && (find(this.body.children[place]) ?? find(this.body.children[place - 1]));
      (same ?? (next || document.getElementById("main"))).focus({ preventScroll: true });
    };
  }

  /** The row of a record, made once: what is being pressed is not drawn anew under the finger. */
  #row(record, at) {
    const row = this.#made.get(record) ?? this.#makeRow(record);
    row.setAttribute("aria-rowindex", at + 2);
    this.#made.set(record, row);
    return row;
  }

  #makeRow(record) {
    const cell = (name, label, ...children) => h("td", { role: "cell", class: `c-${name}`, "data-label": label }, children);
    return h(
      "tr",
      { role: "row", "data-id": record.id, class: record.status },
      cell("name", "Name", h("a", { href: `#/keys/${record.id}`, "data-what": "open", class: "name", title: record.name }, record.name), preview(record)),
      cell("scopes", "Scopes", scopes(record, 2)),
      cell("owner", "Owner", record.owner ? h("span", { title: record.owner }, record.owner) : h("span", { class: "quiet" }, "–")),
      cell("created", "Created", moment(record.created_at)),
      cell("used", "Last used", lastUse(record)),
      cell("expires", "Expires", expiry(record)),
      cell("status", "Status", status(record)),
      cell("acts", "Acts", actsOf(record, this.me)),
    );
  }
}

