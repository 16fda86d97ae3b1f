"""The processes of the one-machine mode under one supervisor: web, events, clock, worker and bulk.

honcho starts them and shows what they say. Added here: they stop one after the other, and they end when the
supervisor is killed, so that no half of a hub is left behind.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from honcho.manager import Manager
from honcho.printer import Message, Printer
from honcho.process import Popen, Process

from config.embedded.server import end_with_parent
from config.embedded.stack import Stack

# The doors close first; the worker still finishes what it holds.
STOP_ORDER = ("web", "events", "clock", "bulk", "worker")
PATIENCE = {"web": 10.0, "events": 5.0, "clock": 5.0, "bulk": 30.0, "worker": 30.0}
ORPHANS_PATIENCE = 5.0


@dataclass(frozen=True)
class Part:
    """One process: its command and what is added to the environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


def parts(stack: Stack) -> list[Part]:
    """The processes to run, of those whose module exists."""
    from config.celery import AWAITED, UNHURRIED

    wanted = [
        ("web", "config.wsgi", _granian("wsgi", "config.wsgi", stack.port, workers=_web_workers())),
        ("events", "config.events", _granian("asgi", "config.events", stack.events_port, workers=1)),
        ("worker", "config.celery", _celery("worker", AWAITED, processes=os.environ.get("WORKER_PROCESSES") or "2")),
        # An export that takes a minute keeps no mail waiting.
        ("bulk", "config.celery", _celery("bulk", UNHURRIED, processes="1")),
        ("clock", "config.clock", [sys.executable, "-m", "config.clock"]),
    ]
    # In this mode root is the one user there is; the worker takes no code from its broker, only JSON.
    quiet = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"} if os.geteuid() == 0 else {}
    common = quiet | {
        "HUB_HOME": str(stack.home),
        "PORT": str(stack.port),
        "EVENTS_PORT": str(stack.events_port),
        "PYTHONUNBUFFERED": "1",
    }
    return [
        Part(name, command, common | {"TANDEM_PROCESS": "worker" if name == "bulk" else name})
        for name, module, command in wanted
        if find_spec(module)
    ]


def _web_workers() -> int:
    return int(os.environ.get("WEB_WORKERS") or min(os.cpu_count() or 1, 4))


def _granian(interface: str, module: str, port: int, *, workers: int) -> list[str]:
    command = [sys.executable, "-m", "granian", "--interface", interface, "--host", settings.HOST]
    command += ["--port", str(port), "--workers", str(workers), "--workers-kill-timeout", "5", "--no-ws"]
    if interface == "wsgi":
        command += ["--blocking-threads", os.environ.get("WEB_THREADS") or "32"]
    return [*command, "--respawn-failed-workers", "--log-level", "error", f"{module}:application"]


def _celery(name: str, queues: Sequence[str], *, processes: str) -> list[str]:
    command = [sys.executable, "-m", "celery", "-A", "config.celery", "--quiet", "worker", "--hostname", f"{name}@%h"]
    command += ["--concurrency", processes, "--queues", ",".join(queues)]
    return [*command, "--without-gossip", "--without-mingle", "--loglevel", os.environ.get("LOG_LEVEL") or "INFO"]


class _TiedPopen(Popen):  # type: ignore[misc]  # honcho has no types
    def __init__(self, command: Sequence[str], **options: Any) -> None:
        super().__init__(command, shell=False, preexec_fn=end_with_parent, **options)
        threading.Thread(target=self._end_orphans, daemon=True).start()

    def _end_orphans(self) -> None:
        """End the children of a process that was killed: they hold its output open, and honcho waits for that."""
        self.wait()
        deadline = time.monotonic() + ORPHANS_PATIENCE
        number = signal.SIGTERM
        with suppress(ProcessLookupError):
            while True:
                os.killpg(self.pid, number)
                time.sleep(0.1)
                number = signal.SIGKILL if time.monotonic() > deadline else signal.SIGTERM


class _TiedProcess(Process):  # type: ignore[misc]
    """honcho runs each command under a process of its own, which only a kill ends; tie both to their parent."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._child_ctor = _TiedPopen

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        end_with_parent(signal.SIGKILL)
        super().run(events, ignore_signals)


class _Screen(Printer):  # type: ignore[misc]
    def write(self, message: Message) -> None:
        # The terminal may be closed before we are done: stopping cleanly matters more than saying so.
        with suppress(OSError):
            super().write(message)


class Supervisor(Manager):  # type: ignore[misc]
    """Run the parts until one ends, a server of the stack dies, or somebody says stop."""

    def __init__(self, stack: Stack, *, say: Callable[[str], None], when_started: Callable[[], None]) -> None:
        super().__init__(_Screen(sys.stdout))
        self._process_ctor = _TiedProcess
        self._stack, self._say, self._when_started = stack, say, when_started
        self._stopped_by: str | None = None
        self._terminating: bool = False
        for part in parts(stack):
            self.add_process(part.name, list(part.command), env={**os.environ, **part.environment})

    def run(self) -> int:
        """Block until everything has stopped; 0 after a signal, 1 when something ended by itself."""
        try:
            self.loop()
        except BaseException:
            self._stop_in_order()
            raise
        return 1 if self._stopped_by else 0

    def _start(self) -> None:
        super()._start()
        signal.signal(signal.SIGHUP, self._hang_up)
        # Only now: honcho forks, and a fork keeps no threads.
        threading.Thread(target=self._when_started, daemon=True).start()
        threading.Thread(target=self._watch_servers, daemon=True).start()

    def _hang_up(self, *_: object) -> None:
        self.returncode = 128 + signal.SIGHUP
        self.terminate()

    def _watch_servers(self) -> None:
        while not self._terminating:
            if words := self._stack.dead():
                self._stopped_by = words
                self._say(words)
                self.terminate()
            time.sleep(0.5)

    def terminate(self) -> None:
        """Stop everything, in order. honcho calls it from a signal handler and when a process has ended."""
        if self._terminating:
            return
        self._terminating = True
        if self.returncode is not None and self._stopped_by is None:
            self._name_the_dead()
        threading.Thread(target=self._stop_in_order, daemon=True).start()

    def _name_the_dead(self) -> None:
        for name, process in self._processes.items():
            if (code := process.get("returncode")) is not None:
                self._stopped_by = name
                self._say(f"{name} ended by itself ({_meaning(code)}), so everything is stopped.")

    def _stop_in_order(self) -> None:
        self._say("Stopping …")
        for name in STOP_ORDER:
            if name in self._processes:
                self._stop(name, self._processes[name])

    def _stop(self, name: str, process: dict[str, Any]) -> None:
        """Ask the process itself, never its group: a worker's children finish their task first."""
        if "pid" in process:
            _signal(process["pid"], signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE[name]
        while process["process"].is_alive():
            if time.monotonic() > deadline:
                self._say(f"{name} does not end; killing it.")
                self._procmgr.kill(process["pid"])
                process["process"].join(5)
                return
            time.sleep(0.02)

    def kill(self) -> None:
        """honcho gives everybody five seconds; here each part has its own patience, see `_stop`."""

    def _system_print(self, data: str) -> None:
        # honcho speaks here whenever a process has started or ended: the moment to write the ids down.
        pids = {name: process["pid"] for name, process in self._processes.items() if "pid" in process}
        if not self._terminating and pids.items() - self._stack.pids.items():
            self._stack.note(**pids)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _meaning(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
