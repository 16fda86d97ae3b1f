"""`manage.py up`: everything starts by one command and stops as one."""

import os
import re
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from bench.stack import Hub

pytestmark = [pytest.mark.kill, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tandem-up-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def hub(folder: Path) -> Iterator[Hub]:
    """A hub on the folder that the tests of this module share: the first one migrates, the others start quickly."""
    made = Hub(folder)
    made.log.unlink(missing_ok=True)
    yield made
    made.stop()


def gone(pids: dict[str, int], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(runs, pids.values())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(runs, pids.values()))


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children_of(pid: int) -> dict[str, int]:
    """The processes that this one has started, under made-up names."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {f"child {child}": int(child) for child in found}


def wrappers_of(pid: int) -> list[int]:
    """The supervisor's own process around a part."""
    return [int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])]


def test_up_serves_and_stops_everything_cleanly(hub: Hub) -> None:
    hub.start()
    run = hub.run()
    assert {"up", "web", "worker", "bulk", "clock", "postgres", "redis"} <= set(run["pids"])
    with psycopg.connect(run["database_url"]) as connection:
        assert connection.execute("SELECT count(*) FROM django_migrations").fetchone() != (0,)
    with redis.Redis.from_url(run["redis_url"]) as broker:
        assert broker.ping()
    hub.signal(signal.SIGINT)
    assert hub.wait() == 0
    assert gone(run["pids"], seconds=10)
    assert not (hub.home / "run.json").exists()
    # PostgreSQL was stopped, not killed: a clean end leaves no pid file.
    assert not (hub.home / "postgres" / "cluster" / "postmaster.pid").exists()
    assert "worker: Warm shutdown" in hub.log.read_text()


def test_the_second_start_finds_its_data(hub: Hub) -> None:
    hub.start()
    hub.manage("create_tenant", "kept", "--name=Kept")
    hub.stop()
    hub.start()
    with psycopg.connect(hub.run()["database_url"]) as connection:
        assert connection.execute("SELECT name FROM tenancy_tenant WHERE slug = 'kept'").fetchone() == ("Kept",)


@pytest.mark.parametrize("victim", ["web", "worker", "bulk", "redis"])
def test_a_part_that_dies_ends_the_whole_with_a_clear_line(hub: Hub, victim: str) -> None:
    hub.start()
    pids = hub.run()["pids"]
    family = children_of(pids[victim])
    os.kill(pids[victim], signal.SIGKILL)
    assert hub.wait() == 1
    assert gone(pids | family, seconds=10)
    assert re.search(rf"(?i)^{victim} ended by itself", hub.log.read_text(), re.MULTILINE)


def test_web_processes_that_outlived_launcher_and_parent_are_ended_by_the_next_start(hub: Hub) -> None:
    hub.start()
    pids = hub.run()["pids"]
    orphans = children_of(pids["web"])
    assert orphans
    for pid in (*wrappers_of(pids["web"]), pids["web"]):
        os.kill(pid, signal.SIGKILL)
    hub.signal(signal.SIGKILL)
    hub.wait()
    hub.start()
    assert gone(pids | orphans, seconds=30)


def test_a_killed_launcher_leaves_nothing_behind_and_starts_again(hub: Hub) -> None:
    hub.start()
    pids = hub.run()["pids"]
    hub.signal(signal.SIGKILL)
    hub.wait()
    hub.start()
    # A worker that was at work when its launcher died ends its task first.
    assert gone(pids, seconds=30)


def test_a_second_launcher_on_the_same_folder_is_told_where_the_first_one_is(hub: Hub) -> None:
    hub.start()
    second = Hub(hub.home.parent)
    second.log = hub.home.parent / "second.log"
    with pytest.raises(RuntimeError, match=rf"already runs on .* at http://localhost:{hub.port}"):
        second.start()
    assert second.wait() == 1


def test_a_taken_port_is_named_before_anything_starts(hub: Hub) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", hub.port))
        squatter.listen()
        with pytest.raises(RuntimeError, match=rf"Port {hub.port} on 127\.0\.0\.1 is taken\. .* PORT"):
            hub.start()
    assert not (hub.home / "run.json").exists()
