"""The worker's part: what differs is sent in batches, outside of any transaction; what the answer says is kept.

A connection's writing is claimed by moving its time two minutes ahead. A worker that dies leaves it there: the same
values are sent once more. Written twice, a value is the same, so at least once is enough.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Min, QuerySet
from django.utils import timezone

from hub.accounts.models import Account
from hub.ingest.connectors.base import Malformed, decoded
from hub.ingest.models import PullAccess, WriteBack, WriteCall, WrittenRow
from hub.ingest.pulling.asking import NotRead, answered
from hub.ingest.pulling.base import pullers, waiting
from hub.ingest.writing.base import Entry, Writer, difference, plain, writers
from hub.ingest.writing.comparing import UnknownFact, due_find
from hub.tenancy.context import tenant_context

log = logging.getLogger(__name__)

SLICE_SECONDS: Final = 15.0
LEASE: Final = timedelta(minutes=2)
# Between two looks at what has changed.
REST: Final = timedelta(minutes=5)
# Between two calls of a connection.
PACE: Final = timedelta(milliseconds=300)
GOOD: Final = (200, 201, 207)
# Answers about the values: others may be taken.
OF_VALUES: Final = (400, 404, 409, 413, 422)
# So many rows refused one by one, and none taken: it is not they.
MOST_ALONE: Final = 3
ROW_FIRST, ROW_LONGEST = timedelta(minutes=5), timedelta(days=1)
KEPT: Final = timedelta(days=30)
FORGET_AT_ONCE: Final = 500
SHOWN: Final = 4_000


@dataclass(frozen=True)
class Claim:
    """Customers that this worker writes, and until when they are this worker's; `trial`: one, asked for by a person."""

    writing: WriteBack
    access: PullAccess
    entries: tuple[Entry, ...]
    until: datetime
    trial: WriteCall | None = None

    @property
    def writer(self) -> Writer:
        return writers.get(self.writing.endpoint.source)


@dataclass(frozen=True)
class Outcome:
    """What became of a call: its status (0: no answer), why nothing was written, and whose values were refused."""

    at: datetime
    milliseconds: int
    code: int
    detail: str = ""
    retry_after: str = ""
    answer: str = ""
    refused: dict[str, str] | None = None

    @property
    def is_good(self) -> bool:
        return self.refused is not None


def _live() -> QuerySet[WriteBack]:
    found: QuerySet[WriteBack] = WriteBack.objects.filter(
        is_on=True, stopped_at=None, due_at__isnull=False, endpoint__revoked_at=None
    )
    return found


def _trials() -> QuerySet[WriteCall]:
    found: QuerySet[WriteCall] = WriteCall.objects.filter(due_at__isnull=False)
    return found


def backlog() -> datetime | None:
    times = (query.aggregate(at=Min("due_at"))["at"] for query in (_live(), _trials()))
    return min((at for at in times if at is not None), default=None)


