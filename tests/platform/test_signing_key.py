"""Nothing that serves starts on a key that others know."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.server import free_port

ROOT = Path(__file__).parents[2]
LONG = "k" * 40


def started(folder: Path, *command: str, **told: str) -> subprocess.CompletedProcess[str]:
    """A process of the product in an environment that tells nothing but this."""
    plain = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=plain | {"HUB_HOME": str(folder / "nothing-here")} | told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


READ = ("-c", "from config import settings; print(settings.SECRET_KEY)")


@pytest.mark.parametrize(
    "told",
    [
        {"DATABASE_URL": "postgresql://tandem_app@db/tandem"},
        {"PUBLIC_URL": "https://hub.example"},
        {"TANDEM_PROCESS": "worker"},
    ],
    ids=["external database", "https", "a process that serves"],
)
def test_without_a_key_nothing_that_serves_starts(tmp_path: Path, told: dict[str, str]) -> None:
    done = started(tmp_path, *READ, **told)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Tandem does not start: SECRET_KEY is not set.")
    assert "Traceback" not in done.stderr


def test_with_a_key_it_starts(tmp_path: Path) -> None:
    assert started(tmp_path, *READ, PUBLIC_URL="https://hub.example", SECRET_KEY=LONG).stdout.strip() == LONG


def test_https_takes_no_short_key_and_no_debug(tmp_path: Path) -> None:
    short = started(tmp_path, *READ, PUBLIC_URL="https://hub.example", SECRET_KEY="short")
    assert "SECRET_KEY is shorter than 32 characters" in short.stderr
    shown = started(tmp_path, *READ, PUBLIC_URL="https://hub.example", SECRET_KEY=LONG, DEBUG="1")
    assert "DEBUG=1" in shown.stderr


def test_setting_up_runs_on_a_key_that_nobody_can_know(tmp_path: Path) -> None:
    keys = {started(tmp_path, *READ).stdout.strip() for _ in range(2)}
    assert len(keys) == 2
    assert all(len(key) >= 48 for key in keys)


def test_the_web_process_ends_with_that_line(tmp_path: Path) -> None:
    serve = ["-m", "granian", "--interface", "wsgi", "--port", str(free_port()), "config.wsgi:application"]
    done = started(tmp_path, *serve, DATABASE_URL="postgresql://tandem_app@db/tandem")
    assert done.returncode != 0
    assert "Tandem does not start: SECRET_KEY is not set." in done.stderr + done.stdout
