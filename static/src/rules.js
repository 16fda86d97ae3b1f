// The rows of a rule by keyboard: Enter goes on to the next row, and after the last one adds another.
// A row that comes anew, because what it looks at was changed, keeps the focus and what was typed meanwhile.
const ROW = "[data-filter-row]";
const asked = new WeakMap();
let added = false;
let carried = null;

export function rules(htmx) {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-adds-row]")) added = true;
  });
  htmx.on("htmx:beforeRequest", (event) => {
    const row = event.detail.elt.closest(ROW);
    if (row) asked.set(row, values(row));
  });
  htmx.on("htmx:beforeSwap", (event) => {
    if (event.detail.target.matches(ROW)) carried = leaving(event.detail.target);
  });
  htmx.on("htmx:load", (event) => {
    if (event.detail.elt.matches?.(ROW)) arrived(event.detail.elt);
  });
}

const fields = (row) => [...row.querySelectorAll("input:not([type=hidden]), select")];
const values = (row) => Object.fromEntries(fields(row).map((field) => [field.name, field.value]));

function leaving(row) {
  const before = asked.get(row) ?? {};
  const typed = Object.entries(values(row)).filter(([name, value]) => before[name] !== value);
  return { typed: Object.fromEntries(typed), focus: row.contains(document.activeElement) && document.activeElement.name };
}

function arrived(row) {
  if (carried) {
    for (const field of fields(row)) {
      const fits = field.tagName === "INPUT" || [...(field.options ?? [])].some((option) => option.value === carried.typed[field.name]);
      if (field.name in carried.typed && fits) field.value = carried.typed[field.name];
      if (field.name === carried.focus && document.activeElement === document.body) field.focus();
    }
    carried = null;
    row.dispatchEvent(new Event("input", { bubbles: true }));
  } else if (added) {
    added = false;
    row.querySelector("select")?.focus();
  }
}

function pressed(event) {
  const plain = event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
  const row = plain && event.target.matches("input, select") && event.target.closest(ROW);
  if (!row) return;
  event.preventDefault();
  const rows = [...row.parentElement.querySelectorAll(`:scope > ${ROW}`)];
  const next = rows[rows.indexOf(row) + 1];
  if (next) next.querySelector("select").focus();
  else row.closest("[data-filter-group], [data-rule-form]").querySelector(":scope > p [data-adds-row]").click();
}
