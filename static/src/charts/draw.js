import { BarChart, HeatmapChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { optionFor } from "./options.js";
import { readTokens } from "./tokens.js";

echarts.use([
  BarChart, LineChart, HeatmapChart, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent,
  VisualMapComponent, CanvasRenderer,
]);

const drawn = new Map();
const still = matchMedia("(prefers-reduced-motion: reduce)");

function paint(element, { chart, spec }) {
  const narrow = element.clientWidth < 480;
  const option = optionFor(spec, readTokens(element), { narrow, width: element.clientWidth });
  chart.setOption({ animation: !still.matches, animationDuration: 250, ...option }, true);
}

function follow(links, event) {
  const href = links?.[event.dataIndex];
  if (href) location.assign(href);
}

const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const entry = drawn.get(target);
    if (!entry) continue;
    entry.chart.resize();
    paint(target, entry);
  }
});

function forget() {
  for (const [element, { chart }] of drawn) {
    if (element.isConnected) continue;
    boxes.unobserve(element);
    chart.dispose();
    drawn.delete(element);
  }
}

/** Draws the chart of one `<div data-chart="id of its JSON spec">`; drawn once, repainted on theme and size. */
export function draw(element) {
  forget();
  if (drawn.has(element)) return;
  const spec = JSON.parse(document.getElementById(element.dataset.chart).textContent);
  const chart = echarts.init(element, null, { renderer: "canvas" });
  chart.on("click", (event) => follow(spec.links, event));
  const entry = { chart, spec };
  drawn.set(element, entry);
  paint(element, entry);
  boxes.observe(element);
}

document.addEventListener("themechange", () => drawn.forEach((entry, element) => paint(element, entry)));
window.addEventListener("beforeprint", () => drawn.forEach(({ chart }) => chart.resize()));
