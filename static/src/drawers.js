// <button data-opens="id"> shows the <dialog id>, [data-closes] inside it closes it;
// a dialog that arrives by htmx with data-open-now shows itself.
const typed = new WeakSet();

// Whether a drawer may close: what was typed into it and not sent is not thrown away without asking.
function leaves(dialog) {
  return !typed.has(dialog) || window.confirm("Close without saving what you typed?");
}

function close(dialog) {
  if (leaves(dialog)) dialog.close();
}

export function drawers() {
  document.addEventListener("input", (event) => {
    const dialog = event.target.form?.method === "post" && event.target.closest("dialog");
    if (dialog) typed.add(dialog);
  });
  // Escape; it does not bubble.
  document.addEventListener(
    "cancel",
    (event) => {
      if (event.target instanceof HTMLDialogElement && !leaves(event.target)) event.preventDefault();
    },
    true,
  );
  document.addEventListener("submit", (event) => typed.delete(event.target.closest("dialog")));
  document.addEventListener("close", (event) => typed.delete(event.target), true);
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    const closer = event.target.closest("[data-closes]");
    // A link that closes a drawer is a way back where the same form is a page of its own.
    if (closer?.closest("dialog")) {
      event.preventDefault();
      const dialog = closer.closest("dialog");
      // "Cancel" says it already.
      if (closer.matches("a")) dialog.close();
      else close(dialog);
    }
    // A click on the backdrop reaches the dialog itself, never a child.
    if (event.target instanceof HTMLDialogElement && event.target.open) close(event.target);
  });
  // A form in a drawer that changes the page behind it.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.target.matches?.("[data-closes-after]")) event.target.closest("dialog")?.close();
  });
  document.addEventListener("htmx:load", (event) => {
    const dialog = event.target.closest?.("dialog[data-open-now]");
    if (dialog && !dialog.open) dialog.showModal();
  });
}
