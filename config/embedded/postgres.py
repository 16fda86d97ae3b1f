"""The embedded PostgreSQL: made on first use, reached over TCP on 127.0.0.1 with passwords only.

Roles: `postgres` (superuser; stays inside this module), `tandem_migrator` (owns the database, BYPASSRLS),
`tandem_app` (web and workers: row level security holds for it).
"""

import json
import re
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded import binaries
from config.embedded.account import Account, reachable_folder, server_account
from config.embedded.binaries import PostgresPrograms
from config.embedded.errors import EmbeddedError
from config.embedded.home import make_folder, write_secret
from config.embedded.server import Server, free_port, plain_environment, spawn, wait_until_it_answers

SUPERUSER, MIGRATOR, APP = "postgres", "tandem_migrator", "tandem_app"
DATABASE = "tandem"
ELSEWHERE = Path("/var/lib/tandem")
# How long a killed predecessor may take to let go of the folder, in seconds.
PATIENCE = 10.0
_LEFT_BY_A_KILL = re.compile(r'lock file "postmaster.pid" already exists|pre-existing shared memory block')
_PORT_TAKEN = re.compile(r"could not bind|could not create any TCP/IP sockets")


@dataclass
class Cluster:
    """A running PostgreSQL."""

    server: Server
    port: int
    folder: Path
    passwords: dict[str, str]

    @property
    def pid(self) -> int:
        return self.server.pid

    def alive(self) -> bool:
        return self.server.alive()

    def url(self, role: str = APP, dbname: str = DATABASE) -> str:
        """`postgresql://role:password@127.0.0.1:port/dbname`; KeyError for an unknown role."""
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{dbname}"

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk."""
        self.server.stop()


def start(data_dir: Path, *, port: int | None = None, fsync: bool = True) -> Cluster:
    """Start the cluster kept in `data_dir`, making it on first use, and wait until it answers.

    `fsync=False` is for throw-away clusters of tests. Without `port` a free one is chosen.
    Raises EmbeddedError, whose text says how to mend it: no programs, a folder that is not a whole cluster,
    another major version, another PostgreSQL on the folder, a taken port.
    """
    data_dir = make_folder(data_dir.absolute())
    account = server_account(data_dir / "cluster")
    folder = reachable_folder(data_dir, account, elsewhere=ELSEWHERE)
    programs = binaries.postgres_programs(account, copies=ELSEWHERE)
    passwords = _passwords(folder)
    _ensure_cluster(folder, programs, account, passwords[SUPERUSER])
    server, port = _start_server(folder, programs, account, port, fsync, passwords)
    cluster = Cluster(server, port, folder, passwords)
    try:
        _ensure_roles(cluster)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _passwords(folder: Path) -> dict[str, str]:
    path = folder / "passwords.json"
    if not path.exists():
        if (folder / "cluster").exists():
            raise EmbeddedError(
                f"{path} is missing, and without it nobody can sign in to the database in "
                f"{folder / 'cluster'}. Put the file back, or move {folder} away to start afresh."
            )
        write_secret(path, json.dumps({role: secrets.token_urlsafe(24) for role in (SUPERUSER, MIGRATOR, APP)}))
    found: dict[str, str] = json.loads(path.read_text())
    return found


def _ensure_cluster(folder: Path, programs: PostgresPrograms, account: Account, password: str) -> None:
    cluster = folder / "cluster"
    if not cluster.exists():
        _make_cluster(folder, programs, account, password)
    elif not (cluster / "PG_VERSION").is_file() or not (cluster / "global" / "pg_control").is_file():
        raise EmbeddedError(
            f"{cluster} is not a whole PostgreSQL data folder (PG_VERSION or global/pg_control is "
            "missing). Nothing was changed. Restore it from a backup, or move it away, together with "
            "passwords.json beside it, to start afresh."
        )
    elif (major := (cluster / "PG_VERSION").read_text().strip()) != str(programs.major):
        raise EmbeddedError(
            f"{cluster} was made by PostgreSQL {major}, and the programs here are version "
            f"{programs.major} ({programs.folder}). Dump it with the old version (pg_dumpall) and load "
            "it into a new folder, or set HUB_HOME to another one. Nothing was changed."
        )


def _make_cluster(folder: Path, programs: PostgresPrograms, account: Account, password: str) -> None:
    """Make it under another name first: an interrupted initdb never looks like a cluster."""
    draft, secret = folder / "cluster.new", folder / ".superuser"
    # Only ever written by an interrupted initdb: no server has run on it.
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    write_secret(secret, password)
    for path in (draft, secret):
        account.own(path)
    try:
        made = subprocess.run(
            [programs.path("initdb"), f"--pgdata={draft}", f"--pwfile={secret}", *_initdb(programs)],
            capture_output=True,
            text=True,
            cwd="/",
            env=plain_environment(),
            check=False,
            **account.identity(),
        )
    finally:
        secret.unlink(missing_ok=True)
    if made.returncode:
        raise EmbeddedError(f"A new database could not be made in {folder}:\n{made.stderr.strip()}")
    draft.rename(folder / "cluster")


def _initdb(programs: PostgresPrograms) -> list[str]:
    # Built-in C.UTF-8 (from version 17) sorts the same on every machine; older ones get C from libc.
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if programs.major >= 17 else []
    return [
        f"--username={SUPERUSER}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        *builtin,
        "--no-instructions",
    ]


def _start_server(
    folder: Path,
    programs: PostgresPrograms,
    account: Account,
    port: int | None,
    fsync: bool,
    passwords: dict[str, str],
) -> tuple[Server, int]:
    """Start `postgres`, again when a killed one still holds the folder (10 s), or a chosen port was taken."""
    deadline = time.monotonic() + PATIENCE
    while True:
        chosen = port or free_port()
        server = spawn(
            "PostgreSQL",
            [programs.path("postgres"), *_settings(folder, chosen, fsync)],
            account=account,
            log=folder / "postgres.log",
            asks=(signal.SIGINT, signal.SIGQUIT),
        )
        url = f"postgresql://{SUPERUSER}:{passwords[SUPERUSER]}@127.0.0.1:{chosen}/postgres"
        if wait_until_it_answers(server, partial(_answers, url), seconds=60):
            return server, chosen
        words = server.last_words()
        again = _LEFT_BY_A_KILL.search(words) or (port is None and _PORT_TAKEN.search(words))
        if not again or time.monotonic() > deadline:
            raise EmbeddedError(_why_not(folder, chosen, words))
        time.sleep(0.3)


def _settings(folder: Path, port: int, fsync: bool) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        # No Unix socket: its path may not exceed 107 bytes, and data folders lie deep.
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "max_wal_size": "2GB",
        # Each daily partition of events is a lock of its own.
        "max_locks_per_transaction": "256",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",
    }
    if not fsync:
        settings |= {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
        }
    return ["-D", str(folder / "cluster"), *(f"--{name}={value}" for name, value in settings.items())]


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _why_not(folder: Path, port: int, words: str) -> str:
    if _LEFT_BY_A_KILL.search(words):
        holder = re.search(r"\(PID (\d+)\)", words)
        return (
            f"Another PostgreSQL{f' (process {holder[1]})' if holder else ''} still uses {folder}. Is "
            "`make run` running in another window? Stop it, or choose another data folder with HUB_HOME."
        )
    if _PORT_TAKEN.search(words):
        return f"PostgreSQL cannot listen on 127.0.0.1:{port}: the port is taken."
    return f"PostgreSQL did not start on {folder}. The end of its log:\n{words}"


def _ensure_roles(cluster: Cluster) -> None:
    """Roles and database, made where they are missing: also after a first start that was interrupted."""
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        for role, rights in (
            (MIGRATOR, "LOGIN BYPASSRLS CREATEDB"),
            (APP, "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB"),
        ):
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            connection.execute(
                sql.SQL("{} ROLE {} {} PASSWORD {}").format(
                    sql.SQL("ALTER" if known else "CREATE"),
                    sql.Identifier(role),
                    sql.SQL(rights),
                    sql.Literal(cluster.passwords[role]),
                )
            )
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(MIGRATOR))
            )
    with psycopg.connect(cluster.url(SUPERUSER), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(MIGRATOR)))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(sql.Identifier(APP)))
