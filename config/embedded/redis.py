"""The embedded Redis: broker and cache of the one-machine mode."""

import secrets
import signal
from dataclasses import dataclass
from pathlib import Path

from redis import Redis, RedisError

from config.embedded import binaries
from config.embedded.account import this_account
from config.embedded.errors import EmbeddedError
from config.embedded.home import make_folder, write_secret
from config.embedded.server import Server, free_port, spawn, wait_until_it_answers

DATABASES = 64


@dataclass
class RedisServer:
    """A running Redis on 127.0.0.1 with a password."""

    server: Server
    port: int
    password: str

    @property
    def pid(self) -> int:
        return self.server.pid

    def alive(self) -> bool:
        return self.server.alive()

    def url(self, database: int = 0) -> str:
        """The address of one of its 64 databases."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Write what is pending and end."""
        self.server.stop()


def start(data_dir: Path, *, port: int | None = None) -> RedisServer:
    """Start a Redis on `data_dir`, which is made if need be, and wait until it answers.

    Every write is in an append-only file, flushed each second; nothing is ever evicted. A Redis that was
    killed reads its file again. Raises EmbeddedError with the end of the log when it does not start.
    """
    data_dir = make_folder(data_dir.absolute())
    password, port = _password(data_dir / "password"), port or free_port()
    server = spawn(
        "Redis",
        [str(binaries.redis_server()), "-"],
        account=this_account(),
        log=data_dir / "redis.log",
        asks=(signal.SIGTERM,),
        stdin=_settings(data_dir, port, password),
    )
    started = RedisServer(server, port, password)
    if not wait_until_it_answers(server, lambda: _answers(started), seconds=60):
        raise EmbeddedError(f"Redis did not start on {data_dir}. The end of its log:\n{server.last_words()}")
    return started


def _password(path: Path) -> str:
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(24))
    return path.read_text().strip()


def _settings(data_dir: Path, port: int, password: str) -> str:
    # Over stdin: a password among the arguments would be seen in the list of processes.
    quoted = str(data_dir).replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir "{quoted}"\ndatabases {DATABASES}\n'
        'daemonize no\nsave ""\nappendonly yes\nappendfsync everysec\nmaxmemory-policy noeviction\n'
    )


def _answers(started: RedisServer) -> bool:
    try:
        with Redis.from_url(started.url(), socket_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False
