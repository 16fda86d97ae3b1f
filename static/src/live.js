// [data-live="topic topic"] keeps itself up to date: told by the stream at once, by asking every few seconds where there
// is none. Quietly, and never under somebody's hands: what could not be shown then is shown with the next tick.
const TOPICS = ["signals", "tasks", "messages", "milestones", "qbr", "journeys", "imports"];
const HANDS_OFF_MS = 4000;
// What is told in one breath is fetched at once.
const BREATH_MS = 50;

// News are numbered. An element is stale when there is news for it that came after its content was asked for.
let news = 0;
let opened = 0;
const latest = new Map();
const asked = new WeakMap();
const shown = new WeakMap();

// Whether the stream is there, as html[data-stream]: for whoever looks into the page from outside.
const root = document.documentElement;
let touchedAt = -HANDS_OFF_MS;
let waiting;

export const isLive = (element) => element?.hasAttribute?.("data-live") ?? false;
const newsFor = (element) =>
  Math.max(opened, ...element.dataset.live.split(" ").map((topic) => latest.get(topic) ?? 0));
const isStale = (element) => newsFor(element) > (shown.get(element) ?? 0);
const isBusy = (element) =>
  document.hidden ||
  performance.now() - touchedAt < HANDS_OFF_MS ||
  element.contains(document.activeElement) ||
  element.querySelector("details[open], [data-choose]:checked") !== null;

// Somebody changes something here: let them see what becomes of it before the list moves on.
function touch(requestConfig) {
  if (requestConfig.verb !== "get") touchedAt = performance.now();
}

export function live(htmx) {
  function refresh() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const element of document.querySelectorAll("[data-live]")) {
        if (isStale(element)) htmx.trigger(element, "news");
      }
    }, BREATH_MS);
  }
  function show(element, number) {
    shown.set(element, number);
    if (isStale(element)) refresh();
  }
  const known = new WeakSet();
  htmx.on("htmx:sseOpen", (event) => {
    const { source } = event.detail;
    // What happened before there was a stream is looked for: with the next tick, or at once after a break.
    const again = opened > 0;
    root.dataset.stream = "open";
    opened = news += 1;
    if (again) refresh();
    if (known.has(source)) return;
    known.add(source);
    for (const topic of TOPICS) {
      source.addEventListener(topic, () => {
        latest.set(topic, (news += 1));
        refresh();
      });
    }
  });
  const broken = () => {
    delete root.dataset.stream;
  };
  htmx.on("htmx:sseError", broken);
  htmx.on("htmx:sseClose", broken);
  htmx.on("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (!isLive(elt)) {
      touch(requestConfig);
      return;
    }
    // A tick of the clock comes without an event.
    const ticked = requestConfig.triggeringEvent === undefined;
    if ((ticked && root.dataset.stream && !isStale(elt)) || isBusy(elt)) event.preventDefault();
    else asked.set(elt, news);
  });
  htmx.on("htmx:afterRequest", (event) => {
    const { elt, requestConfig, xhr } = event.detail;
    if (!isLive(elt)) touch(requestConfig);
    // Nothing new there: the element stays.
    else if (xhr.status === 204) show(elt, asked.get(elt) ?? 0);
  });
  htmx.on("htmx:afterSettle", (event) => {
    const before = event.detail.requestConfig?.elt;
    if (isLive(event.target) && before) show(event.target, asked.get(before) ?? 0);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
}
