// Tabs that do not fit scroll sideways: the one that is open is never the one out of sight.
export function tabs(root) {
  for (const open of root.querySelectorAll('.tabs-ui > [aria-current="page"], .hub-nav [aria-current="page"]')) {
    const row = open.closest(".tabs-ui, .hub-nav");
    const over = [row, ...row.querySelectorAll("ul")].find((box) => box.scrollWidth > box.clientWidth);
    if (!over) continue;
    const box = over.getBoundingClientRect();
    const tab = open.getBoundingClientRect();
    if (tab.left < box.left || tab.right > box.right) over.scrollLeft += tab.left - box.left - (box.width - tab.width) / 2;
  }
}
