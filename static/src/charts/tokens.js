// Canvas knows no CSS variables: the colours are read from the tokens at each drawing.
// A 1×1 canvas turns oklch() into the rgb that ECharts can mix.
const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function rgb(color) {
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = color;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return `rgb(${r},${g},${b})`;
}

export function readTokens(element) {
  const style = getComputedStyle(element);
  const token = (name) => rgb(style.getPropertyValue(name).trim());
  return {
    text: token("--color-base-content"),
    muted: token("--muted"),
    grid: token("--chart-grid"),
    axis: token("--line-strong"),
    surface: token("--color-base-100"),
    line: token("--line-strong"),
    up: token("--chart-up"),
    down: token("--chart-down"),
    heat: [token("--heat-low"), token("--heat-high")],
    series: [1, 2, 3, 4, 5, 6].map((n) => token(`--chart-${n}`)),
    font: style.fontFamily,
  };
}