def drain(tenant_id: UUID) -> datetime | None:
    """Write what is due, a call at a time, for a slice of time; returns when more will be due."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end:
        with tenant_context(tenant_id):
            claim = _trial_claim() or _claim()
        if claim is None:
            break
        if claim.entries:
            outcome = send(claim)
            with tenant_context(tenant_id):
                keep(claim, outcome)
    with tenant_context(tenant_id):
        _forget()
        return backlog()


# --- Claiming -----------------------------------------------------------------------------------------------------


def _trial_claim() -> Claim | None:
    now = timezone.now()
    due = _trials().filter(due_at__lte=now).select_related("writing__endpoint").order_by("due_at", "pk")
    trial = due.select_for_update(of=("self",), skip_locked=True).first()
    if trial is None:
        return None
    until = now + LEASE
    WriteCall.objects.filter(pk=trial.pk).update(due_at=until)
    access = PullAccess.objects.filter(endpoint=trial.writing.endpoint).first()
    if access is None:
        WriteCall.objects.filter(pk=trial.pk).update(due_at=None, at=now, detail="the connection has no key")
        return Claim(trial.writing, PullAccess(), (), until, trial)
    entries = tuple(Entry(UUID(entry["account"]), entry["external_id"], entry["values"]) for entry in trial.entries)
    return Claim(trial.writing, access, entries, until, trial)


def _claim() -> Claim | None:
    """The next batch. One without entries says that a look was taken and nothing was due."""
    now = timezone.now()
    due = _live().filter(due_at__lte=now).select_related("endpoint").order_by("due_at", "pk")
    writing = due.select_for_update(of=("self",), skip_locked=True).first()
    if writing is None:
        return None
    access = PullAccess.objects.filter(endpoint=writing.endpoint).first()
    if access is None or access.stopped_at is not None:
        _stop(writing, "it has no key" if access is None else access.reason, now)
        return Claim(writing, access or PullAccess(), (), now)
    until = now + LEASE
    WriteBack.objects.filter(pk=writing.pk).update(due_at=until)
    try:
        entries = _entries(writing, now)
    except UnknownFact as error:
        WriteBack.objects.filter(pk=writing.pk).update(due_at=now + REST, reason=plain(str(error)))
        entries = ()
    return Claim(writing, access, entries, until)


def _entries(writing: WriteBack, now: datetime) -> tuple[Entry, ...]:
    """What is to be written now, after a look at what has changed when nothing was left of the last one."""
    room = writing.room or writers.get(writing.endpoint.source).most
    found = _due_entries(writing, now, room)
    if found:
        return found
    fresh = due_find(writing, now)
    found = _due_entries(writing, now, room)
    changes: dict[str, Any] = {"compared_at": now}
    if not found:
        # What differs only from a value that was never sent may have used up the look.
        earliest = WrittenRow.objects.filter(writing=writing, due_at__isnull=False).aggregate(at=Min("due_at"))["at"]
        again = now + (PACE if fresh else REST)
        changes |= {"due_at": min(again, earliest or again), "reason": "", "attempts": 0, "room": 0, "alone": 0}
    WriteBack.objects.filter(pk=writing.pk).update(**changes)
    return found


def _due_entries(writing: WriteBack, now: datetime, room: int) -> tuple[Entry, ...]:
    due = WrittenRow.objects.filter(writing=writing, due_at__lte=now).order_by("due_at", "pk")
    found = [(row, difference(row.wanted, row.written)) for row in due[:room]]
    same = [row.pk for row, values in found if not values]
    if same:
        WrittenRow.objects.filter(pk__in=same).update(due_at=None, attempts=0, reason="")
    return tuple(Entry(row.account_id, row.external_id, values) for row, values in found if values)


# --- Sending ------------------------------------------------------------------------------------------------------


def send(claim: Claim) -> Outcome:
    """One request and what it brought. Touches no database."""
    at, begun = timezone.now(), time.monotonic()
    outcome = _sent(claim, Outcome(at=at, milliseconds=0, code=0))
    return replace(outcome, milliseconds=int((time.monotonic() - begun) * 1000))


def _sent(claim: Claim, nothing: Outcome) -> Outcome:
    writer, puller = claim.writer, pullers.get(claim.writing.endpoint.source)
    try:
        answer = answered(puller, claim.access, writer.ask(claim.entries))
    except NotRead as error:
        return replace(nothing, code=error.status, detail=plain(str(error)), retry_after=error.retry_after)
    except Malformed as error:
        return replace(nothing, detail=plain(f"the answer could not be read: {error}"))
    told = replace(nothing, code=answer.status, retry_after=answer.retry_after, answer=_text(answer.body))
    try:
        body = decoded(answer.body)
        if answer.status in GOOD:
            return replace(told, refused=writer.refused(body, claim.entries))
        said = writer.words(body)
    except Malformed as error:
        if answer.status in GOOD:
            # Whether it was written nobody knows; it is written once more.
            return replace(told, code=0, detail=plain(f"the answer could not be read: {error}"))
        said = ""
    words = {
        401: "the system does not take this key",
        403: f"this key may not write to {writer.thing}",
    }.get(answer.status, f"the system answered {answer.status}")
    return replace(told, detail=plain(f"{words}: {said}" if said else words))


def _text(body: bytes) -> str:
    return body[:SHOWN].decode(errors="replace").replace("\x00", "")


# --- Keeping what came of it --------------------------------------------------------------------------------------


def keep(claim: Claim, outcome: Outcome) -> bool:
    """Write down what came of a call; False when the claim is another worker's by now."""
    if claim.trial is not None:
        return _keep_trial(claim, outcome)
    mine = _live().filter(pk=claim.writing.pk, due_at=claim.until).select_for_update(of=("self",)).first()
    if mine is None:
        return False
    _log(claim, outcome)
    if outcome.refused is not None:
        _written(claim, outcome.refused, outcome.at)
        _go_on(mine, claim, outcome)
    elif outcome.code in OF_VALUES:
        _narrow(mine, claim, outcome)
    else:
        _put_off(mine, outcome)
    return True


def _keep_trial(claim: Claim, outcome: Outcome) -> bool:
    trial = claim.trial
    mine = WriteCall.objects.filter(pk=trial and trial.pk, due_at=claim.until)
    if not mine.update(
        due_at=None,
        at=outcome.at,
        milliseconds=outcome.milliseconds,
        code=outcome.code,
        detail=outcome.detail,
        answer=outcome.answer,
        entries=_told(claim, outcome),
    ):
        return False
    if outcome.refused is not None:
        for entry in claim.entries:
            if entry.external_id not in outcome.refused:
                _trial_written(claim.writing, entry, outcome.at)
    return True


def _trial_written(writing: WriteBack, entry: Entry, at: datetime) -> None:
    """What a trial wrote stands over there as if it had been written with all others."""
    row, _ = WrittenRow.objects.get_or_create(
        writing=writing,
        external_id=entry.external_id,
        defaults={"account_id": entry.account_id, "wanted": entry.values},
    )
    WrittenRow.objects.filter(pk=row.pk).update(written={**row.written, **entry.values}, written_at=at)


