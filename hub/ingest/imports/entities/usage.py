from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each
from hub.tenancy.context import current_tenant_id
from hub.tenancy.ids import NUMBERED_ID, uuid7, uuid7_stem
from hub.usage.models import ActiveUserDaily, UsageDaily, UsageRecord

FIELDS = {
    "day": FieldSpec("date", required=True, also=("date", "usage_date", "used_on", "event_date", "activity_date")),
    "name": FieldSpec("text", required=True, longest=200, also=("feature", "feature_name", "event", "event_name")),
    "count": FieldSpec("integer", also=("usage_count", "events", "uses", "quantity", "hits")),
    "seconds": FieldSpec("integer", also=("usage_duration_secs", "duration", "duration_seconds")),
    "errors": FieldSpec("integer", also=("error_count",)),
    "user": FieldSpec("text", longest=200, also=("user_id", "user_key", "who", "user_email")),
}
Key = tuple[UUID, date, str]
STORED = ("account_id", "day", "name", "count", "seconds", "errors")
COLUMNS = "tenant_id, id, account_id, source, external_id, day, name, count, seconds, errors"
# Rows go by COPY into a temporary table and from there through the policy, set by set.
STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_stage (
    id uuid, account_id uuid, external_id text, day date, name text, count bigint, seconds bigint, errors bigint,
    user_key text
) ON COMMIT DELETE ROWS
"""
# The rows that are there already, and whether they say the same.
KNOWN = """
SELECT s.external_id, u.id, u.account_id, u.day, u.name, u.count, u.seconds, u.errors,
    (u.account_id, u.day, u.name, u.count, u.seconds, u.errors)
        IS NOT DISTINCT FROM (s.account_id, s.day, s.name, s.count, s.seconds, s.errors)
FROM usage_stage s JOIN usage_usagerecord u
    ON u.tenant_id = %(tenant)s AND u.source = %(source)s AND u.external_id = s.external_id
"""
INSERT = f"""
INSERT INTO usage_usagerecord ({COLUMNS})
SELECT %(tenant)s, id, account_id, %(source)s, external_id, day, name, count, seconds, errors FROM usage_stage
ON CONFLICT (tenant_id, source, external_id) DO NOTHING RETURNING id
"""
UPDATE = """
UPDATE usage_usagerecord u SET account_id = s.account_id, day = s.day, name = s.name, count = s.count,
    seconds = s.seconds, errors = s.errors
FROM usage_stage s
WHERE u.tenant_id = %(tenant)s AND u.source = %(source)s AND u.external_id = s.external_id
    AND u.external_id = ANY(%(changed)s)
