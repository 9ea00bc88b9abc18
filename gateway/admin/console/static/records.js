// The keys as this page knows them: all records that may be seen, kept true without reloading. New uses are
// asked for every few seconds, and what was changed when the audit has grown.

import { ask, askAll } from "./api.js";
import { DAY, now } from "./time.js";

const MOST = 20_000;
const LIVE_MS = 3000;
const FEW = 20; // entries of the audit
const OWNERS_MS = 30_000; // who may not read the whole audit loads everything anew instead

const byId = new Map();
const listeners = new Set();
let loading = null;
let lastEntry = null;
let loadedAt = 0;
let usesSeen = 0; // until when
let mayAudit = () => false;

export const records = {
  isWhole: true,
  isLoaded: false,
  all: () => byId.values(),
  get: (id) => byId.get(id),
  count: () => byId.size,

  /** Hear of changes; returns what stops it. */
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },

  /** A record that an answer told. */
  put(record) {
    if (keep(withoutSecret(record))) tell();
  },

  drop(id) {
    byId.delete(id);
    tell();
  },

  forget() {
    byId.clear();
    records.isLoaded = false;
    lastEntry = null;
  },

  /** Load everything; what is there stays in place meanwhile. */
  load(options = {}) {
    loading ??= loadAll(options).finally(() => { loading = null; });
    return loading;
  },
};

let isTelling = false;

/** Listeners are told once per frame, however much came in. */
function tell() {
  if (isTelling) return;
  isTelling = true;
  requestAnimationFrame(() => {
    isTelling = false;
    for (const listener of [...listeners]) listener();
  });
}

/** A record that says what is known already stays the same object: what was drawn of it stays too. */
function keep(record) {
  const known = byId.get(record.id);
  if (known && JSON.stringify(known) === JSON.stringify(record)) return false;
  byId.set(record.id, record);
  return true;
}

function withoutSecret(record) {
  const { key: _secret, ...rest } = record;
  return rest;
}

async function loadAll(options) {
  if (mayAudit()) lastEntry = await newestEntry(); // before the list: what is done meanwhile is seen later
  const began = now();
  const seen = new Set();
  const { isWhole } = await askAll(
    "/keys",
    { status: "all" },
    (items) => {
      for (const item of items) {
        keep(item);
        seen.add(item.id);
      }
      tell();
    },
    { most: MOST, ...options },
  );
  for (const id of byId.keys()) if (!seen.has(id)) byId.delete(id);
  records.isWhole = isWhole;
  records.isLoaded = true;
  loadedAt = now();
  usesSeen = began;
  tell();
}

async function newestEntry() {
  const { items } = await ask("GET", "/audit?order=desc&limit=1", undefined, { background: true });
  return items[0]?.number ?? 0;
}

/** Keep records true while the page is looked at, and at once when somebody comes back to it. */
export function keepTrue(mayReadAudit) {
  mayAudit = mayReadAudit;
  let isLooking = false;
  const look = async () => {
    if (document.hidden || !records.isLoaded || loading || isLooking) return;
    isLooking = true;
    try {
      await lookForUses();
      if (mayAudit()) await lookForChanges();
      else if (now() > loadedAt + OWNERS_MS) await records.load({ background: true });
    } catch { /* told by the banner, or by the dialog to sign in */ } finally {
      isLooking = false;
    }
  };
  setInterval(look, LIVE_MS);
  addEventListener("focus", look);
}

/** What was done since the last look: a few records are asked for one by one, many all together. */
async function lookForChanges() {
  if ((await newestEntry()) === lastEntry) return;
  const { items } = await ask("GET", `/audit?order=desc&limit=${FEW}`, undefined, { background: true });
  const fresh = items.filter(({ number }) => number > lastEntry);
  if (!fresh.length || fresh.length === items.length || fresh.some(({ key_id }) => !key_id)) {
    await records.load({ background: true });
    return;
  }
  const isThere = new Map(fresh.reverse().map(({ key_id, after }) => [key_id, after !== null])); // as it was left last
  for (const [id, isLeft] of isThere) {
    if (isLeft) keep(await ask("GET", `/keys/${id}`, undefined, { background: true }));
    else byId.delete(id);
  }
  if (!loading) lastEntry = items[0].number; // whoever loads everything meanwhile looks from there
  tell();
}

/** What was used since the last look, however long the page lay hidden or its machine slept. */
async function lookForUses() {
  const began = now();
  const since = new Date(usesSeen - 3 * LIVE_MS).toISOString().replace(/\.\d+Z/, "Z");
  const { isWhole } = await askAll("/keys", { status: "all", used_since: since }, (items) => {
    if (items.filter(keep).length) tell();
  }, { background: true, most: 1000 });
  if (isWhole) usesSeen = began;
  else if (now() > loadedAt + OWNERS_MS) await records.load({ background: true }); // too many to follow
}

/** The records of this name, asked of the gateway: what is here may be seconds old. */
export async function named(name) {
  const { items } = await ask("GET", `/keys?${new URLSearchParams({ q: name.slice(0, 100), status: "all", limit: "200" })}`);
  return items.filter((record) => record.name === name);
}

// --- What words say

export const isId = (words) => /^key_[0-9A-Za-z]{16}$/.test(words);

/** What may be a key: it is said to the gateway in bodies alone, and never stands in an address of the page. */
export const looksSecret = (words) => /[\w-]{40,}/.test(words);

// --- What a record says

export const STATUS = { active: "Active", expiring: "Expires soon", expired: "Expired", disabled: "Disabled", revoked: "Revoked" };

export const works = (record) => record.status === "active" || record.status === "expiring";

/** Never used, and could be: nobody holds its secret yet, as far as anybody knows. */
export const isUnused = (record) => record.use_count === 0 && works(record);

/** After a rotation, within its overlap. */
export const hasOldSecret = (record) => Boolean(record.previous_secret_valid_until) && Date.parse(record.previous_secret_valid_until) > now();

export const isForgotten = (record) =>
  record.status !== "revoked" && Date.parse(record.last_used_at ?? record.created_at) < now() - 30 * DAY;

// --- What a grant gives (the rules of gateway/core/scopes.py)

export function holds(held, scope) {
  const [resource, action] = scope.split(":");
  if (!action) return held.includes(scope) || held.includes("*");
  const isReserved = resource === "keyhatch";
  if (isReserved && held.includes("keyhatch:admin")) return true;
  return held.includes(scope) || held.includes(`${resource}:*`) || (!isReserved && (held.includes("*") || held.includes(`*:${action}`)));
}
