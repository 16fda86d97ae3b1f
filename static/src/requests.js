import { isLive } from "./live.js";

// What every htmx request shares: the line at the top of the page, and a message when one fails.
function say(title, text) {
  const template = document.getElementById("request-failed");
  const toasts = document.querySelector(".toasts");
  if (!template || !toasts) return;
  const toast = template.content.cloneNode(true);
  toast.querySelector("[data-title]").textContent = title;
  toast.querySelector("[data-text]").textContent = text;
  toasts.replaceChildren(toast);
}

export function requests(htmx) {
  const line = document.querySelector(".request-line");
  let running = 0;
  const show = () => line?.classList.toggle("is-active", running > 0);
  htmx.on("htmx:beforeRequest", (event) => {
    if (isLive(event.detail.elt)) return;
    running += 1;
    show();
  });
  htmx.on("htmx:afterRequest", (event) => {
    if (isLive(event.detail.elt)) return;
    running = Math.max(0, running - 1);
    show();
  });
  // A form that could not be saved comes back with what was typed and what is wrong: show it.
  htmx.on("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 409 || event.detail.xhr.status === 422) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  htmx.on("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.detail.elt.matches("form[data-reset-on-success]")) event.detail.elt.reset();
  });
  htmx.on("htmx:sendError", (event) => {
    if (isLive(event.detail.elt)) return;
    say("No connection", "Nothing was changed. Check the network and try again.");
  });
  htmx.on("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 403) say("Not allowed", "Your role does not include this. Nothing was changed.");
    else if (status === 404) say("Not found", "It may have been removed meanwhile. Reload the page.");
    else say("That did not work", `The server answered ${status}. Nothing was changed; try again.`);
  });
  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest(".notice")?.remove();
  });
}
