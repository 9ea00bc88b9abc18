// Dialogs and the fields in them: native <dialog>, labels that belong to their fields, and every refusal told
// at the field it is about.

import { button, h, icon, replace, unseen } from "./dom.js";

let number = 0;

/** A fresh id for an element. */
export const newId = (word) => `${word}-${++number}`;

/**
 * Open a dialog. `isGuarded`: what was typed is not thrown away unasked. `mayClose` is asked before Esc or the
 * cross close it.
 * Returns {element, body, foot, close, closed (a promise)}.
 */
export function openDialog(title, { wide = false, mayClose = () => true, isGuarded = false } = {}) {
  const titleId = newId("title");
  const body = h("div", { class: "dialog-body" });
  const foot = h("div", { class: "dialog-foot" });
  const back = wayBack(document.activeElement);
  let done;
  const closed = new Promise((resolve) => { done = resolve; });
  const close = (value) => {
    if (!element.isConnected) return;
    element.close();
    element.remove();
    back();
    done(value);
  };
  let isTyped = false;
  let asked = null;
  const keepTyped = () => {
    if (!isGuarded || !isTyped) return false;
    asked ??= h("div", { class: "note ask", role: "alertdialog", "aria-label": "Throw away what you typed?" }, h("p", null, h("b", null, "Throw away what you typed?")), h("div", { class: "acts" }, button("Keep typing", () => { asked.remove(); body.querySelector("input")?.focus(); }, { kind: "primary" }), button("Throw away", () => close())));
    foot.before(asked);
    asked.querySelector("button").focus();
    return true;
  };
  const tryClose = () => { if (mayClose() && !keepTyped()) close(); };
  const element = h(
    "dialog",
    { class: wide ? "wide" : "", "aria-labelledby": titleId },
    h(
      "div",
      { class: "dialog-head" },
      h("h2", { id: titleId }, title),
      h("button", { type: "button", class: "cross", onclick: tryClose }, icon("close"), unseen("Close")),
    ),
    body,
    foot,
  );
  element.addEventListener("input", () => { isTyped = true; });
  element.addEventListener("cancel", (event) => { event.preventDefault(); tryClose(); });
  // Chrome closes at a second Esc whatever was said to the first: so the key itself is taken.
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.preventDefault(); tryClose(); }
  });
  document.body.append(element);
  element.showModal();
  return { element, body, foot, close, closed };
}

/**
 * What gives the focus back to where it is now. What was drawn anew meanwhile is known by its row or by its
 * words; what is gone leaves the focus with the view, never with nothing.
 */
export function wayBack(from) {
  const row = from?.closest?.("[data-id]")?.dataset.id;
  const words = from?.textContent;
  return () => {
    const likely = row
      ? [...document.querySelectorAll(`[data-id="${CSS.escape(row)}"] [data-what="${from.dataset.what}"]`)]
      : [...document.querySelectorAll("#main button")].filter((each) => words && each.textContent === words && each.checkVisibility());
    const to = from?.isConnected && from.checkVisibility() ? from : likely[0];
    if (to) to.focus();
    else document.getElementById("main").focus({ preventScroll: true });
  };
}

/** A labelled field. `input` is an element; hint and error are tied to it for screen readers. */
export function field(label, input, { hint, name, optional = false } = {}) {
  const id = input.id || newId("field");
  const hintId = `${id}-hint`;
  const errorId = `${id}-error`;
  input.id = id;
  input.setAttribute("aria-describedby", `${hintId} ${errorId}`);
  const error = h("p", { class: "error", id: errorId, hidden: true });
  const hintElement = h("div", { class: "hint", id: hintId }, hint ?? null);
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label, optional && h("span", { class: "quiet" }, " (optional)")),
    input,
    hintElement,
    error,
  );
  return { element, input, name, hint: hintElement, error, isGroup: false };
}

/** Several choices under one heading. */
export function group(legend, children, { hint, name } = {}) {
  const error = h("p", { class: "error", hidden: true });
  const element = h(
    "fieldset",
    { class: "field" },
    h("legend", null, legend),
    hint && h("div", { class: "hint" }, hint),
    children,
    error,
  );
  return { element, input: element, name, error, isGroup: true };
}

export const text = (properties = {}) =>
  h("input", { type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off", ...properties });

/**
 * A form in a dialog: fields, a button that does it, and refusals told where they belong.
 * `act` gets nothing and may throw a Problem; what it returns closes the dialog.
 */
export function formIn(dialog, fields, label, act, { kind = "primary", also = [] } = {}) {
  const general = h("div", { class: "error general", role: "alert", hidden: true });
  const submit = h("button", { type: "submit", class: `button ${kind}` }, label);
  const form = h("form", { novalidate: true, id: newId("form") }, general, fields.map((each) => each.element ?? each));
  submit.setAttribute("form", form.id);
  const say = (place, message) => {
    place.hidden = !message;
    place.textContent = message ?? "";
  };
  const clear = () => {
    say(general, null);
    for (const each of fields) {
      if (!each.error) continue;
      say(each.error, null);
      each.input.removeAttribute("aria-invalid");
    }
  };
  const tell = (problem) => {
    const rest = [];
    let first = null;
    for (const wrong of problem.errors ?? []) {
      const at = fields.find((each) => each.name && each.error && each.name.split(" ").includes(wrong.field.split(".")[0]));
      if (!at) { rest.push(`${wrong.field}: ${wrong.message}`); continue; }
      say(at.error, sentence(wrong.message));
      if (!at.isGroup) at.input.setAttribute("aria-invalid", "true");
      first ??= at.isGroup ? (at.element.querySelector("input[type=date]:not([hidden])") ?? at.element.querySelector("input")) : at.input;
    }
    if (!problem.errors?.length || rest.length) say(general, rest.length ? rest.join("; ") : problem.message);
    (first ?? general).focus?.();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    clear();
    submit.disabled = true;
    submit.setAttribute("aria-busy", "true");
    try {
      const value = await act();
      if (value !== undefined) dialog.close(value);
    } catch (problem) {
      tell(problem);
    } finally {
      submit.disabled = false;
      submit.removeAttribute("aria-busy");
    }
  });
  replace(dialog.body, form);
  replace(dialog.foot, also, button("Cancel", () => dialog.close()), submit);
  return { form, submit };
}

const sentence = (message) => `${message[0].toUpperCase()}${message.slice(1)}.`;

/** A text as a page shows it: whoever types what they see has typed it, however many blanks it holds. */
const asShown = (words) => words.normalize().replace(/\s+/g, " ").trim();

/**
 * Ask a yes-or-no question; true if they confirmed. `typed`: a word that has to be typed first. `instead`: a
 * milder way out that is offered too, and is what comes back if it is taken.
 */
export async function confirm(title, body, label, { kind = "primary", typed, instead } = {}) {
  const dialog = openDialog(title);
  const prose = h("div", { class: "prose", id: newId("prose") }, body);
  dialog.element.setAttribute("aria-describedby", prose.id);
  const word = typed && field(["Type ", h("b", null, typed), " to confirm"], text({ class: "mono" }));
  const { submit } = formIn(dialog, [prose, word].filter(Boolean), label, () => true, { kind, also: instead ? button(instead, () => dialog.close("instead")) : [] });
  if (word) {
    submit.disabled = true;
    word.input.addEventListener("input", () => { submit.disabled = asShown(word.input.value) !== asShown(typed); });
    word.input.focus();
  } else {
    submit.focus();
  }
  const answer = await dialog.closed;
  return answer === "instead" ? answer : answer === true;
}
