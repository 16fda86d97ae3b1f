from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each
from hub.tenancy.context import current_tenant_id
from hub.tenancy.ids import uuid7
from hub.usage.models import UsageRecord

FIELDS = {
    "day": FieldSpec("date", required=True),
    "name": FieldSpec("text", required=True),
    "count": FieldSpec("integer"),
    "seconds": FieldSpec("integer"),
    "errors": FieldSpec("integer"),
    "user": FieldSpec("text"),
}
ROLLUP = """
INSERT INTO usage_usagedaily (tenant_id, id, account_id, day, name, count)
SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::date[], %s::text[], %s::bigint[])
ON CONFLICT (tenant_id, account_id, day, name) DO UPDATE SET count = usage_usagedaily.count + excluded.count
"""
ACTIVE = """
INSERT INTO usage_activeuserdaily (tenant_id, id, account_id, day, user_key)
SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::date[], %s::text[])
ON CONFLICT (tenant_id, account_id, day, user_key) DO NOTHING
"""
COLUMNS = "tenant_id, id, account_id, source, external_id, day, name, count, seconds, errors"
STAGE = f"""
CREATE TEMPORARY TABLE IF NOT EXISTS usage_stage ON COMMIT DELETE ROWS
AS SELECT {COLUMNS} FROM usage_usagerecord WITH NO DATA
"""
Key = tuple[UUID, date, str]


def check(record: Record) -> None:
    count = record.values.get("count")
    record.values["count"] = 1 if count is None else count
    if record.values["count"] < 0:
        record.refuse("bad_value", "a count is not negative", column="count", value=str(count))


def write(batch: Batch) -> None:
    """Upsert usage rows; the daily rollup moves by the difference, so importing again changes nothing."""
    records = each(batch.records, check)
    known = {
        row.external_id: row
        for row in UsageRecord.objects.filter(source=batch.source, external_id__in=[r.external_id for r in records])
    }
    deltas: Counter[Key] = Counter()
    new: list[UsageRecord] = []
    changed: list[UsageRecord] = []
    actives: set[tuple[UUID, date, str]] = set()
    for record in records:
        assert record.account_id is not None  # references are resolved before a writer runs
        values = {name: record.values.get(name) for name in ("day", "name", "count", "seconds", "errors")}
        values["account_id"] = record.account_id
        if user := record.values.get("user"):
            actives.add((record.account_id, record.values["day"], user))
        row = known.get(record.external_id)
        if row is None:
            new.append(UsageRecord(source=batch.source, external_id=record.external_id, **values))
            record.outcome = "created"
        elif all(getattr(row, name) == value for name, value in values.items()):
            record.outcome = "unchanged"
            continue
        else:
            deltas[row.account_id, row.day, row.name] -= row.count
            batch.touched.add(row.account_id)
            for name, value in values.items():
                setattr(row, name, value)
            changed.append(row)
            record.outcome = "updated"
        deltas[record.account_id, record.values["day"], record.values["name"]] += record.values["count"]
        batch.touched.add(record.account_id)
    _copy_records(new)
    UsageRecord.objects.bulk_update(changed, ["account", "day", "name", "count", "seconds", "errors"], batch_size=500)
    _mark_active(actives)
    _roll_up(deltas)


def _copy_records(rows: list[UsageRecord]) -> None:
    """COPY into a temporary table, from there through the policy: ten times the speed of INSERT … VALUES."""
    if not rows:
        return
    tenant = current_tenant_id()
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        with cursor.copy(f"COPY usage_stage ({COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                kept = (row.pk, row.account_id, row.source, row.external_id, row.day, row.name, row.count)
                copy.write_row((tenant, *kept, row.seconds, row.errors))
        cursor.execute(
            f"INSERT INTO usage_usagerecord ({COLUMNS}) SELECT {COLUMNS} FROM usage_stage"
            " ON CONFLICT (tenant_id, source, external_id) DO NOTHING"
        )
        cursor.execute("TRUNCATE usage_stage")


def _mark_active(actives: set[tuple[UUID, date, str]]) -> None:
    if not actives:
        return
    rows = sorted(actives, key=lambda row: (row[0].bytes, row[1], row[2]))
    accounts, days, users = zip(*rows, strict=True)
    columns: list[list[Any]] = [[uuid7() for _ in rows], list(accounts), list(days), list(users)]
    with connection.cursor() as cursor:
        cursor.execute(ACTIVE, [current_tenant_id(), *columns])


def _roll_up(deltas: Counter[Key]) -> None:
    # Sorted by key: two imports at once meet their rows in the same order and cannot deadlock.
    keys = sorted((key for key, delta in deltas.items() if delta), key=lambda key: (key[0].bytes, key[1], key[2]))
    if not keys:
        return
    columns: list[list[Any]] = [
        [uuid7() for _ in keys],
        [account for account, _, _ in keys],
        [day for _, day, _ in keys],
        [name for _, _, name in keys],
        [deltas[key] for key in keys],
    ]
    with connection.cursor() as cursor:
        cursor.execute(ROLLUP, [current_tenant_id(), *columns])


ENTITY = Entity("usage", FIELDS, write, order=50)
