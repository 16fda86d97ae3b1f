"""The queue that reads what customers write, after it has been stored: nobody who stores a text waits for its reader.

Whoever writes a text leaves a row (`texts_due`) in the transaction of the text. Apart from that, all texts of a kind
are passed through once by every version of the reader, so that a new release or a changed theme reads them again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from hub.accounts.services import facts_touch, states_lock
from hub.feedback.models import ReadText, TextDue, TextPass
from hub.feedback.text.reader import LexiconReader, Reader, TextReading
from hub.feedback.theme_selectors import themes_in_use
from hub.registry.handlers import history_loaded
from hub.registry.texts import Text, TextSource, text_sources
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.wake import wake

QUEUE: Final = "texts"
BATCH: Final = 100
TOLD: Final = ("account_id", "at", "language", "sentiment", "feeling", "themes", "confidence")
ADD = """
INSERT INTO feedback_textdue (tenant_id, id, kind, object_id, quiet)
SELECT %(tenant)s, gen_random_uuid(), %(kind)s, o, %(quiet)s FROM unnest(%(ids)s::uuid[]) AS o
ON CONFLICT DO NOTHING
"""


def texts_due(*, kind: str, object_ids: Collection[UUID], quiet: bool = False) -> None:
    """Say, in the writer's transaction, that these texts of a kind were written, changed or taken away.

    `quiet` ones are history: what they make true is taken for having been so before.
    """
    if not object_ids:
        return
    named: dict[str, Any] = {"tenant": current_tenant_id(), "kind": kind, "ids": list(object_ids), "quiet": quiet}
    with connection.cursor() as cursor:
        cursor.execute(ADD, named)
    wake(QUEUE)


def reader_in_use() -> Reader:
    """The reader of the tenant in context. One query."""
    return LexiconReader(themes_in_use())


def backlog() -> datetime | None:
    """Now while a text is due, or a kind has not been passed through by the reader in use."""
    if TextDue.objects.exists():
        return timezone.now()
    return timezone.now() if _unfinished(reader_in_use().version) else None


def _unfinished(version: str) -> list[str]:
    done = set(TextPass.objects.filter(version=version, done=True).values_list("kind", flat=True))
    return [source.key for source in text_sources if source.key not in done]


def drain(tenant_id: UUID) -> datetime | None:
    """Read what is due, the newly written first, in transactions of a hundred texts."""
    while True:
        with tenant_context(tenant_id):
            reader = reader_in_use()
            if not _read_due(reader) and not _pass_on(reader):
                return None


def _read_due(reader: Reader) -> bool:
    rows = list(TextDue.objects.select_for_update(skip_locked=True).order_by("id")[:BATCH])
    groups: dict[tuple[str, bool], list[UUID]] = defaultdict(list)
    for row in rows:
        groups[row.kind, row.quiet].append(row.object_id)
    for (kind, quiet), ids in sorted(groups.items()):
        # A kind whose app is not installed any more has nothing to read.
        if kind in text_sources:
            _read(text_sources.get(kind), ids, reader, quiet=quiet)
    TextDue.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return bool(rows)


def _pass_on(reader: Reader) -> bool:
    """Read the next texts of a kind that this reader has not passed through; False when there is none."""
    waiting = _unfinished(reader.version)
    TextPass.objects.bulk_create([TextPass(kind=kind) for kind in waiting], ignore_conflicts=True)
    step = TextPass.objects.select_for_update(skip_locked=True).filter(kind__in=waiting).order_by("kind").first()
    if step is None:
        return False
    if step.version != reader.version:
        step.version, step.after, step.done = reader.version, None, False
    source = text_sources.get(step.kind)
    if ids := source.after(step.after, BATCH):
        _read(source, ids, reader, quiet=True)
        step.after = ids[-1]
    step.done = len(ids) < BATCH
    step.save(update_fields=["version", "after", "done"])
    return True


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of these objects, and what was found now."""

    stored: Mapping[UUID, ReadText]
    texts: Mapping[UUID, Text]

    def accounts(self) -> set[UUID]:
        return {row.account_id for row in self.stored.values()} | {text.account_id for text in self.texts.values()}


def _known(source: TextSource, ids: Sequence[UUID]) -> _Known:
    stored = {row.object_id: row for row in ReadText.objects.filter(kind=source.key, object_id__in=ids)}
    return _Known(stored, {text.object_id: text for text in source.of(ids)})


def _read(source: TextSource, ids: Sequence[UUID], reader: Reader, *, quiet: bool) -> None:
    """Read these texts first, then lock their accounts and store what was read of those that are still the same."""
    before = _known(source, ids)
    readings = {pk: reader.read(text.text) for pk, text in before.texts.items()}
    states_lock(before.accounts())
    now = _known(source, ids)
    # One that changed meanwhile has a row of its own, and is read again.
    same = {pk: text for pk, text in now.texts.items() if before.texts.get(pk) == text}
    rows = [_row(source.key, text, readings[pk], reader.version) for pk, text in same.items()]
    gone = [row for pk, row in now.stored.items() if pk not in now.texts and pk not in before.texts]
    _store(rows)
    ReadText.objects.filter(pk__in=[row.pk for row in gone]).delete()
    touched = {row.account_id for row in gone}
    for row in rows:
        old = now.stored.get(row.object_id)
        if old is None or any(getattr(old, name) != getattr(row, name) for name in TOLD):
            touched |= {row.account_id} | ({old.account_id} if old else set())
    facts_touch(touched)
    if quiet:
        history_loaded(current_tenant_id(), sorted(touched))


def _row(kind: str, text: Text, reading: TextReading, version: str) -> ReadText:
    return ReadText(
        account_id=text.account_id,
        kind=kind,
        object_id=text.object_id,
        at=text.at,
        language=reading.language,
        sentiment=reading.sentiment,
        feeling=reading.feeling or "",
        themes=sorted(reading.themes),
        confidence=dict(reading.themes),
        version=version,
        read_at=timezone.now(),
    )


def _store(rows: Sequence[ReadText]) -> None:
    ReadText.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["tenant", "kind", "object_id"],
        update_fields=[*(name.removesuffix("_id") for name in TOLD), "version", "read_at"],
    )
