// [data-live] keeps itself up to date: told by the stream at once, by asking every few seconds where there is none.
// Quietly, and never under somebody's hands: what could not be shown then is shown with the next tick.
const HANDS_OFF_MS = 4000;
const stale = new WeakSet();
let streaming = false;
let touchedAt = -HANDS_OFF_MS;

// Somebody changes something here: let them see what becomes of it before the list moves on.
function touch(requestConfig) {
  if (requestConfig.verb !== "get") touchedAt = performance.now();
}

export const isLive = (element) => element.hasAttribute?.("data-live") ?? false;
const isBusy = (element) =>
  document.hidden ||
  performance.now() - touchedAt < HANDS_OFF_MS ||
  element.contains(document.activeElement) ||
  element.querySelector("details[open]") !== null;
const all = () => document.querySelectorAll("[data-live]");

export function live(htmx) {
  htmx.on("htmx:sseOpen", () => {
    streaming = true;
    // What happened before the stream was there: looked for once, with the next tick.
    all().forEach((element) => stale.add(element));
  });
  htmx.on("htmx:sseError", () => {
    streaming = false;
  });
  htmx.on("htmx:sseClose", () => {
    streaming = false;
  });
  htmx.on("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (!isLive(elt)) {
      touch(requestConfig);
      return;
    }
    // A tick of the clock comes without an event, a push with one.
    const pushed = requestConfig.triggeringEvent !== undefined;
    if (!pushed && streaming && !stale.has(elt)) event.preventDefault();
    else if (isBusy(elt)) {
      stale.add(elt);
      event.preventDefault();
    } else stale.delete(elt);
  });
  htmx.on("htmx:afterRequest", (event) => {
    if (!isLive(event.detail.elt)) touch(event.detail.requestConfig);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    all().forEach((element) => stale.has(element) && htmx.trigger(element, "shown"));
  });
}
