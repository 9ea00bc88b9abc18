// Moments and spans in words. The gateway's clock counts, not the browser's: `skew` is learnt from answers.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

let skew = 0;

export function learnClock(serverDate) {
  const at = Date.parse(serverDate ?? "");
  if (!Number.isNaN(at) && Math.abs(at - Date.now() - skew) > 1500) skew = at - Date.now();
}

export const now = () => Date.now() + skew;

function span(ms) {
  const size = Math.abs(ms);
  if (size < MINUTE) return `${Math.max(1, Math.round(size / 1000))} s`;
  if (size < HOUR) return `${Math.round(size / MINUTE)} min`;
  if (size < 2 * DAY) return `${Math.round(size / HOUR)} h`;
  if (size < 90 * DAY) return `${Math.round(size / DAY)} days`;
  if (size < 730 * DAY) return `${Math.round(size / (30.44 * DAY))} months`;
  return `${Math.round(size / (365.25 * DAY))} years`;
}

/** "3 min ago", "in 12 days". */
export function relative(at, from = now()) {
  const ahead = at - from;
  if (Math.abs(ahead) < 3000) return "just now";
  return ahead < 0 ? `${span(ahead)} ago` : `in ${span(ahead)}`;
}

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const exact = (at) => EXACT.format(at);
export const date = (at) => DATE.format(at);

/** A moment (RFC 3339) as an element that stays true while it is looked at; exact when hovered. */
export function moment(text, { as = relative } = {}) {
  const at = Date.parse(text);
  const element = document.createElement("time");
  element.dateTime = text;
  element.title = exact(at);
  element.textContent = as(at);
  if (as === relative) element.dataset.live = "";
  return element;
}

export function keepTimesTrue() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-live]")) {
      const text = relative(Date.parse(element.dateTime));
      if (element.textContent !== text) element.textContent = text;
    }
  }, 5000);
}
