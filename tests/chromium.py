"""The Chromium of the browser tests: one of this machine, else one that is installed. `python -m tests.chromium`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A fresh profile without any call home.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> Path | None:
    """CHROMIUM, else the first browser on PATH, else the one that Playwright installed."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else _playwrights()


def _playwrights() -> Path | None:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    found = sorted(cache.glob("chromium-*/chrome-linux*/chrome"))
    return found[-1] if found else None


def ensure() -> Path:
    """A Chromium, installed if need be; exits with a clear message when there is no way to one."""
    return (
        find()
        or _install()
        or sys.exit(
            "The browser tests need Chromium: install it (`apt-get install chromium`), or name one with "
            "CHROMIUM=/path, or run `make test-fast`, which does without."
        )
    )


def _install() -> Path | None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-qq", "--yes", "--no-install-recommends", "chromium")
    elif not os.environ.get("CI"):
        _run(sys.executable, "-m", "playwright", "install", "chromium")
    return find()


def watch(page: Page, *, all_errors: bool = False) -> list[str]:
    """A list that fills with what goes wrong in the page: scripts that throw, violations of the content policy.

    `all_errors`: whatever the console calls an error, such as an address that does not answer.
    """
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(error.message))

    def read(message: ConsoleMessage) -> None:
        if message.type == "error" and (all_errors or "Content Security Policy" in message.text):
            wrong.append(message.text)

    page.on("console", read)
    return wrong


def _run(*command: str) -> None:
    print("›", *command, flush=True)
    subprocess.run(
        command, check=False, stdout=subprocess.DEVNULL, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    )


if __name__ == "__main__":
    ensure()
