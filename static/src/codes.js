// A sign-in code may be pasted with spaces or dashes, in any case.
export function confirmCodes() {
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.(".code-input")) return;
    event.target.value = event.target.value.replace(/\s/g, "").toUpperCase();
  });
}
