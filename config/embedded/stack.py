"""PostgreSQL and Redis together, with the run file that tells every process where they are."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.embedded import postgres, redis
from config.embedded.home import make_folder, remove_run_file, secret_key, write_run_file
from config.embedded.postgres import APP, MIGRATOR, Cluster
from config.embedded.redis import RedisServer


@dataclass
class Stack:
    """What the launcher owns. `cluster` or `broker` is None where a URL names an external one."""

    home: Path
    port: int
    events_port: int
    cluster: Cluster | None = None
    broker: RedisServer | None = None
    pids: dict[str, int] = field(default_factory=dict)

    def addresses(self) -> dict[str, str]:
        """`database_url`, `database_admin_url` and `redis_url`, from the environment or of the embedded servers."""
        found = {name: os.environ[name.upper()] for name in _URLS if os.environ.get(name.upper())}
        if self.cluster:
            found |= {"database_url": self.cluster.url(APP), "database_admin_url": self.cluster.url(MIGRATOR)}
        if self.broker:
            found["redis_url"] = self.broker.url()
        return found

    def note(self, **pids: int) -> None:
        """Write the run file again, with further process ids."""
        self.pids.update(pids)
        run: dict[str, Any] = {"port": self.port, "events_port": self.events_port, "pids": self.pids}
        write_run_file(self.home, self.addresses() | run)

    def dead(self) -> str | None:
        """The name of an embedded server that is no longer there, with the end of its log."""
        for owned in (self.cluster, self.broker):
            if owned and not owned.alive():
                return f"{owned.server.name} ended by itself. The end of its log:\n{owned.server.last_words()}"
        return None

    def start_redis(self) -> None:
        """Start the embedded Redis, unless REDIS_URL names another."""
        if not os.environ.get("REDIS_URL"):
            self.broker = redis.start(self.home / "redis")
            self.note(redis=self.broker.pid)

    def start_postgres(self) -> None:
        """Start the embedded PostgreSQL, unless DATABASE_URL names another."""
        if not os.environ.get("DATABASE_URL"):
            self.cluster = postgres.start(self.home / "postgres")
            self.note(postgres=self.cluster.pid)

    def stop(self) -> None:
        """Redis first, PostgreSQL last: nothing is lost that is in PostgreSQL only."""
        for owned in (self.broker, self.cluster):
            if owned:
                owned.stop()
        remove_run_file(self.home)


_URLS = ("database_url", "database_admin_url", "redis_url")


def prepare(home: Path, *, port: int, events_port: int) -> Stack:
    """A stack in which nothing runs yet; its folder and signing key exist."""
    # Static files are served from here too, and the web process asks at once.
    make_folder(home / "static")
    if not os.environ.get("SECRET_KEY"):
        secret_key(home)
    return Stack(home, port, events_port)
