"""HUB_HOME: the data folder of the one-machine mode, and the run file that its processes share."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

RUN_FILE = "run.json"
SECRET_FILE = "secret_key"


def hub_home() -> Path:
    """The data folder, absolute: HUB_HOME, else `.hub` beside manage.py. It may not exist yet."""
    return Path(os.environ.get("HUB_HOME") or Path(__file__).parents[2] / ".hub").absolute()


def make_folder(folder: Path) -> Path:
    """Make a folder that a server without privileges can pass through; existing folders keep their mode."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        # The umask of root is often 077; what must stay secret has its own mode, file by file.
        folder.chmod(0o755)
    return folder


def read_run_file(home: Path) -> dict[str, Any] | None:
    """The addresses and process ids of the running hub; None when it never ran or the file is torn."""
    try:
        found = json.loads((home / RUN_FILE).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_run_file(home: Path, run: dict[str, Any]) -> None:
    """Replace the run file at one stroke; it holds passwords, so only its owner may read it."""
    write_secret(make_folder(home) / RUN_FILE, json.dumps(run, indent=2) + "\n")


def remove_run_file(home: Path) -> None:
    """Forget the addresses: nothing listens there any more."""
    (home / RUN_FILE).unlink(missing_ok=True)


def write_secret(path: Path, text: str) -> None:
    """Write a file of mode 0600 whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def secret_key(home: Path) -> str:
    """The signing key of this installation, made once; two processes that ask at once get the same."""
    path = home / SECRET_FILE
    if not path.exists():
        draft = make_folder(home) / f".{SECRET_FILE}.{secrets.token_hex(4)}"
        write_secret(draft, secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
