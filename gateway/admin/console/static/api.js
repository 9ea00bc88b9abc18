// Asking the gateway. The page holds half of its session (the token); the other half is a cookie that no script
// can read. Three things can go wrong beside a plain refusal, and each is waited out here, so that no form is
// ever lost: the session is over (sign in again, then the question is asked once more), the gateway is gone (a
// banner until it is back), and an answer that is none.

import { learnClock } from "./time.js";

const TOKEN = "keyhatch.token";
const PATIENCE_MS = 20_000;

/** A refusal: `detail` is for people, `errors` names fields. */
export class Problem extends Error {
  constructor(status, told) {
    const fields = (told.errors ?? []).map(({ field, message }) => `${field} ${message}`);
    super(fields.length ? `${fields.join("; ")}.` : (told.detail ?? `The gateway answered ${status}.`));
    this.status = status;
    this.code = told.code ?? "";
    this.errors = told.errors ?? [];
  }
}

/** The gateway did not answer. */
export class Gone extends Error {
  constructor() {
    super("The gateway does not answer. What you typed is still here: try again in a moment.");
    this.code = "gone";
    this.errors = [];
  }
}

export const hooks = {
  sessionOver: async () => {}, // resolves once somebody signed in again
  gone: () => {},
  back: () => {},
};

export const token = {
  get: () => localStorage.getItem(TOKEN)?.match(/^[0-9a-f]{64}$/)?.[0] ?? null, // not what others left there
  set: (value) => (value === null ? localStorage.removeItem(TOKEN) : localStorage.setItem(TOKEN, value)),
};

async function send(method, path, body, { background = false, etag, once } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token.get()) headers["X-Keyhatch-Csrf"] = token.get();
  if (background) headers["X-Keyhatch-Background"] = "1";
  if (etag) headers["If-Match"] = etag;
  if (once) headers["Idempotency-Key"] = once;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    hooks.gone();
    throw new Gone();
  }
  hooks.back();
  learnClock(answer.headers.get("Date"));
  let told = null;
  if (answer.status !== 204) {
    try {
      told = await answer.json();
    } catch {
      throw new Problem(answer.status, { detail: `The gateway answered ${answer.status} with something unreadable.` });
    }
  }
  if (!answer.ok) throw new Problem(answer.status, told);
  return { told, etag: answer.headers.get("ETag") };
}

/** Ask the management API; the answer's JSON. A question that a person caused waits for them to sign in again. */
export async function ask(method, path, body, options = {}) {
  return (await askWhole(method, path, body, options)).told;
}

/** The same with the ETag: `{told, etag}`. */
export async function askWhole(method, path, body, options = {}) {
  for (;;) {
    const shown = token.get();
    try {
      return await send(method, `/api/v1${path}`, body, options);
    } catch (error) {
      if (error.status !== 401) throw error;
      if (token.get() && token.get() !== shown) continue; // somebody signed in meanwhile
      if (options.background) {
        hooks.sessionOver(error);
        throw error;
      }
      await hooks.sessionOver(error);
    }
  }
}

export const session = {
  begin: async (key) => {
    const { told } = await send("POST", "/console/session", { key });
    token.set(told.token);
    return told;
  },
  tell: async () => (await send("GET", "/console/session")).told,
  end: async () => {
    try {
      await send("DELETE", "/console/session");
    } finally {
      token.set(null);
    }
  },
};

/** A name for a question that must be done once, however often it is asked; works over plain http too. */
export const onceName = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");

/** Every item of a list, page by page; `onPage` gets them as they come. */
export async function askAll(path, query, onPage, { most = Infinity, ...options } = {}) {
  let cursor = null;
  let count = 0;
  do {
    const words = new URLSearchParams({ ...query, limit: "200", ...(cursor ? { cursor } : {}) });
    const told = await ask("GET", `${path}?${words}`, undefined, options);
    count += told.items.length;
    onPage(told.items);
    cursor = told.next_cursor;
  } while (cursor && count < most);
  return { isWhole: !cursor };
}

/** Whether the gateway answers at all. */
export async function isThere() {
  try {
    return (await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) })).ok;
  } catch {
    return false;
  }
}
