// Pieces that several views show: status, scopes, last use, previews, empty states.

import { h, icon } from "./dom.js";
import { STATUS } from "./records.js";
import { date, moment } from "./time.js";

export const status = (record) => h("span", { class: `status ${record.status}` }, icon(record.status), STATUS[record.status]);

export function scopes(record, most = Infinity) {
  if (!record.scopes.length) return h("span", { class: "quiet", title: "It can call only what asks for no scope" }, "no scopes");
  const shown = record.scopes.slice(0, most);
  const rest = record.scopes.slice(most);
  return h(
    "span",
    { class: "chips", title: record.scopes.join("\n") },
    shown.map((scope) => h("span", { class: `chip ${scope.startsWith("keyhatch:") ? "reserved" : ""}` }, scope)),
    rest.length > 0 && h("span", { class: "chip rest" }, `+${rest.length}`),
  );
}

export function lastUse(record) {
  if (!record.last_used_at) return h("span", { class: "quiet" }, "Never");
  return h("span", null, moment(record.last_used_at), record.last_used_from && h("span", { class: "quiet from" }, ` from ${record.last_used_from}`));
}

export function expiry(record) {
  if (!record.expires_at) return h("span", { class: "quiet" }, "Never");
  return moment(record.expires_at, { as: date });
}

export const preview = (record) => h("code", { class: "preview" }, record.preview);

export function empty(title, words, ...acts) {
  return h("div", { class: "empty" }, h("img", { src: "mark.svg", alt: "", width: "56", height: "56" }), h("h2", null, title), h("p", null, words), h("div", { class: "acts" }, acts));
}

export function pageHead(title, ...acts) {
  return h("div", { class: "page-head" }, h("h1", null, title), h("div", { class: "acts" }, acts));
}

/** Names and values under each other. */
export const facts = (pairs) =>
  h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));

const number = new Intl.NumberFormat();
export const count = (value) => number.format(value);

/** "1 request", "2 requests". */
export const counted = (value, word) => `${count(value)} ${word}${value === 1 ? "" : "s"}`;

export function bytes(value) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  let size = value;
  while (size >= 1000 && at < units.length - 1) { size /= 1000; at += 1; }
  return `${size >= 100 || at === 0 ? Math.round(size) : size.toFixed(1)} ${units[at]}`;
}

/** What a reason of refusal means, for people. */
export const REASONS = {
  credential_missing: "no key was sent",
  credential_foreign: "another provider's key",
  credential_malformed: "mistyped or cut off",
  credential_ambiguous: "two different keys at once",
  key_unknown: "not issued here, or deleted",
  key_revoked: "the key was revoked",
  key_expired: "the key has expired",
  key_disabled: "the key is disabled",
  key_rotated: "an old secret of a rotated key",
  signature_invalid: "a signed address that does not hold",
  signature_expired: "a signed address that has ended",
  scope_missing: "a scope was missing",
  address_not_allowed: "from an address that is not allowed",
  no_route: "no such route",
  method_not_allowed: "a method the route does not take",
  target_ambiguous: "a path two readers could read in two ways",
  request_malformed: "a request that breaks the rules of HTTP",
  header_too_large: "the head was too large",
  body_too_large: "the body was too large",
  request_timeout: "the request did not arrive in time",
  store_unavailable: "the key could not be checked",
  upstream_unreachable: "the upstream could not be reached",
  upstream_protocol: "the upstream answered with something unreadable",
  upstream_timeout: "the upstream did not answer in time",
  upstream_credential_invalid: "the upstream's own credential cannot be used",
};

export const reason = (code) => h("span", { title: code }, REASONS[code] ?? code);
