"""Importing accounts and usage rows through the engine, against a bare COPY of the same rows; RavenStack too."""

from __future__ import annotations

import csv
import os
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from bench.database import ROOT, database
from bench.result import Result, result

ACCOUNTS = """
source: bench
files:
  - {file: accounts.csv, entity: account, external_id: id, fields: {name: name}}
"""
USAGE = """
source: bench
files:
  - file: usage.csv
    entity: usage
    external_id: id
    account: account
    fields: {day: day, name: feature, count: count, user: who}
"""


def measure(scale: float) -> list[Result]:
    with database(), tempfile.TemporaryDirectory() as folder:
        return [*_usage(Path(folder), round(1_000_000 * scale), round(100_000 * scale)), *_sample()]


def _usage(folder: Path, rows: int, accounts: int) -> list[Result]:
    """`rows` usage rows that go round `accounts` accounts, so that every batch meets as many as it can.

    The limit is the database's own for the same rows: COPY, then one INSERT … SELECT into their table with its keys and
    indexes, nothing read, checked, rolled up or kept for undoing. Peak memory is this process's, which imports.
    """
    from hub.people.audit import command
    from hub.tenancy.models import Tenant

    tenant = Tenant.objects.create(slug="bench", name="Bench")
    _write(folder, rows, accounts)
    rates = {"accounts": _timed(tenant, folder / "accounts.yaml", command("bench"), accounts, "created")}
    limit = _limit(tenant, folder / "usage.csv")
    rates["usage"] = _timed(tenant, folder / "usage.yaml", command("bench"), rows, "created")
    rates["again"] = _timed(tenant, folder / "usage.yaml", command("bench"), rows, "unchanged")
    return [
        result("import accounts", "rows/s", rates["accounts"], rows=accounts),
        result("import usage", "rows/s", rates["usage"], limit=limit, rows=rows, accounts=accounts),
        result("import usage again", "rows/s", rates["again"], limit=limit, rows=rows),
    ]


def _timed(tenant, mapping: Path, actor, rows: int, kind: str) -> float:  # type: ignore[no-untyped-def]  # as _import
    begun = time.perf_counter()
    counts = _import(tenant, mapping, mapping.parent, actor)
    rate = rows / (time.perf_counter() - begun)
    assert counts[0][kind] == rows, counts
    return rate


LIMIT = """
INSERT INTO usage_usagerecord (tenant_id, id, account_id, source, external_id, day, name, count)
SELECT x.tenant_id, gen_random_uuid(), x.account_id, 'limit', b.id, b.day, b.feature, b.count
FROM bare b JOIN accounts_accountexternalid x ON x.tenant_id = %s AND x.source = 'bench' AND x.value = b.account
ON CONFLICT DO NOTHING
"""


def _limit(tenant, file: Path) -> float:  # type: ignore[no-untyped-def]  # as _import
    from django.db import connection, transaction

    from hub.tenancy.context import tenant_context

    with tenant_context(tenant), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE bare (id text, account text, day date, feature text, count int, who text)"
        )
        begun = time.perf_counter()
        with cursor.copy("COPY bare FROM STDIN WITH (FORMAT csv, HEADER)") as copy, file.open("rb") as stream:
            while block := stream.read(1 << 20):
                copy.write(block)
        cursor.execute(LIMIT, [tenant.pk])
        stored = cursor.rowcount
        seconds = time.perf_counter() - begun
        transaction.set_rollback(True)
    return float(stored / seconds)


def _write(folder: Path, rows: int, accounts: int) -> None:
    (folder / "accounts.yaml").write_text(ACCOUNTS)
    (folder / "usage.yaml").write_text(USAGE)
    with (folder / "accounts.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("id", "name"), *((f"a{n}", f"Account {n}") for n in range(accounts))])
    with (folder / "usage.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "account", "day", "feature", "count", "who"))
        first = date(2025, 1, 6)
        for n in range(rows):
            day = first + timedelta(days=n % 180)
            writer.writerow((f"u{n}", f"a{n % accounts}", day, f"feature {n % 12}", n % 9 + 1, f"p{n % 700}"))


def _import(tenant, mapping: Path, folder: Path, actor, historical: bool = True):  # type: ignore[no-untyped-def]  # Django is set up late
    from hub.ingest.imports.engine import import_folder
    from hub.ingest.imports.preflight import mapping_load

    done = import_folder(
        tenant=tenant,
        mapping=mapping_load(mapping),
        mapping_name=mapping.name,
        folder=folder,
        actor=actor,
        historical=historical,
    )
    return [item.counts for item in done.files]


def _sample() -> list[Result]:
    """The whole of RavenStack, created and then unchanged, in seconds; the limit is the issue's 30."""
    from hub.people.audit import command
    from hub.tenancy.models import Tenant

    folder = Path(os.environ.get("SAMPLE_DATA") or ROOT.parent / "shared" / "data") / "ravenstack"
    if not folder.is_dir():
        return []
    tenant = Tenant.objects.create(slug="ravenstack", name="RavenStack")
    seconds = []
    for _ in range(2):
        begun = time.perf_counter()
        _import(tenant, ROOT / "hub/ingest/mappings/ravenstack.yaml", folder, command("bench"))
        seconds.append(time.perf_counter() - begun)
    return [
        result("import RavenStack", "s", seconds[0], limit=30.0),
        result("import RavenStack again", "s", seconds[1], limit=30.0),
    ]
