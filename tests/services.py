"""The PostgreSQL and Redis that tests run on: one of each for a run, a database of its own for each process.

The controller (or the only process) starts them before Django reads its settings, and migrates one template
database as the migrator. Every process clones that template. Tests connect as the app role, so row level
security holds in all of them.
"""

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis as redis_client
from psycopg import sql

from config.embedded import postgres, redis
from config.embedded.postgres import APP, DATABASE, MIGRATOR, Cluster

Table = tuple[str, str]

ROOT = Path(__file__).parents[1]
# Up to so many bytes, deleting what a test made is quicker than giving the table and its indexes new files. Each row
# that goes asks every table that may refer to it: of two thousand accounts, for half a minute.
LARGE = 2**17
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tandem-tests"
# What decides how the migrated template looks. A data migration that reads other modules belongs here too.
TEMPLATE_SOURCES = (
    "*/migrations/*.py",
    "*/*/migrations/*.py",
    "*/apps.py",
    "*/*/apps.py",
    "*/*/catalogue.py",
    "config/embedded/*.py",
    "config/settings.py",
    "hub/tenancy/**/*.py",
    "requirements.txt",
)


def prepare() -> None:
    """In the controller or the only process: start the services and point DATABASE_URL and the like at them.

    A worker of xdist finds them in its environment, see `environment_of`.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _start()
        os.environ.update(environment_of("main", number=0))
    seeded()


def environment_of(process: str, *, number: int) -> dict[str, str]:
    """Make a database for one test process; its addresses, Redis database `number` among them."""
    name = f"{DATABASE}_{process}"
    clone(name)
    return {
        "DATABASE_URL": _with_path(os.environ["DATABASE_URL"], name),
        "DATABASE_ADMIN_URL": _with_path(os.environ["DATABASE_ADMIN_URL"], name),
        "REDIS_URL": _with_path(os.environ["REDIS_URL"], str(number)),
    }


def _start() -> None:
    # Outside the checkout, whose parents the account of PostgreSQL may not be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="tandem-tests-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    cluster = migrated_cluster(folder / "postgres")
    atexit.register(cluster.stop)
    broker = redis.start(folder / "redis")
    atexit.register(broker.stop)
    os.environ.pop("DATABASE_DIRECT_URL", None)
    os.environ.update(
        DATABASE_URL=cluster.url(APP),
        DATABASE_ADMIN_URL=cluster.url(MIGRATOR),
        REDIS_URL=broker.url(),
        SECRET_KEY="only-for-tests-" + "x" * 40,
        HUB_HOME=str(folder / "home"),
    )


def migrated_cluster(folder: Path) -> Cluster:
    """A throw-away cluster whose database is migrated; copied from an earlier run where it can be."""
    kept = CACHE / template_key()
    if not kept.is_dir():
        cluster = postgres.start(folder, fsync=False)
        try:
            _migrate(cluster)
        finally:
            cluster.stop()
        _keep(folder, kept)
    elif not folder.exists():
        _copy(kept, folder)
    os.utime(kept)
    return postgres.start(folder, fsync=False)


def migrated() -> Path:
    """A migrated cluster at rest, to begin a hub with; there is one as soon as a run of tests has begun."""
    kept = CACHE / template_key()
    if not kept.is_dir():
        raise RuntimeError("there is no migrated cluster: its sources have changed since the run began")
    return kept


def template_key() -> str:
    """A short hash of every file that decides how the migrated template looks."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted({path for pattern in TEMPLATE_SOURCES for path in ROOT.glob(pattern)}):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _migrate(cluster: Cluster) -> None:
    environment = os.environ | {
        "DATABASE_URL": cluster.url(APP),
        "DATABASE_ADMIN_URL": cluster.url(MIGRATOR),
        "SECRET_KEY": "only-for-tests",
    }
    command = [sys.executable, "manage.py", "migrate", "--database=migrator", "--verbosity=0", "--skip-checks"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The test database could not be migrated:\n{done.stdout}{done.stderr}")


def _keep(folder: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_name(f"{kept.name}.{os.getpid()}")
    _copy(folder, draft)
    try:
        draft.rename(kept)
    except OSError:  # another run was faster
        shutil.rmtree(draft)
    for old in sorted(kept.parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[4:]:
        shutil.rmtree(old, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    # cp keeps the owner, which is another account when we are root; copytree does not.
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def clone(name: str) -> None:
    """Make database `name` anew from the migrated template; it belongs to the migrator."""
    template = _with_path(os.environ["DATABASE_ADMIN_URL"], "postgres")
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(DATABASE))
        )


def clean() -> None:
    """Empty every table that the migrations left empty, as the migrator, and this process's Redis database.

    For tests that commit. Tables that migrations fill (catalogues, content types) are left as they are.
    """
    connection = _admin()
    with connection.transaction():
        filled = [row for row in connection.execute(_sizes(), prepare=True) if row[:2] not in seeded()]
        large = [sql.Identifier(*row[:2]) for row in filled if row[2] > LARGE]
        small = [sql.Identifier(*row[:2]) for row in filled if row[2] <= LARGE]
        if large:
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(large)))
        if small:
            # Foreign keys are looked at when the whole statement is through: the order of the tables is all the same.
            gone = [sql.SQL("{} AS (DELETE FROM {})").format(sql.Identifier(f"x{n}"), t) for n, t in enumerate(small)]
            connection.execute(sql.SQL("WITH {} SELECT").format(sql.SQL(", ").join(gone)))
    with redis_client.Redis.from_url(os.environ["REDIS_URL"]) as broker:
        broker.flushdb()


@cache
def _admin() -> psycopg.Connection:
    connection = psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True)
    # A connection that a test left open in a transaction would block for ever.
    connection.execute("SET lock_timeout = '10s'")
    atexit.register(connection.close)
    return connection


@cache
def _sizes() -> sql.Composed:
    """Asks for the tables with rows, and how many bytes each takes."""
    asked = [
        sql.SQL("SELECT {}, {}, pg_relation_size({}) WHERE EXISTS (SELECT 1 FROM {})").format(
            schema, name, sql.Literal(f'"{schema}"."{name}"'), sql.Identifier(schema, name)
        )
        for schema, name in _tables(_admin())
    ]
    return sql.SQL(" UNION ALL ").join(asked)


def _tables(connection: psycopg.Connection) -> list[Table]:
    rows = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relpersistence <> 't'"
    )
    return [(schema, name) for schema, name in rows.fetchall()]


@cache
def seeded() -> set[Table]:
    """The tables that the migrations themselves fill, as (schema, table); asked before the first test."""
    return {row[:2] for row in _admin().execute(_sizes())}