def _log(claim: Claim, outcome: Outcome) -> None:
    WriteCall.objects.create(
        writing=claim.writing,
        asked_at=outcome.at,
        at=outcome.at,
        milliseconds=outcome.milliseconds,
        code=outcome.code,
        detail=outcome.detail,
        answer="" if outcome.is_good and not outcome.refused else outcome.answer,
        entries=_told(claim, outcome),
    )


def _told(claim: Claim, outcome: Outcome) -> list[dict[str, Any]]:
    ids = {entry.account_id for entry in claim.entries}
    names = dict(Account.objects.filter(pk__in=ids).values_list("pk", "name"))
    refused = outcome.refused
    return [
        {
            "account": str(entry.account_id),
            "name": names.get(entry.account_id, ""),
            "external_id": entry.external_id,
            "values": entry.values,
            "outcome": "not written" if refused is None else refused.get(entry.external_id, "written"),
        }
        for entry in claim.entries
    ]


def _rows(claim: Claim) -> dict[str, WrittenRow]:
    ids = [entry.external_id for entry in claim.entries]
    rows = WrittenRow.objects.select_for_update().filter(writing=claim.writing, external_id__in=ids).order_by("pk")
    return {row.external_id: row for row in rows}


def _written(claim: Claim, refused: dict[str, str], now: datetime) -> None:
    rows = _rows(claim)
    for entry in claim.entries:
        row = rows.get(entry.external_id)
        if row is None:
            continue
        if (why := refused.get(entry.external_id)) is not None:
            _refuse(row, why, now)
            continue
        row.written = {name: value for name, value in {**row.written, **entry.values}.items() if value is not None}
        row.written_at, row.attempts, row.reason = now, 0, ""
        row.due_at = now if difference(row.wanted, row.written) else None
    columns = ["written", "written_at", "attempts", "reason", "due_at"]
    WrittenRow.objects.bulk_update(rows.values(), columns, batch_size=200)


def _refuse(row: WrittenRow, why: str, now: datetime) -> None:
    """Left for later, with the reason: longer each time, so that it stands in nobody's way."""
    row.due_at = now + min(ROW_FIRST * 2 ** min(row.attempts, 10), ROW_LONGEST)
    row.attempts, row.reason = row.attempts + 1, plain(why)


def _go_on(mine: WriteBack, claim: Claim, outcome: Outcome) -> None:
    done = len(claim.entries) - len(outcome.refused or {})
    room = mine.room * 2 if mine.room and mine.room * 2 < claim.writer.most else 0
    mine.room, mine.alone, mine.attempts, mine.reason = room, 0, 0, ""
    mine.due_at, mine.written = timezone.now() + PACE, mine.written + done
    mine.written_at = outcome.at if done else mine.written_at
    mine.save(update_fields=["room", "alone", "attempts", "reason", "due_at", "written", "written_at"])


def _narrow(mine: WriteBack, claim: Claim, outcome: Outcome) -> None:
    """The values of a call were refused: fewer the next time, until the one that cannot be is alone and left for later.

    When even those that come alone are refused, one after the other, it is not they: the system is given a rest.
    """
    now = timezone.now()
    if len(claim.entries) > 1:
        mine.room, mine.due_at, mine.reason = max(1, len(claim.entries) // 4), now + PACE, outcome.detail
        mine.save(update_fields=["room", "due_at", "reason"])
        return
    for row in _rows(claim).values():
        _refuse(row, outcome.detail, now)
        row.save(update_fields=["due_at", "attempts", "reason"])
    mine.room, mine.alone, mine.reason = 1, mine.alone + 1, outcome.detail
    mine.due_at = now + PACE
    if mine.alone >= MOST_ALONE:
        mine.attempts += 1
        mine.due_at = now + waiting(outcome.code, "", mine.attempts, now).after
    mine.save(update_fields=["room", "alone", "reason", "due_at", "attempts"])


def _put_off(mine: WriteBack, outcome: Outcome) -> None:
    now = timezone.now()
    log.info("writing %s was put off: %s", mine.pk, outcome.detail)
    wait = waiting(outcome.code, outcome.retry_after, mine.attempts + 1, now)
    if wait.stop:
        _stop(mine, outcome.detail, now)
        return
    mine.attempts, mine.reason, mine.due_at = mine.attempts + 1, outcome.detail, now + wait.after
    mine.save(update_fields=["attempts", "reason", "due_at"])


def _stop(writing: WriteBack, reason: str, now: datetime) -> None:
    WriteBack.objects.filter(pk=writing.pk).update(stopped_at=now, reason=plain(reason), due_at=None)


def _forget() -> None:
    """Drop calls of long ago, some at a time."""
    old = WriteCall.objects.filter(asked_at__lt=timezone.now() - KEPT, due_at=None).values_list("pk", flat=True)
    if found := list(old[:FORGET_AT_ONCE]):
        WriteCall.objects.filter(pk__in=found).delete()
