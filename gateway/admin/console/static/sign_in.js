// Signing in: the key is sent once and forgotten; from then on a session stands for it.

import { session, token } from "./api.js";
import { field, formIn, openDialog } from "./dialog.js";
import { h, replace } from "./dom.js";

const keyInput = () => h("input", { type: "password", class: "mono", autocomplete: "off", spellcheck: "false", required: true, autofocus: true });

/** The first view: resolves with who signed in. */
export function signIn(place) {
  return new Promise((resolve) => {
    const key = field("Admin key", keyInput(), { name: "key", hint: "It begins with the gateway's prefix, such as kh_, and was shown at the first start." });
    const problem = h("p", { class: "error", role: "alert" });
    const submit = h("button", { type: "submit", class: "button primary" }, "Sign in");
    const form = h("form", { class: "card sign-in", novalidate: true }, h("img", { src: "mark.svg", alt: "", width: "48", height: "48" }), h("h1", null, "Keyhatch"), key.element, problem, submit,
      h("details", null, h("summary", null, "Where is my admin key?"), h("p", { class: "hint" }, "The first start of a gateway shows it on the terminal, or writes it to the file ", h("code", null, "admin.key"), " beside the store. If it is lost, run ", h("code", null, "keyhatch admin reset"), " on the gateway's host.")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const typed = key.input.value;
      if (!typed.trim()) { key.input.focus(); return; }
      problem.textContent = "";
      submit.disabled = true;
      try {
        const me = await session.begin(typed);
        key.input.value = "";
        resolve(me);
      } catch (refusal) {
        problem.textContent = refusal.message.replace("The credential in X-API-Key", "What you typed");
        key.input.select();
        key.input.focus();
      } finally {
        submit.disabled = false;
      }
    });
    replace(place, form);
    key.input.focus();
  });
}

let again = null;

/** The session is over: sign in once more above whatever is open, so that nothing typed is lost. */
export function signInAgain(said, onSignedIn) {
  again ??= (async () => {
    token.set(null);
    const dialog = openDialog("Sign in again", { mayClose: () => false });
    dialog.element.classList.add("again");
    const key = field("Admin key", keyInput(), { name: "key" });
    const words = said?.code === "session_ended" || !said ? "Your session is over, after 30 minutes of rest or 12 hours at most." : `Your session is over. ${said.message}`;
    formIn(dialog, [h("p", null, `${words} What you typed is still here.`), key], "Sign in", () => session.begin(key.input.value));
    // There is no way around it but the way out.
    replace(dialog.foot, h("button", { type: "button", class: "button", onclick: () => location.reload() }, "Leave"), dialog.foot.querySelector("[type=submit]"));
    key.input.focus();
    onSignedIn(await dialog.closed);
  })().finally(() => { again = null; });
  return again;
}

