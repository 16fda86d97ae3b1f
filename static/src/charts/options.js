import { formatter } from "./format.js";

// One builder per kind of chart: (spec, tokens, view) → ECharts option. The shapes of a spec are
// documented where they are made, in hub/shell/charts.py.

function tooltip(tokens, extra) {
  return {
    renderMode: "richText",
    confine: true,
    backgroundColor: tokens.surface,
    borderColor: tokens.line,
    borderWidth: 1,
    padding: [8, 10],
    textStyle: { color: tokens.text, fontFamily: tokens.font, fontSize: 12, fontWeight: 500 },
    ...extra,
  };
}

function legend(spec, tokens) {
  if (spec.series.length < 2) return { show: false };
  return {
    show: true,
    type: "scroll",
    top: 0,
    left: 0,
    icon: "roundRect",
    itemWidth: 10,
    itemHeight: 10,
    itemGap: 14,
    textStyle: { color: tokens.muted, fontFamily: tokens.font, fontSize: 12 },
    pageTextStyle: { color: tokens.muted },
    pageIconColor: tokens.muted,
  };
}

function grid(spec) {
  return { left: 4, right: 12, top: spec.series?.length > 1 ? 36 : 14, bottom: 4, containLabel: true };
}

function categories(spec, tokens, { narrow }, extra = {}) {
  return {
    type: "category",
    data: spec.x,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: tokens.axis } },
    axisLabel: {
      color: tokens.muted, fontFamily: tokens.font, fontSize: narrow ? 10 : 11, hideOverlap: true,
      margin: 10,
    },
    ...extra,
  };
}

function values(spec, tokens, { narrow }, extra = {}) {
  const short = formatter(spec.unit, { short: true });
  return {
    type: "value",
    splitNumber: narrow ? 3 : 4,
    axisLabel: { color: tokens.muted, fontFamily: tokens.font, fontSize: narrow ? 10 : 11, formatter: short },
    splitLine: { lineStyle: { color: tokens.grid } },
    ...extra,
  };
}

function tone(series, tokens, at) {
  if (series.tone === "up") return tokens.up;
  if (series.tone === "down") return tokens.down;
  return tokens.series[at % tokens.series.length];
}

function lines(spec) {
  const long = formatter(spec.unit);
  return (points) => {
    const present = points.filter((point) => point.value !== null && point.value !== undefined && point.value !== "-");
    const rows = present.map((point) => `${point.marker}${point.seriesName ?? ""}  ${long(point.value)}`);
    return [points[0].axisValueLabel, ...rows].join("\n");
  };
}

function bars(spec, tokens, view, { stack } = {}) {
  return {
    tooltip: tooltip(tokens, { trigger: "axis", axisPointer: { type: "shadow" }, formatter: lines(spec) }),
    legend: legend(spec, tokens),
    grid: grid(spec),
    xAxis: categories(spec, tokens, view),
    // A bar's length is its meaning: the axis starts at zero.
    yAxis: values(spec, tokens, view, { min: (range) => (range.min < 0 ? null : 0) }),
    series: spec.series.map((series, at) => ({
      type: "bar",
      name: series.name,
      data: series.values,
      stack: stack ? "all" : undefined,
      barMaxWidth: 36,
      itemStyle: {
        color: tone(series, tokens, at),
        borderRadius: stack ? 0 : [3, 3, 0, 0],
        borderColor: tokens.surface,
        borderWidth: stack ? 1 : 0,
      },
      cursor: spec.links ? "pointer" : "default",
    })),
  };
}

function line(spec, tokens, view) {
  const only = spec.series.length === 1;
  return {
    tooltip: tooltip(tokens, { trigger: "axis", formatter: lines(spec) }),
    legend: legend(spec, tokens),
    grid: grid(spec),
    xAxis: categories(spec, tokens, view, { boundaryGap: false }),
    yAxis: values(spec, tokens, view, { scale: spec.from_zero === false }),
    series: spec.series.map((series, at) => ({
      type: "line",
      name: series.name,
      data: series.values,
      showSymbol: series.values.length < 2,
      symbolSize: 6,
      lineStyle: { width: 2, type: series.dashed ? "dashed" : "solid" },
      itemStyle: { color: tone(series, tokens, at) },
      areaStyle: only ? { opacity: 0.08 } : undefined,
      markLine: at === 0 && spec.mark ? mark(spec, tokens) : undefined,
    })),
  };
}

function mark(spec, tokens) {
  return {
    silent: true,
    symbol: "none",
    lineStyle: { color: tokens.muted, type: "dashed", width: 1 },
    label: { formatter: spec.mark.label, position: "insideStartTop", color: tokens.muted, fontFamily: tokens.font },
    data: [{ yAxis: spec.mark.value }],
  };
}

