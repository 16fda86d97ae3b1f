// Lists by keyboard, and small changes of a list before it is sent.
//   j k ↓ ↑ a row on, a row back · x choose it · s its sources · Enter open it · e change those chosen · v the views · ? this help
// A list may have keys of its own: [data-key] in a row, or in its [data-bulk] form for the rows that are chosen.
// One row at a time is in the tab order (roving tabindex); nothing happens while somebody types in a field.
const NEXT = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

const rows = () => [...document.querySelectorAll("[data-row]")];
const typing = (target) => target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) || (target.tagName === "INPUT" && target.type !== "checkbox");

export function lists(htmx) {
  document.addEventListener("click", clicked);
  document.addEventListener("change", changed);
  document.addEventListener("keydown", pressed);
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("[data-row]");
    if (row) rove(row);
  });
  htmx.on("htmx:load", prepare);
  prepare();
}

function prepare() {
  const all = rows();
  if (all.length > 0 && !all.some((row) => row.tabIndex === 0)) all[0].tabIndex = 0;
  count();
}

function rove(row) {
  for (const each of rows()) each.tabIndex = each === row ? 0 : -1;
}

function clicked(event) {
  const remover = event.target.closest("[data-removes]");
  if (remover) {
    // Without a script the button asks the server to do it.
    event.preventDefault();
    remove(remover);
  }
  const mover = event.target.closest("[data-moves]");
  if (mover) move(mover);
}

function changed(event) {
  if (event.target.matches("[data-choose-all]")) {
    for (const box of document.querySelectorAll("[data-choose]")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-choose], [data-choose-all]")) count();
  // A new value was given for a field that may be changed: then it is meant.
  if (event.target.matches("[data-ticks]")) event.target.closest(".field").querySelector("[name=set]").checked = true;
}

function count() {
  const boxes = [...document.querySelectorAll("[data-choose]")];
  const chosen = boxes.filter((box) => box.checked);
  for (const box of boxes) {
    const row = box.closest("[data-row]");
    if (row?.matches("tr")) row.setAttribute("aria-selected", String(box.checked));
  }
  const told = document.querySelector("[data-chosen]");
  if (!told) return;
  told.dataset.words ??= told.textContent;
  told.textContent = chosen.length > 0 ? `${chosen.length} chosen` : told.dataset.words;
  const all = document.querySelector("[data-choose-all]");
  all.checked = chosen.length === boxes.length && boxes.length > 0;
  all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
}

function pressed(event) {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (!plain || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.target.closest?.(".menu-ui[open], .choice-ui, .tabs-ui") && event.key.startsWith("Arrow")) return;
  if (act(event.key, event.target.closest?.("[data-row]"))) event.preventDefault();
}

// Whether the key meant something here.
function act(key, row) {
  if (key === "?") return open("keys-help");
  if (rows().length === 0) return false;
  if (key in NEXT) return step(NEXT[key], row);
  if (key === "v") return focus("[data-views] a[aria-current]") || focus("[data-views] a");
  if (/^[a-z]$/.test(key)) {
    const chosen = document.querySelector("[data-choose]:checked") && document.querySelector(`[data-bulk] [data-key="${key}"]`);
    const own = chosen || row?.querySelector(`[data-key="${key}"]`);
    if (own) return press(own);
  }
  // A list whose rows have keys of their own has no other meaning for them.
  if (document.querySelector("[data-bulk] [data-key]") && "es".includes(key)) return false;
  if (key === "e") return submit();
  if (!row) return false;
  if (key === "s") return press(row.querySelector("[data-sources] > summary"));
  if (key === "x") return press(row.querySelector("[data-choose]"));
  if (key === "Enter" && document.activeElement === row) return press(row.querySelector("[data-opens-row]"));
  return false;
}

function step(by, row) {
  const all = rows();
  const at = row ? all.indexOf(row) + by : all.findIndex((each) => each.tabIndex === 0);
  const next = all[Math.min(Math.max(at, 0), all.length - 1)];
  rove(next);
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function press(element) {
  element?.click();
  return Boolean(element);
}

function focus(selector) {
  const found = document.querySelector(selector);
  found?.focus();
  return Boolean(found);
}

function submit() {
  const form = document.querySelector("[data-bulk]");
  form?.requestSubmit();
  return Boolean(form);
}

function open(id) {
  const dialog = document.getElementById(id);
  dialog?.showModal();
  return Boolean(dialog);
}

function remove(button) {
  const row = button.closest(button.dataset.removes);
  const next = row.nextElementSibling ?? row.previousElementSibling;
  const list = row.parentElement;
  row.remove();
  const form = list.closest("form");
  (next ?? form)?.querySelector("select, button:not([tabindex='-1'])")?.focus();
  form?.dispatchEvent(new Event("change", { bubbles: true }));
}

function move(button) {
  const row = button.closest("li");
  if (button.dataset.moves === "-1") row.previousElementSibling?.before(row);
  else row.nextElementSibling?.after(row);
  button.focus();
}
