"""A hub of its own to measure, or to kill: `manage.py up` on a fresh data folder and free ports."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.embedded.home import make_folder, read_run_file
from config.embedded.server import free_port
from config.startup import answers

ROOT = Path(__file__).parents[1]
# What the one who starts a hub may have set for another one.
_OTHERS = ("DATABASE_URL", "DATABASE_ADMIN_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL")

ATTEMPTS = 3
_TAKEN = re.compile(r"[Aa]ddress already in use|port \d+ is taken")


class Hub:
    """One `manage.py up`. `log` is what it printed; `environment` is added to what it is told."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.home, self.log = folder / "home", folder / "up.log"
        self.port = free_port()
        inherited = {name: value for name, value in os.environ.items() if name not in _OTHERS}
        self.environment = inherited | {
            "HUB_HOME": str(self.home),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "EVENTS_PORT": str(free_port()),
            "HUB_DEMO": "0",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self, *, seconds: float = 90.0) -> None:
        """Start it and wait until the web answers and every process is in the run file.

        A port that was free when it was chosen may be somebody's by now: then others are tried. Raises RuntimeError
        with the log when it does not come up.
        """
        for _ in range(ATTEMPTS):
            before = self.log.stat().st_size if self.log.exists() else 0
            if self._comes_up(seconds):
                return
            if not _TAKEN.search(self.log.read_text()[before:]):
                break
            self.stop()
            self.port = free_port()
            self.environment |= {"PORT": str(self.port), "EVENTS_PORT": str(free_port())}
        raise RuntimeError(f"The hub did not come up.\n{self.log.read_text()}")

    def _comes_up(self, seconds: float) -> bool:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            if answers(f"{self.url}/livez", seconds=0.2) and "Tandem is ready" in self.log.read_text():
                return True
        return False

    def run(self) -> dict[str, Any]:
        """The run file: addresses, ports and `pids`. Raises RuntimeError when there is none."""
        found = read_run_file(self.home)
        if found is None:
            raise RuntimeError("The hub does not run.")
        return found

    def pid(self, name: str) -> int:
        """The process id of `up`, `web`, `events`, `worker`, `clock`, `postgres` or `redis`."""
        return int(self.run()["pids"][name])

    def manage(self, *arguments: str) -> str:
        """Run another command of manage.py against it; what it printed. Raises CalledProcessError."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the launcher."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, *, seconds: float = 60.0) -> int:
        """The exit code of the launcher, once it has ended."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self) -> int | None:
        """Stop everything in order; the exit code, None when it never ran."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()


@contextmanager
def hub(*, database: Path | None = None, **environment: str) -> Iterator[Hub]:
    """A running hub in a folder of its own, stopped and removed afterwards; `database` is a migrated cluster at rest
    that it begins with a copy of."""
    # Outside the checkout, whose parents the account of PostgreSQL may not be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="tandem-hub-"))
    folder.chmod(0o755)
    running = Hub(folder, **environment)
    if database is not None:
        make_folder(running.home)
        # cp keeps the owner, which is another account when we are root.
        subprocess.run(["cp", "-a", str(database), str(running.home / "postgres")], check=True)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)
