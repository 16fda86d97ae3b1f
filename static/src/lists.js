// Small changes of a list before it is sent: [data-removes="li"] takes its row away, [data-moves="-1"] moves it.
export function lists() {
  document.addEventListener("click", (event) => {
    const remover = event.target.closest("[data-removes]");
    if (remover) remove(remover);
    const mover = event.target.closest("[data-moves]");
    if (mover) move(mover);
  });
}

function remove(button) {
  const row = button.closest(button.dataset.removes);
  const next = row.nextElementSibling ?? row.previousElementSibling;
  const list = row.parentElement;
  row.remove();
  (next ?? list.closest("form"))?.querySelector("select, button")?.focus();
}

function move(button) {
  const row = button.closest("li");
  if (button.dataset.moves === "-1") row.previousElementSibling?.before(row);
  else row.nextElementSibling?.after(row);
  button.focus();
}
