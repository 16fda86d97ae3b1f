"""A migrated PostgreSQL and a Redis of their own for a benchmark that needs no running product; fsync is on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from config.embedded import postgres, redis
from config.embedded.postgres import APP, MIGRATOR

ROOT = Path(__file__).parents[1]


@contextmanager
def database() -> Iterator[None]:
    """Start both, migrate, and set Django up on them as the app role. Once per process: settings are read once."""
    folder = Path(tempfile.mkdtemp(prefix="tandem-bench-"))
    folder.chmod(0o755)
    cluster = postgres.start(folder / "postgres")
    broker = redis.start(folder / "redis")
    try:
        os.environ.update(
            DATABASE_URL=cluster.url(APP),
            DATABASE_ADMIN_URL=cluster.url(MIGRATOR),
            REDIS_URL=broker.url(),
            SECRET_KEY="only-for-benchmarks",
            HUB_HOME=str(folder / "home"),
            LOG_LEVEL="WARNING",
            DJANGO_SETTINGS_MODULE="config.settings",
        )
        os.environ.pop("DATABASE_DIRECT_URL", None)
        command = [sys.executable, "manage.py", "migrate", "--database=migrator", "--verbosity=0"]
        subprocess.run(command, cwd=ROOT, check=True)
        django.setup()
        yield
    finally:
        from django.db import connections

        connections.close_all()
        broker.stop()
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
