// <button data-opens="id"> shows the <dialog id>, [data-closes] inside it closes it;
// a dialog that arrives by htmx with data-open-now shows itself.
export function drawers() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    const closer = event.target.closest("[data-closes]");
    // A link that closes a drawer is a way back where the same form is a page of its own.
    if (closer?.closest("dialog")) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
    // A click on the backdrop reaches the dialog itself, never a child.
    if (event.target instanceof HTMLDialogElement && event.target.open) event.target.close();
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
