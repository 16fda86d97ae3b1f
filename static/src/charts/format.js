// Figures in a chart speak as the page does: the page's locale, the series' unit.
const locale = () => document.documentElement.lang || "en";

/** A unit is {style: "money", currency, digits} in minor units, {style: "percent"} as ratios, or {style: "number"}. */
export function formatter(unit, { short = false } = {}) {
  const notation = short ? { notation: "compact", maximumFractionDigits: 1 } : {};
  if (unit.style === "money") {
    const scale = 10 ** unit.digits;
    const whole = short ? {} : { maximumFractionDigits: 0 };
    const format = new Intl.NumberFormat(locale(), {
      style: "currency", currency: unit.currency, currencyDisplay: "narrowSymbol", ...whole, ...notation,
    });
    return (value) => format.format(value / scale);
  }
  if (unit.style === "percent") {
    const format = new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: short ? 0 : 1 });
    return (value) => format.format(value);
  }
  const format = new Intl.NumberFormat(locale(), notation);
  return (value) => format.format(value);
}
