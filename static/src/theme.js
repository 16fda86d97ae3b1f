// The server reads this cookie and writes data-theme into <html>, so no page flashes in the other theme.
// No cookie, no attribute: the page follows the system.
const YEAR = 60 * 60 * 24 * 365;

export function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = value ? YEAR : 0;
  document.cookie = `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
}

function announce() {
  document.dispatchEvent(new CustomEvent("themechange"));
}

function mark(choice) {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-checked", String(button.dataset.themeChoice === choice));
  }
}

function choose(choice) {
  const root = document.documentElement;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  remember("theme", choice === "system" ? "" : choice);
  mark(choice);
  announce();
}

export function followTheme() {
  mark(document.documentElement.dataset.theme || "system");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (button) choose(button.dataset.themeChoice);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
}
