import { remember } from "./theme.js";

const NARROW = matchMedia("(max-width: 39.99rem)");
const root = document.documentElement;

function drawer(open) {
  if (open) root.dataset.drawer = "open";
  else delete root.dataset.drawer;
  const main = document.querySelector(".shell-main");
  if (main) main.inert = open;
  document.querySelector("[data-nav-toggle]")?.setAttribute("aria-expanded", String(open));
  if (open) document.querySelector(".shell-link")?.focus();
}

function fold() {
  const rail = root.dataset.nav !== "rail";
  if (rail) root.dataset.nav = "rail";
  else delete root.dataset.nav;
  remember("nav", rail ? "rail" : "");
  document.querySelector("[data-nav-fold]").setAttribute("aria-pressed", String(rail));
  // Charts measure their box, and the box has just changed width.
  window.dispatchEvent(new Event("resize"));
}

function typing(target) {
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

export function shell() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-nav-toggle]")) drawer(root.dataset.drawer !== "open");
    else if (event.target.closest("[data-nav-close]")) drawer(false);
    else if (event.target.closest("[data-nav-fold]")) fold();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && root.dataset.drawer === "open") {
      drawer(false);
      document.querySelector("[data-nav-toggle]").focus();
    }
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "/" && plain && !typing(event.target)) {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select();
    }
  });
  NARROW.addEventListener("change", () => drawer(false));
}
