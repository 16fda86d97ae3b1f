"""Workers for tests to kill. Each is a process of its own, forked, as Celery's are, from one that has imported us all.

A process that begins with nothing imports Django and us for seconds, after every death of the one before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Asked by a line of arguments, it answers with the id of a process that works on them. The dead are not waited for.
PARENT = """
import os, signal, sys, traceback
import django
django.setup()
exec(sys.argv[1])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if pid := os.fork():
        print(pid, flush=True)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # What it prints is no answer.
    os.dup2(2, 1)
    code, sys.argv[1:] = sys.argv[2], line.split()
    try:
        exec(code)
    except BaseException:
        traceback.print_exc()
    os._exit(1)
"""


class Worker:
    """A process that is not our child."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone; nothing happens when it is already."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + 30
        while Path(f"/proc/{self.pid}").exists():
            assert time.monotonic() < deadline, f"process {self.pid} is still there"
            time.sleep(0.002)


Start = Callable[..., Worker]


@contextmanager
def workers(imports: str, code: str, **environment: str) -> Iterator[Start]:
    """Start workers that run `code`, which finds what it was started with in `sys.argv[1:]`, after `imports`.

    Those that still live are killed at the end. `environment` is added to ours.
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, imports, code],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    asked, answers = parent.stdin, parent.stdout
    assert asked is not None
    assert answers is not None
    started: list[Worker] = []

    def start(*arguments: str) -> Worker:
        print(*arguments, file=asked, flush=True)
        started.append(Worker(int(answers.readline())))
        return started[-1]

    try:
        yield start
    finally:
        for worker in started:
            worker.kill()
        parent.communicate()
