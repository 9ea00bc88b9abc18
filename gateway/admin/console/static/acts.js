// What can be done with keys: each act is a dialog that says what will happen, and one question to the API.

import { ask, onceName } from "./api.js";
import { confirm, field, formIn, openDialog } from "./dialog.js";
import { button, h, icon, replace, toast, unseen } from "./dom.js";
import { editKey } from "./forms.js";
import { showIssued } from "./issued.js";
import { openMenu } from "./menu.js";
import { hasOldSecret, isUnused, records, works } from "./records.js";
import { DAY, exact, now, relative } from "./time.js";

const OVERLAPS = [["now", "At once"], ["1h", "1 hour"], ["24h", "1 day"], ["7d", "7 days"], ["30d", "30 days"], ["first", "As soon as the new one is used"]];

// --- Which acts there are

/** The acts on a record, in the order in which they are offered: [label, do, kind]. */
export function possible(record, me) {
  const mayWrite = me.may.includes("write");
  return [
    mayWrite && isUnused(record) && ["Show a fresh secret", () => freshSecret(record, me)],
    mayWrite && works(record) && ["Rotate …", () => rotate(record, me)],
    mayWrite && hasOldSecret(record) && works(record) && ["End the old secret now …", () => finishRotation(record)],
    mayWrite && hasOldSecret(record) && works(record) && ["Undo the rotation …", () => undoRotation(record)],
    mayWrite && record.status !== "revoked" && ["Edit …", () => editKey(record, me)],
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
  const once = onceName(); // asked twice, because an answer was lost, it is done once
  const select = h("select", null, OVERLAPS.map(([value, words]) => h("option", { value }, words)));
  select.value = "24h";
  const hasPrevious = hasOldSecret(record);
  const choice = field("The old secret ends", select, { name: "overlap until_first_use", hint: "Until then both work, so that nothing stops while you change it over. It never outlives the key itself." });
  formIn(dialog, [
    h("p", null, "“", h("b", null, record.name), "” gets a new secret. Its name, scopes and history stay."),
    h("p", { class: "quiet" }, record.last_used_at ? `Last used ${relative(Date.parse(record.last_used_at))} from ${record.last_used_from}.` : "It was never used."),
    hasPrevious && h("p", { class: "note warn" }, icon("warn"), "An earlier rotation still runs: the secret before it ends now."),
    choice,
  ].filter(Boolean), "Rotate", () => {
    const end = select.value === "first" ? { until_first_use: true } : { overlap: select.value };
    return ask("POST", `/keys/${record.id}/rotate`, hasPrevious ? { ...end, end_previous: true } : end, { once });
  });
  const issued = await dialog.closed;
  if (!issued) return;
  records.put(issued);
  if (issued.key) await showIssued(issued, me, { isNew: false });
  else toast(`“${issued.name}” was rotated, but the answer with its new secret was lost. The old one works until its overlap ends: rotate once more.`);
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