"""
# Sorted by key: two imports at once meet their rows in the same order and cannot deadlock.
ROLLUP = """
INSERT INTO usage_usagedaily (tenant_id, id, account_id, day, name, count)
SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::date[], %s::text[], %s::bigint[])
ON CONFLICT (tenant_id, account_id, day, name) DO UPDATE SET count = usage_usagedaily.count + excluded.count
"""
ROLLUP_STAGED = f"""
INSERT INTO usage_usagedaily (tenant_id, id, account_id, day, name, count)
SELECT %(tenant)s, {NUMBERED_ID}, account_id, day, name, sum(count)
FROM usage_stage GROUP BY account_id, day, name HAVING sum(count) <> 0 ORDER BY account_id, day, name
ON CONFLICT (tenant_id, account_id, day, name) DO UPDATE SET count = usage_usagedaily.count + excluded.count
"""
ACTIVE = f"""
INSERT INTO usage_activeuserdaily (tenant_id, id, account_id, day, user_key)
SELECT %(tenant)s, {NUMBERED_ID}, account_id, day, user_key
FROM usage_stage WHERE user_key <> '' GROUP BY account_id, day, user_key ORDER BY account_id, day, user_key
ON CONFLICT (tenant_id, account_id, day, user_key) DO NOTHING RETURNING id, user_key
"""


def check(record: Record) -> None:
    count = record.values.get("count")
    record.values["count"] = 1 if count is None else count
    if record.values["count"] < 0:
        record.refuse("bad_value", "a count is not negative", column="count", value=str(count))


def write(batch: Batch) -> None:
    """Upsert usage rows; the daily rollup moves by the difference, so importing again changes nothing."""
    records = each(batch.records, check)
    if not records:
        return
    ids = [uuid7() for _ in records]
    values: dict[str, Any] = {"tenant": current_tenant_id(), "source": batch.source}
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        with connection.wrap_database_errors, cursor.copy("COPY usage_stage FROM STDIN") as copy:
            for pk, record in zip(ids, records, strict=True):
                copy.write_row(_staged(pk, record))
        cursor.execute(KNOWN, values)
        known = {row[0]: row[1:] for row in cursor.fetchall()}
        stored: set[UUID] = set()
        if len(known) < len(records):
            cursor.execute(INSERT, values)
            stored = {pk for (pk,) in cursor.fetchall()}
        changed = _outcomes(batch, records, ids, stored, known)
        if changed:
            cursor.execute(UPDATE, {**values, "changed": changed})
        if any(record.values.get("user") for record in records):
            cursor.execute(ACTIVE, {**values, "stem": uuid7_stem()})
            batch.journal.note(ACTIVES, [(row[0], row[1:]) for row in cursor.fetchall()])
        cursor.execute("TRUNCATE usage_stage")


def _staged(pk: UUID, record: Record) -> tuple[Any, ...]:
    values = record.values
    return (
        pk, record.account_id, record.external_id, values["day"], values["name"], values["count"],
        values.get("seconds"), values.get("errors"), values.get("user") or "",
    )  # fmt: skip


def _outcomes(
    batch: Batch,
    records: Sequence[Record],
    ids: Sequence[UUID],
    stored: set[UUID],
    known: Mapping[str, tuple[Any, ...]],
) -> list[str]:
    """Say what became of each record and roll up what follows; returns the external ids of rows to be changed."""
    deltas: Counter[Key] = Counter()
    changed: list[str] = []
    created: list[tuple[UUID, tuple[Any, ...]]] = []
    for pk, record in zip(ids, records, strict=True):
        account_id, values = record.account_id, record.values
        assert account_id is not None  # references are resolved before a writer runs
        now = (account_id, values["day"], values["name"], values["count"], values.get("seconds"), values.get("errors"))
        if pk in stored:
            record.outcome = "created"
            created.append((pk, now))
        elif record.external_id not in known or known[record.external_id][-1]:
            record.outcome = "unchanged"
            continue
        else:
            record.outcome = "updated"
            _note_change(batch, known[record.external_id], now, deltas)
            changed.append(record.external_id)
        if len(stored) < len(records):
            deltas[account_id, values["day"], values["name"]] += values["count"]
        batch.touched.add(account_id)
    batch.journal.note(USAGE, created)
    if len(created) == len(records):
        _roll_up_staged()
    else:
        roll_up(deltas)
    return changed


def _roll_up_staged() -> None:
    """The whole batch is new: the sums need not leave the database."""
    with connection.cursor() as cursor:
        cursor.execute(ROLLUP_STAGED, {"tenant": current_tenant_id(), "stem": uuid7_stem()})


def _note_change(batch: Batch, row: tuple[Any, ...], now: tuple[Any, ...], deltas: Counter[Key]) -> None:
    pk, then = row[0], row[1:7]
    deltas[then[0], then[1], then[2]] -= then[3]
    batch.touched.add(then[0])
    differing = [name for name, before, after in zip(STORED, then, now, strict=True) if before != after]
    batch.journal.note_change(
        USAGE, pk, dict(zip(STORED, then, strict=True)), dict(zip(STORED, now, strict=True)), only=differing
    )


def roll_up(deltas: Counter[Key]) -> None:
    """Move the daily sums by differences."""
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


def take_back(gone: Sequence[Any], restored: Sequence[tuple[Any, Mapping[str, Any]]]) -> None:
    """Before rows are removed, or get back what they held: move the daily sums; days without a use are left out."""
    deltas: Counter[Key] = Counter()
    for row in gone:
        deltas[row.account_id, row.day, row.name] -= row.count
    for row, before in restored:
        deltas[row.account_id, row.day, row.name] -= row.count
        account, day, name, count = (before.get(each, getattr(row, each)) for each in STORED[:4])
        deltas[account, day, name] += count
    roll_up(deltas)
    accounts = sorted({account for account, _, _ in deltas})
    UsageDaily.objects.filter(account_id__in=accounts, day__in={day for _, day, _ in deltas}, count=0).delete()


USAGE = Trace(UsageRecord, STORED, undo=take_back)
ACTIVES = Trace(ActiveUserDaily, ("user_key",))
ENTITY = Entity(
    "usage",
    FIELDS,
    write,
    title="Product usage",
    names=("usage", "event", "activity", "feature"),
    traces=(USAGE, ACTIVES),
    ids=("usage_id", "event_id", "id"),
    order=50,
)
