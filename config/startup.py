"""What has to be so before the processes start: one launcher, free ports, a migrated database."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from django.apps import apps
from django.core.management import get_commands
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from config.embedded.errors import EmbeddedError
from config.embedded.home import make_folder, read_run_file
from config.environment import BASE_DIR


def claim(home: Path) -> TextIO:
    """Make sure that this is the only launcher on the folder; keep the returned file open.

    Processes that a killed launcher left behind are ended. Raises EmbeddedError when another one runs.
    """
    file = (make_folder(home) / "lock").open("a+")
    run = read_run_file(home) or {}
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise EmbeddedError(
            f"Tandem already runs on {home}, at http://localhost:{run.get('port', '…')}. "
            "For a second copy set HUB_HOME and PORT."
        ) from None
    end_leftovers(home, run.get("pids", {}))
    return file


def end_leftovers(home: Path, pids: dict[str, int], *, patience: float = 10.0) -> None:
    """Wait for processes of a launcher that is gone, and kill those that stay.

    Only processes that carry this HUB_HOME; never PostgreSQL, which its own start-up waits for.
    """
    deadline = time.monotonic() + patience
    while left := [pid for pid in {*pids.values(), *_parts_of(home)} if _belongs(pid, home)]:
        if time.monotonic() > deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            deadline += patience
        time.sleep(0.1)


def _belongs(pid: int, home: Path) -> bool:
    return f"HUB_HOME={home}".encode() in _environment(pid)


def _parts_of(home: Path) -> Iterator[int]:
    """Processes that a launcher on this folder has started, their children among them, which no run file names."""
    for entry in Path("/proc").glob("[0-9]*"):
        told = _environment(int(entry.name))
        if f"HUB_HOME={home}".encode() in told and any(line.startswith(b"TANDEM_PROCESS=") for line in told):
            yield int(entry.name)


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def require_free(host: str, port: int, variable: str) -> None:
    """Raise EmbeddedError when something listens on the port already."""
    with socket.socket() as probe:
        # A port that is only winding down may be taken over.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise EmbeddedError(f"Port {port} on {host} {reason}. Choose another with {variable}.") from error


def pending_migrations(url: str) -> int:
    """How many migrations of the installed apps the database lacks; asked past Django's own connection.

    The command starts before there is a database, so Django's settings cannot know its address.
    """
    known = set(MigrationLoader(None, ignore_no_migrations=True).graph.nodes)
    with psycopg.connect(url) as connection:
        if not _table_exists(connection, "django_migrations"):
            return len(known)
        applied = connection.execute("SELECT app, name FROM django_migrations").fetchall()
    return len(known - {(app, name) for app, name in applied})


def _table_exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    return bool(row and row[0])


def wants_demo(url: str) -> bool:
    """Whether to make the demo tenant: nobody forbade it and there is no tenant at all."""
    if os.environ.get("HUB_DEMO") == "0" or "demo" not in get_commands():
        return False
    table = apps.get_model("tenancy", "Tenant")._meta.db_table
    with psycopg.connect(url) as connection:
        return connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))).fetchone() is None


def manage(*arguments: str, environment: dict[str, str], quiet: bool = False) -> None:
    """Run a command of manage.py in a process of its own; raises EmbeddedError with its output when it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=os.environ | environment,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EmbeddedError(f"manage.py {arguments[0]} failed.\n{done.stdout or ''}".strip())


def answers(url: str, *, seconds: float) -> bool:
    """Whether the page answers within this time; any status counts but a server error."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=2) as answer:
                return bool(answer.status < 500)
        except (URLError, OSError):
            time.sleep(0.1)
    return False


def sign_ins(home: Path) -> list[dict[str, Any]]:
    """What the demo wrote for people to sign in with: role, email, password; empty without a demo."""
    try:
        found = json.loads((home / "demo.json").read_text())["sign_ins"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return list(found)
