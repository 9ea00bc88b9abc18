// Making a key and editing one.

import { ask, askWhole, onceName } from "./api.js";
import { formIn, openDialog } from "./dialog.js";
import { h, replace, toast } from "./dom.js";
import { expiryField, moreFields, nameField, scopesField, termsOf } from "./fields.js";
import { showIssued } from "./issued.js";
import { records } from "./records.js";

export async function createKey(me) {
  const dialog = openDialog("Create key", { wide: true, isGuarded: true });
  replace(dialog.body, h("p", { class: "quiet" }, "Loading …"));
  const scopes = await scopesField(me);
  const name = nameField();
  const expires = expiryField(me);
  const more = moreFields(me);
  const rest = h("details", { class: "rest" }, h("summary", null, "Owner, note, addresses"), more.owner.element, more.note.element, more.networks.element, more.address.element);
  const once = onceName();
  formIn(dialog, [name, scopes, expires, { element: rest }, bare(more.owner), bare(more.note), bare(more.networks), bare(more.address)], "Create key", async () => {
    try {
      return await ask("POST", "/keys", termsOf(name, scopes, expires, more), { once });
    } catch (problem) {
      if (problem.errors.some(({ field: at }) => ["owner", "note", "allow_from", "in_path"].includes(at.split(".")[0]))) rest.open = true;
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

const isSame = (one, other) =>
  Array.isArray(one) ? one.length === other.length && one.every((each) => other.includes(each)) : one === other;

/** A field whose element stands elsewhere in the form already, so that its errors are told there. */
const bare = (each) => ({ ...each, element: document.createComment("") });

export async function editKey(stale, me) {
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
  formIn(dialog, [name, scopes, expires, more.owner, more.note, more.networks, more.address], "Save", () => {
    const changed = Object.fromEntries(Object.entries(termsOf(name, scopes, expires, more)).filter(([at, value]) => !isSame(value, record[at])));
    if (!Object.keys(changed).length) return record;
    return ask("PATCH", `/keys/${record.id}`, changed, { etag: whole.etag });
  });
  name.input.focus();
  const saved = await dialog.closed;
  if (saved) { records.put(saved); toast(`“${saved.name}” is saved.`); }
}
