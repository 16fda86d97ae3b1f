import Alpine from "@alpinejs/csp";
import htmx from "htmx.org";
import "htmx-ext-sse";
import { drawers } from "./drawers.js";
import { lists } from "./lists.js";
import { live } from "./live.js";
import { followTheme } from "./theme.js";
import { menus } from "./menus.js";
import { rules } from "./rules.js";
import { shell } from "./shell.js";
import { requests } from "./requests.js";
import { builder } from "./builder.js";
import { confirmCodes } from "./codes.js";
import { tabs } from "./tabs.js";

followTheme();
shell();
menus();
drawers();
lists(htmx);
rules(htmx);
live(htmx);
requests(htmx);
confirmCodes();
builder();

// ECharts is ten times the rest of the script: only pages that show a chart fetch it.
async function charts(root) {
  const canvases = root.querySelectorAll("[data-chart]");
  if (canvases.length === 0) return;
  const { draw } = await import("./charts/draw.js");
  canvases.forEach(draw);
}
tabs(document);
charts(document);
htmx.on("htmx:load", (event) => {
  tabs(event.detail.elt);
  charts(event.detail.elt);
});

window.Alpine = Alpine;
Alpine.start();

// A choice that is the whole form: choosing sends it.
document.addEventListener("change", (event) => {
  event.target.closest("[data-submits]")?.form.requestSubmit();
});
