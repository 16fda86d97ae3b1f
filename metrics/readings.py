"""Answers that are kept for tenants with many accounts, and the queue that counts them.

With few accounts every question is counted when it is asked. With many, pages read what a worker has counted, say as of
when, and say when something has changed since. Whoever changes what figures are counted from announces it
(`figures_changed`) in the transaction of the change; a row waits here from then on, so that no reading is taken for one
of now that is not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q, Sum
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.context import tenant_context
from hub.tenancy.wake import wake
from metrics import selectors
from metrics.methodology import months_back
from metrics.models import FiguresChanged, Reading
from metrics.questions import Answer, Kind, Question, plain

QUEUE: Final = "readings"
# With fewer accounts than this a page counts for itself.
MANY_ACCOUNTS: Final = 2_000
# Readings that somebody looked at within a day are kept up; those that nobody looked at for a week are forgotten.
KEPT_UP: Final = timedelta(days=1)
KEPT: Final = timedelta(days=7)
LOOKED: Final = timedelta(hours=1)
# Under a stream of changes, counting anew rests this many times as long as it takes.
REST: Final = 4
LONGEST_REST: Final = timedelta(seconds=60)
SOON: Final = timedelta(seconds=1)


def is_large() -> bool:
    """Whether the tenant has so many accounts that its readings are kept. One query, which looks at so many at most."""
    return bool(Account.objects.order_by().values("pk")[:MANY_ACCOUNTS].count() >= MANY_ACCOUNTS)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of the questions asked: the values by question, and as of when the oldest of them holds.

    `behind`: something has changed since, or is not counted yet, and a worker is at it.
    """

    values: Mapping[Question, Any]
    computed_at: datetime | None
    behind: bool

    def is_whole(self, questions: Sequence[Question]) -> bool:
        return all(question in self.values for question in questions)


def kept(questions: Sequence[Question]) -> Kept:
    """Read the answers that are kept, and ask the queue for those that are not of now. Two queries when they are."""
    now = timezone.now()
    rows = {row.key: row for row in Reading.objects.filter(key__in=[question.key for question in questions])}
    changed = FiguresChanged.objects.exists()
    missing = [question.key for question in questions if question.key not in rows]
    looked = [row.pk for row in rows.values() if row.asked_at < now - LOOKED]
    if missing:
        Reading.objects.bulk_create([Reading(key=key) for key in missing], ignore_conflicts=True)
    if looked:
        # Who is being counted is left alone: a page waits for nobody.
        free = Reading.objects.select_for_update(skip_locked=True).filter(pk__in=looked)
        Reading.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(asked_at=now)
    if missing or looked:
        wake(QUEUE)
    known = {question: rows[question.key] for question in questions if question.key in rows}
    counted = {question: row for question, row in known.items() if row.computed_at is not None}
    return Kept(
        values={question: row.value for question, row in counted.items()},
        computed_at=min((row.computed_at for row in counted.values() if row.computed_at), default=None),
        behind=changed or len(counted) < len(questions) or any(row.behind for row in counted.values()),
    )


def answer(question: Question) -> Answer:
    """Count the answer to a question, now."""
    if question.kind is Kind.NRR:
        return selectors.nrr_report(
            as_of=question.day, months=question.months, method=question.method, segment_by=question.segment_by
        )
    if question.kind is Kind.CONTRADICTIONS:
        return selectors.contradictions(as_of=question.day)
    first = months_back(question.day, question.months - 1)
    return selectors.monthly_ledger(first=first, last=question.day, overlap=question.method.overlap)


def on_figures_changed(tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Note, in the writer's transaction, that readings must follow."""
    FiguresChanged.objects.create()
    wake(QUEUE)


# --- The queue ------------------------------------------------------------------------------------------------------


def _due() -> Any:
    """Readings to count: new ones, and those behind (or a day old, whatever was announced) that somebody looks at."""
    now = timezone.now()
    behind = Q(behind=True) | Q(computed_at__lt=now - KEPT_UP)
    return Reading.objects.filter(behind, asked_at__gte=now - KEPT_UP)


def backlog() -> datetime | None:
    """When something is to be counted: at once, or after changes, some time after the last count."""
    if _due().exists():
        return timezone.now()
    return _changes_due() if FiguresChanged.objects.exists() else None


def _changes_due() -> datetime:
    now = timezone.now()
    last = Reading.objects.filter(asked_at__gte=now - KEPT_UP).aggregate(at=Max("computed_at"), took=Sum("took_ms"))
    if last["at"] is None:
        return now
    counted: datetime = last["at"]
    return max(now, counted + min(REST * timedelta(milliseconds=last["took"]), LONGEST_REST))


def drain(tenant_id: UUID) -> datetime | None:
    """Mark what has fallen behind, then count what somebody looks at, the latest asked for first."""
    with tenant_context(tenant_id):
        if FiguresChanged.objects.exists() and _changes_due() <= timezone.now():
            _mark_behind()
        Reading.objects.filter(asked_at__lt=timezone.now() - KEPT).delete()
    while True:
        with tenant_context(tenant_id):
            if not _count_next():
                due = backlog()
                # What is due now is in the hands of another drain.
                return due and max(due, timezone.now() + SOON)


def _mark_behind() -> None:
    """Move from the rows of the changes to the readings; a change that comes meanwhile keeps a row of its own."""
    told = FiguresChanged.objects.select_for_update(skip_locked=True).order_by("id").values_list("pk", flat=True)
    ids = list(told[:50_000])
    # First the readings: one that is being counted may have begun before the change, and must be done first.
    list(Reading.objects.select_for_update().order_by("id").values_list("pk", flat=True))
    Reading.objects.filter(behind=False).update(behind=True)
    FiguresChanged.objects.filter(pk__in=ids).delete()


@transaction.atomic
def _count_next() -> bool:
    row = _due().select_for_update(skip_locked=True).order_by("-asked_at", "id").first()
    if row is None:
        return False
    began, at = time.perf_counter(), timezone.now()
    row.value = plain(answer(Question.read(row.key)))
    row.computed_at, row.behind = at, False
    row.took_ms = round(1000 * (time.perf_counter() - began))
    row.save(update_fields=["value", "computed_at", "behind", "took_ms"])
    return True
