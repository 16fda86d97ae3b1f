"""What may be wrong with an installation, and how to mend it: one function for each thing that is looked at."""

from __future__ import annotations

import os
import shutil
import smtplib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

import redis
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from packaging.requirements import Requirement

from config.embedded.home import read_run_file
from config.environment import BASE_DIR
from hub.tenancy.models import Heartbeat, TenantModel

LATE = timedelta(seconds=60)
LEAST_SPACE = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, and, when something is wrong, what and how to mend it."""

    name: str
    detail: str
    mend: str = ""

    @property
    def ok(self) -> bool:
        return not self.mend


Check = Callable[[], Iterator[Finding]]


def findings() -> Iterator[Finding]:
    """Every finding in order. What needs the database is left out when there is none."""
    for check in (_python, _packages, _front_end, _disk, _secret, _mail, _running, _redis):
        yield from _safely(check)
    reached = list(_safely(_database))
    yield from reached
    if all(finding.ok for finding in reached):
        for check in (_roles, _migrations, _row_level_security, _heartbeats):
            yield from _safely(check)


def _safely(check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # a check that cannot be made is a finding, not the end of the list
        name = check.__name__.strip("_").replace("_", " ")
        yield Finding(name, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}", "see the message")


def _python() -> Iterator[Finding]:
    supported = (3, 11) <= sys.version_info < (3, 15)
    mend = "" if supported else "use Python 3.11 to 3.14: make clean, then make run PYTHON=python3.12"
    yield Finding("Python", sys.version.split()[0], mend)


def _packages() -> Iterator[Finding]:
    wrong = [line for line in map(_mismatch, locked((BASE_DIR / "requirements.txt").read_text())) if line]
    detail = "; ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    yield Finding("Python packages", detail or "as locked", "make install" if wrong else "")


def locked(lock: str) -> Iterator[Requirement]:
    """The requirements of a lock file that apply to this Python and machine."""
    for line in lock.splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.rstrip("\\ "))
            if not requirement.marker or requirement.marker.evaluate():
                yield requirement


def _mismatch(requirement: Requirement) -> str:
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is missing"
    if requirement.specifier.contains(installed, prereleases=True):
        return ""
    return f"{requirement.name} is {installed}, locked {requirement.specifier}"


def _front_end() -> Iterator[Finding]:
    manifest = BASE_DIR / "static" / "dist" / ".vite" / "manifest.json"
    built = manifest.is_file()
    yield Finding("front end", "built" if built else f"{manifest} is missing", "" if built else "make install")


def _disk() -> Iterator[Finding]:
    home: Path = settings.HUB_HOME
    place = home if home.exists() else BASE_DIR
    free = shutil.disk_usage(place).free
    mend = "" if free >= LEAST_SPACE else "make room, or set HUB_HOME to a larger disk"
    yield Finding("disk", f"{free / 1024**3:.1f} GB free at {place}", mend)


def _secret() -> Iterator[Finding]:
    made = bool(os.environ.get("SECRET_KEY")) or (settings.HUB_HOME / "secret_key").is_file()
    mend = "" if made else "start once with make run, or set SECRET_KEY to a long random text"
    yield Finding("secret key", "set" if made else "there is none", mend)
    address = urlsplit(settings.PUBLIC_URL)
    safe = address.scheme == "https" or address.hostname in ("localhost", "127.0.0.1", "::1")
    yield Finding(
        "public address", settings.PUBLIC_URL, "" if safe else "serve it over https and set PUBLIC_URL to that"
    )


def _mail() -> Iterator[Finding]:
    if not settings.EMAIL_URL:
        yield Finding("mail", "kept in the outbox viewer; set EMAIL_URL to send")
        return
    host, port = settings.EMAIL_HOST, settings.EMAIL_PORT
    kind = smtplib.SMTP_SSL if settings.EMAIL_USE_SSL else smtplib.SMTP
    try:
        with kind(host, port, timeout=5) as server:
            server.noop()
        yield Finding("mail", f"{host}:{port} answers")
    except (OSError, smtplib.SMTPException) as error:
        yield Finding("mail", f"{host}:{port}: {error}", "correct EMAIL_URL, or open the way to that server")


def _running() -> Iterator[Finding]:
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        yield Finding("services", "external, by DATABASE_URL and REDIS_URL")
        return
    run = read_run_file(settings.HUB_HOME)
    detail = f"embedded, run file in {settings.HUB_HOME}" if run else f"nothing runs on {settings.HUB_HOME}"
    yield Finding(
        "services", detail, "" if run else "make run, in another window; or set HUB_HOME to the one that runs"
    )


def _redis() -> Iterator[Finding]:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3) as client:
            found = str(client.info("server")["redis_version"])
            policy = client.info("memory").get("maxmemory_policy")
    except redis.RedisError as error:
        yield Finding("Redis", str(error), "start it (make run), or correct REDIS_URL")
        return
    old = tuple(map(int, found.split(".")[:2])) < (6, 2)
    yield Finding("Redis", found, "Redis 6.2 or newer, or Valkey, is needed" if old else "")
    mend = "" if policy == "noeviction" else "set maxmemory-policy to noeviction: evicted wake-ups are late by seconds"
    yield Finding("Redis eviction", str(policy), mend)


def _database() -> Iterator[Finding]:
    try:
        connection.ensure_connection()
    except Exception as error:  # the driver's, the pool's and Django's own errors have no base in common
        yield Finding("PostgreSQL", str(error).strip().splitlines()[0], "start it (make run), or correct DATABASE_URL")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000")
        text, major = cursor.fetchone()
    yield Finding("PostgreSQL", text, "" if major >= 15 else "PostgreSQL 15 or newer is needed")


def _roles() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            # Temporary tables of its own sessions are everybody's: workers copy through them.
            "SELECT rolname, rolsuper, rolbypassrls, EXISTS (SELECT 1 FROM pg_tables"
            " WHERE tableowner = current_user AND schemaname !~ '^pg_temp_')"
            " FROM pg_roles WHERE rolname = current_user"
        )
        role, superuser, bypasses, owns = cursor.fetchone()
    wrong = [
        word
        for word, is_so in (
            ("is a superuser", superuser),
            ("bypasses row level security", bypasses),
            ("owns tables", owns),
        )
        if is_so
    ]
    mend = "let DATABASE_URL name the app role and DATABASE_ADMIN_URL the migrator (docs/settings.md)" if wrong else ""
    yield Finding("database role", f"{role} {' and '.join(wrong)}" if wrong else f"{role}, bound by policies", mend)


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    mend = "make run, or manage.py migrate --database=migrator" if count else ""
    yield Finding("migrations", f"{count} are not applied" if count else "all applied", mend)


def _row_level_security() -> Iterator[Finding]:
    models = (model for model in apps.get_models(include_auto_created=True) if issubclass(model, TenantModel))
    with connection.cursor() as cursor:
        # Exactly one policy: a second permissive one would widen the first.
        cursor.execute(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity"
            " AND (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) = 1"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relname = ANY(%s) ORDER BY c.relname",
            [[model._meta.db_table for model in models]],
        )
        tables = dict(cursor.fetchall())
    bare = [table for table, guarded in tables.items() if not guarded]
    mend = (
        "stop the product: tenants may see each other. Migrate, or restore the policies from a backup" if bare else ""
    )
    detail = f"{len(tables)} tenant tables guarded" if not bare else f"no policy on {', '.join(bare)}"
    yield Finding("row level security", detail, mend)


def _heartbeats() -> Iterator[Finding]:
    beats = dict(Heartbeat.objects.values_list("process", "beat_at"))
    for process in ("worker", "clock"):
        age = timezone.now() - beats[process] if process in beats else None
        detail = f"last sign of life {age.total_seconds():.0f} s ago" if age is not None else "no sign of life yet"
        mend = "" if age is not None and age < LATE else f"start it, and look for its messages in the {process}'s log"
        yield Finding(process, detail, mend)
