// A menu at a button: native popover, walked with the arrow keys, closed by Esc or by looking elsewhere.

import { h } from "./dom.js";

/** `acts`: [label, do, kind]. */
export function openMenu(opener, acts) {
  const menu = h("div", { class: "menu", popover: "auto", role: "menu" });
  const items = acts.map(([label, act, kind = ""]) =>
    h("button", { type: "button", role: "menuitem", class: kind, onclick: () => { menu.hidePopover(); act(); } }, label),
  );
  menu.append(...items);
  document.body.append(menu);
  menu.showPopover();
  const at = opener.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = at.bottom + size.height + 8 < innerHeight;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - size.height - 4)}px`;
  menu.style.left = `${Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8))}px`;
  items[0].focus();
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Tab") { menu.hidePopover(); opener.focus(); return; }
    const at_ = items.indexOf(document.activeElement);
    const next = { ArrowDown: at_ + 1, ArrowUp: at_ - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    items.at(next % items.length).focus();
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    menu.remove();
    if (document.activeElement === document.body && opener.isConnected) opener.focus();
  });
}
