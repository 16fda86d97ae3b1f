"""The embedded PostgreSQL, with each trap that a launcher meets in practice."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.embedded import account, binaries, postgres
from config.embedded.account import Account, reachable_folder, server_account, this_account
from config.embedded.errors import EmbeddedError
from config.embedded.postgres import APP, MIGRATOR
from tests import services

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to another account")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that any account can enter; pytest's own is for its owner only."""
    made = Path(tempfile.mkdtemp(prefix="tandem-pg-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def data(folder: Path) -> Path:
    """A stopped cluster, copied: making one anew takes half a second each time."""
    services.migrated_cluster(folder / "data").stop()
    return folder / "data"


def one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


@pytest.mark.slow
def test_a_new_cluster_has_its_roles_and_what_is_written_survives_a_restart(folder: Path) -> None:
    cluster = postgres.start(folder / "data", fsync=False)
    try:
        rights = "SELECT rolsuper::text || rolbypassrls || rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert one(cluster.url(APP), rights) == "falsefalsefalse"
        assert one(cluster.url(MIGRATOR), rights) == "falsetruetrue"
        assert one(cluster.url(), "SELECT datlocale FROM pg_database WHERE datname = current_database()") == "C.UTF-8"
        with psycopg.connect(cluster.url(MIGRATOR)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    finally:
        cluster.stop()
    assert not cluster.alive()
    again = postgres.start(folder / "data", fsync=False)
    try:
        assert one(again.url(MIGRATOR), "SELECT answer FROM kept") == 42
    finally:
        again.stop()


def test_passwords_are_asked_for_and_kept_from_others(data: Path) -> None:
    cluster = postgres.start(data, fsync=False)
    try:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            one(cluster.url().replace(cluster.passwords[APP], "guess"), "SELECT 1")
        assert stat.S_IMODE((data / "passwords.json").stat().st_mode) == 0o600
        arguments = Path(f"/proc/{cluster.pid}/cmdline").read_bytes().decode()
        assert not any(password in arguments for password in cluster.passwords.values())
    finally:
        cluster.stop()


def test_a_data_folder_may_lie_deeper_than_a_socket_path_reaches(folder: Path, data: Path) -> None:
    deep = folder / ("deep" * 20) / ("down" * 20) / "data"
    deep.parent.mkdir(parents=True)
    data.rename(deep)
    assert len(str(deep)) > 108
    cluster = postgres.start(deep, fsync=False)
    assert one(cluster.url(), "SELECT 1") == 1
    cluster.stop()


def test_it_starts_again_after_kill_9_and_nothing_committed_is_lost(data: Path) -> None:
    cluster = postgres.start(data)
    with psycopg.connect(cluster.url(MIGRATOR)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(cluster.pid, signal.SIGKILL)
    cluster.server.process.wait()
    assert (data / "cluster" / "postmaster.pid").exists()
    again = postgres.start(data)
    try:
        assert one(again.url(MIGRATOR), "SELECT answer FROM kept") == 42
    finally:
        again.stop()


@pytest.mark.slow
def test_a_second_launcher_on_the_same_folder_is_told_so(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = postgres.start(data, fsync=False)
    try:
        monkeypatch.setattr(postgres, "PATIENCE", 0.5)
        with pytest.raises(EmbeddedError, match=rf"process {first.pid}\) still uses .* HUB_HOME"):
            postgres.start(data, fsync=False)
        assert one(first.url(), "SELECT 1") == 1
    finally:
        first.stop()


@pytest.mark.slow
def test_a_taken_port_is_named(data: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"127.0.0.1:{port}: the port is taken"):
            postgres.start(data, port=port, fsync=False)


def test_a_half_made_data_folder_is_refused_and_left_alone(data: Path) -> None:
    (data / "cluster" / "global" / "pg_control").unlink()
    before = sorted(data.rglob("*"))
    with pytest.raises(EmbeddedError, match=r"not a whole PostgreSQL data folder .* move it away"):
        postgres.start(data)
    assert sorted(data.rglob("*")) == before


def test_an_interrupted_first_start_is_made_good(folder: Path) -> None:
    (folder / "data" / "cluster.new" / "base").mkdir(parents=True)
    cluster = postgres.start(folder / "data", fsync=False)
    assert one(cluster.url(), "SELECT 1") == 1
    cluster.stop()


def test_another_major_version_is_refused_with_the_way_out(data: Path) -> None:
    (data / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 14, .*pg_dumpall"):
        postgres.start(data)


def test_lost_passwords_are_refused_rather_than_made_anew(data: Path) -> None:
    (data / "passwords.json").unlink()
    with pytest.raises(EmbeddedError, match=r"passwords\.json is missing"):
        postgres.start(data)


@pytest.mark.slow
def test_postgres_ends_when_its_launcher_is_killed(data: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from config.embedded import postgres;"
        f"print(postgres.start(Path({str(data)!r}), fsync=False).pid, flush=True); time.sleep(60)"
    )
    launcher = subprocess.Popen([sys.executable, "-c", script], cwd=services.ROOT, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    with launcher.stdout:
        pid = int(launcher.stdout.readline())
    launcher.kill()
    launcher.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() or (data / "cluster" / "postmaster.pid").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@AS_ROOT
def test_root_steps_down_and_keeps_the_owner_of_existing_data(data: Path) -> None:
    owner = server_account(data / "cluster")
    assert owner.stepped_down
    assert owner.uid == (data / "cluster").stat().st_uid != 0
    cluster = postgres.start(data, fsync=False)
    assert Path(f"/proc/{cluster.pid}").stat().st_uid == owner.uid
    cluster.stop()


@AS_ROOT
def test_data_under_a_closed_home_moves_to_where_the_account_can_go(folder: Path) -> None:
    home = folder / "closed"
    (home / "data").mkdir(parents=True)
    home.chmod(0o700)
    nobody = server_account(folder / "none")
    moved = reachable_folder(home / "data", nobody, elsewhere=folder / "open")
    assert moved.parent == folder / "open"
    assert nobody.reaches(moved)
    assert (home / "data" / "moved-to").read_text().strip() == str(moved)
    assert reachable_folder(home / "data", nobody, elsewhere=folder / "open") == moved


@AS_ROOT
def test_programs_under_a_closed_home_are_copied_and_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = server_account(folder / "none")
    can = Account.reaches
    packages = binaries._site_packages(binaries.POSTGRES_WHEEL)
    assert packages is not None
    monkeypatch.setattr(Account, "reaches", lambda self, path: not path.is_relative_to(packages) and can(self, path))
    found = binaries.postgres_programs(nobody, copies=folder / "programs")
    assert found.folder.is_relative_to(folder / "programs")
    for program in ("initdb", "postgres"):
        subprocess.run(
            [found.path(program), "--version"], check=True, stdout=subprocess.DEVNULL, cwd="/", **nobody.identity()
        )


def test_data_of_another_user_is_refused_to_an_ordinary_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(EmbeddedError, match=r"belongs to user number .* HUB_HOME"):
        server_account(folder)


def test_a_machine_without_postgres_is_told_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "POSTGRES_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", folder)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(EmbeddedError, match=r"Install PostgreSQL 15 or newer .* DATABASE_URL"):
        binaries.postgres_programs(this_account(), copies=folder)


def test_a_machine_without_an_account_to_step_down_to_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_entry", lambda candidate: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(EmbeddedError, match="no other account"):
        server_account(Path("/nowhere/at/all"))