/** Running levels of a waterfall: what lies under each floating bar, and the bar. */
export function floats(steps) {
  let level = 0;
  return steps.map((step) => {
    if (step.kind === "total") {
      level = step.value;
      return { base: 0, size: step.value };
    }
    const base = step.value < 0 ? level + step.value : level;
    level += step.value;
    return { base, size: Math.abs(step.value) };
  });
}

function stepColor(step, tokens) {
  if (step.kind === "total") return tokens.series[0];
  return step.value < 0 ? tokens.down : tokens.up;
}

/** Lets a long step name break at a space, so that seven names stand side by side on a phone. */
function folded(label, narrow) {
  return narrow && label.length > 7 ? label.replace(/ /g, "\n") : label;
}

function waterfall(spec, tokens, view) {
  const levels = floats(spec.steps);
  const long = formatter(spec.unit);
  const short = formatter(spec.unit, { short: true });
  const shape = { type: "bar", stack: "level", barMaxWidth: 56, barCategoryGap: view.narrow ? "22%" : "32%" };
  const rotate = view.narrow && spec.steps.length > 5 ? 38 : 0;
  const named = { ...spec, x: spec.steps.map((step) => folded(step.label, view.narrow && !rotate)), series: [] };
  const label = (at) => (spec.steps[at].kind === "total" || !spec.steps[at].value ? "" : spec.steps[at].value < 0 ? "−" : "+");
  return {
    tooltip: tooltip(tokens, {
      trigger: "item",
      formatter: ({ dataIndex }) => `${spec.steps[dataIndex].label}\n${long(spec.steps[dataIndex].value)}`,
    }),
    grid: { ...grid(named), top: 28 },
    xAxis: categories(named, tokens, view, {
      axisLabel: {
        color: tokens.muted, fontFamily: tokens.font, fontSize: view.narrow ? 10 : 11, interval: 0, rotate, margin: 10,
      },
    }),
    yAxis: values(spec, tokens, view, { min: 0 }),
    series: [
      { ...shape, silent: true, itemStyle: { color: "transparent" }, data: levels.map(({ base }) => base) },
      {
        ...shape,
        data: levels.map(({ size }, at) => ({
          value: size,
          itemStyle: { color: stepColor(spec.steps[at], tokens), borderRadius: 3 },
        })),
        cursor: spec.links ? "pointer" : "default",
        label: {
          show: true,
          position: "top",
          color: tokens.text,
          fontFamily: tokens.font,
          fontSize: view.narrow ? 9 : 11,
          fontWeight: 600,
          formatter: ({ dataIndex }) => label(dataIndex) + short(Math.abs(spec.steps[dataIndex].value)),
        },
      },
    ],
  };
}

function readable(color) {
  const [r, g, b] = color.match(/\d+/g).map(Number);
  return r * 0.299 + g * 0.587 + b * 0.114 > 140 ? "#14181f" : "#ffffff";
}

function blend([low, high], share) {
  const [from, to] = [low, high].map((color) => color.match(/\d+/g).map(Number));
  return `rgb(${from.map((part, at) => Math.round(part + (to[at] - part) * share)).join(",")})`;
}

function heatmap(spec, tokens, view) {
  const long = formatter(spec.unit);
  const short = formatter(spec.unit, { short: true });
  const seen = spec.cells.flat().filter((value) => value !== null);
  const [low, high] = [spec.low ?? Math.min(...seen), spec.high ?? Math.max(...seen)];
  const share = (value) => Math.min(1, Math.max(0, high === low ? 1 : (value - low) / (high - low)));
  const data = spec.cells.flatMap((row, y) =>
    row.flatMap((value, x) =>
      value === null
        ? []
        : [{ value: [x, y, value], label: { color: readable(blend(tokens.heat, share(value))) } }],
    ),
  );
  // A figure stands in its cell only where it fits; the table below has them all.
  const fits = view.width / (spec.x.length + 2) > 34;
  return {
    tooltip: tooltip(tokens, {
      trigger: "item",
      formatter: ({ value: [x, y, value] }) => `${spec.rows[y]} · ${spec.x[x]}\n${long(value)}`,
    }),
    grid: { left: 4, right: 4, top: 4, bottom: 4, containLabel: true },
    xAxis: categories(spec, tokens, view, { axisLine: { show: false }, splitArea: { show: false } }),
    yAxis: categories({ x: spec.rows }, tokens, view, { inverse: true, axisLine: { show: false } }),
    visualMap: { show: false, min: low, max: high, dimension: 2, inRange: { color: tokens.heat } },
    series: [
      {
        type: "heatmap",
        data,
        label: { show: fits, fontFamily: tokens.font, fontSize: 11, formatter: ({ value }) => short(value[2]) },
        itemStyle: { borderColor: tokens.surface, borderWidth: 2, borderRadius: 4 },
      },
    ],
  };
}

const builders = {
  bar: bars,
  stacked: (spec, tokens, view) => bars(spec, tokens, view, { stack: true }),
  line,
  waterfall,
  heatmap,
};

export function optionFor(spec, tokens, view) {
  return builders[spec.kind](spec, tokens, view);
}
