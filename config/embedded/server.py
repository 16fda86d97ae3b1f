"""One server process: start it out of the terminal's reach, wait for it, stop it by its pid."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config.embedded.account import Account
from config.embedded.errors import EmbeddedError

_PR_SET_PDEATHSIG = 1
# Found before the fork: loading a library between fork and exec may deadlock.
_libc = ctypes.CDLL(None, use_errno=True) if os.uname().sysname == "Linux" else None


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """A running child and its log. `asks` are the signals that stop it, politest first."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    asks: Sequence[signal.Signals]

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self, *, patience: float = 20.0) -> None:
        """Stop it and wait for its end, at most `patience` seconds for each ask; it may be gone already."""
        for ask in (*self.asks, signal.SIGKILL):
            if not self.alive():
                return
            self.process.send_signal(ask)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue

    def last_words(self) -> str:
        """The end of what it logged since this start, for a message."""
        return tail(self.log)


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """Have the kernel send this signal to the calling process when its parent is gone; Linux only."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number))


def spawn(
    name: str,
    command: Sequence[str],
    *,
    account: Account,
    log: Path,
    asks: Sequence[signal.Signals],
    stdin: str = "",
) -> Server:
    """Start a server in its own session, with an empty log and a plain environment.

    Its own session, so that Ctrl-C in the terminal reaches the launcher only, which stops servers last.
    If the launcher itself is killed, the kernel sends the first of `asks`.
    """

    log.unlink(missing_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=plain_environment(),
            start_new_session=True,
            preexec_fn=partial(end_with_parent, asks[0]),
            **account.identity(),
        )
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(stdin.encode())
    return Server(name, process, log, asks)


def plain_environment() -> dict[str, str]:
    """English messages whatever the user's language: the launcher reads them."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def tail(log: Path, *, lines: int = 12) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def wait_until_it_answers(server: Server, answers: Callable[[], bool], *, seconds: float) -> bool:
    """Ask again and again; False when the server ended instead.

    Raises EmbeddedError when it neither answers nor ends in time (it is stopped then).
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not server.alive():
            return False
        if answers():
            return True
        time.sleep(0.03)
    server.stop()
    raise EmbeddedError(
        f"{server.name} did not answer within {seconds:.0f} s. The end of its log {server.log}:\n{server.last_words()}"
    )
