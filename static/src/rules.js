// The rows of a rule by keyboard: Enter goes on to the next row, and after the last one adds another.
const ROW = "[data-filter-row]";
let added = false;

export function rules(htmx) {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-adds-row]")) added = true;
  });
  htmx.on("htmx:load", (event) => {
    if (!added || !event.target.matches?.(ROW)) return;
    added = false;
    event.target.querySelector("select")?.focus();
  });
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
