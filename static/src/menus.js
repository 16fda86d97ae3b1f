// Menus are <details class="menu-ui">, explanations <details class="source">: without script they still open.
const OPEN = "details:is(.menu-ui, .source)[open]";

function close(details, { focus = false } = {}) {
  details.open = false;
  if (focus) details.querySelector("summary").focus();
}

function move(event, menu) {
  const items = [...menu.querySelectorAll(".menu-item")];
  if (items.length === 0) return;
  const step = event.key === "ArrowDown" ? 1 : -1;
  const at = items.indexOf(document.activeElement);
  items[(at + step + items.length) % items.length].focus();
  event.preventDefault();
}

export function menus() {
  document.addEventListener("click", (event) => {
    for (const details of document.querySelectorAll(OPEN)) {
      if (!details.contains(event.target)) close(details);
    }
  });
  document.addEventListener("keydown", (event) => {
    const open = document.querySelector(OPEN);
    if (!open) return;
    if (event.key === "Escape") close(open, { focus: true });
    if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event, open);
  });
  // A mouse may also rest on an explanation; touch and keyboard open it through <summary>.
  document.addEventListener("pointerover", (event) => {
    const source = event.pointerType === "mouse" && event.target.closest?.("details.source");
    if (source) source.open = true;
  });
  document.addEventListener("pointerout", (event) => {
    const source = event.pointerType === "mouse" && event.target.closest?.("details.source");
    if (source && !source.contains(event.relatedTarget)) source.open = false;
  });
}
