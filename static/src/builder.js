// A step of a draft is dragged onto a gap; the server moves it and draws the tree anew. By keyboard the step's menu does it.
export function builder() {
  const root = document.querySelector("[data-builder]");
  if (!root) return;
  let held = "";
  root.addEventListener("dragstart", (event) => {
    const step = event.target.closest?.("[data-drag]");
    if (!step) return;
    held = step.dataset.drag;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", held);
    root.classList.add("is-dragging");
  });
  root.addEventListener("dragend", () => {
    held = "";
    root.classList.remove("is-dragging");
    over(null);
  });
  root.addEventListener("dragover", (event) => {
    const gap = held && event.target.closest?.("[data-gap]");
    over(gap || null);
    if (gap) event.preventDefault();
  });
  root.addEventListener("drop", (event) => {
    const gap = held && event.target.closest?.("[data-gap]");
    if (!gap) return;
    event.preventDefault();
    const form = root.querySelector("[data-drop]");
    form.elements.node.value = held;
    form.elements.gap.value = gap.dataset.gap;
    form.requestSubmit();
  });
  function over(gap) {
    root.querySelector(".gap-ui.is-over")?.classList.remove("is-over");
    gap?.classList.add("is-over");
  }
}
