"""Write the lock files: `python -m config.embedded.lock`, called by `make lock`.

One set for every Python and platform, with hashes and without the addresses of a package index, so that it
works behind any mirror.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPTIONS = ("--universal", "--generate-hashes", "--python-version=3.11", "--no-annotate", "--no-header")
# A mirror or a folder of wheels on the developer's machine must not show.
NAMELESS = ("--no-emit-index-url", "--no-emit-find-links", "--upgrade", "--quiet")


def compile_lock(target: str, *sources: str, typed: str | None = None) -> None:
    """Resolve the sources, or the requirement given as text, into one lock file."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, *NAMELESS, f"--output-file={target}"]
    subprocess.run([*command, *(sources or ("-",))], input=typed, text=True, cwd=ROOT, check=True)


if __name__ == "__main__":
    compile_lock("requirements.txt", "pyproject.toml")
    compile_lock("requirements-dev.txt", "pyproject.toml", "--group=dev")
    compile_lock("requirements-uv.txt", typed="uv\n")
