"""The worker's part: one list is asked for one page at a time, outside of any transaction; what came is kept as calls.

A list is claimed by moving its time two minutes ahead. A worker that dies leaves it there: it is asked again, from the
same place, and what had been kept is known by its content.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Min, QuerySet
from django.utils import timezone

from hub.ingest.connectors.base import Identity, Malformed
from hub.ingest.connectors.endpoints import calls_keep
from hub.ingest.models import PullAccess, PullStream
from hub.ingest.pulling.asking import NotRead, fetch
from hub.ingest.pulling.base import FORGOTTEN, Page, Stream, Wait, pullers, waiting
from hub.tenancy.context import tenant_context

log = logging.getLogger(__name__)

SLICE_SECONDS: Final = 15.0
LEASE: Final = timedelta(minutes=2)
# Between two pages of a system: every one of them allows more than this.
PACE: Final = timedelta(milliseconds=300)


@dataclass(frozen=True)
class Claim:
    """A list that this worker asks, and until when it is this worker's."""

    stream: PullStream
    access: PullAccess
    source: str
    until: datetime


def backlog() -> datetime | None:
    earliest: datetime | None = _asked().aggregate(at=Min("due_at"))["at"]
    return earliest


def _asked() -> QuerySet[PullStream]:
    found: QuerySet[PullStream] = PullStream.objects.filter(
        due_at__isnull=False, access__stopped_at=None, access__endpoint__revoked_at=None
    )
    return found


def drain(tenant_id: UUID) -> datetime | None:
    """Ask what is due, a page at a time, for a slice of time; returns when more will be due."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and (claim := _claim(tenant_id)):
        _ask(tenant_id, claim)
    with tenant_context(tenant_id):
        return backlog()


def _claim(tenant_id: UUID) -> Claim | None:
    with tenant_context(tenant_id):
        now = timezone.now()
        due = _asked().filter(due_at__lte=now).select_related("access__endpoint").order_by("due_at", "pk")
        stream = due.select_for_update(skip_locked=True, of=("self",)).first()
        if stream is None:
            return None
        PullStream.objects.filter(pk=stream.pk).update(due_at=now + LEASE, asked_at=now)
        return Claim(stream, stream.access, stream.access.endpoint.source, now + LEASE)


def _ask(tenant_id: UUID, claim: Claim) -> None:
    puller = pullers.get(claim.source)
    try:
        stream = puller.stream(claim.stream.name)
        body = fetch(puller, claim.access, stream.ask(claim.stream.cursor, claim.access.start_at))
        page = stream.page(body, claim.stream.cursor, timezone.now())
    except NotRead as error:
        now = timezone.now()
        _put_off(tenant_id, claim, str(error), waiting(error.status, error.retry_after, _attempt(claim), now))
        if error.status in FORGOTTEN:
            _begin_anew(tenant_id, claim)
    except (Malformed, KeyError) as error:
        said = f"the answer could not be read: {error}"
        _put_off(tenant_id, claim, said, waiting(0, "", _attempt(claim), timezone.now()))
    else:
        _keep(tenant_id, claim, stream, page)


def _begin_anew(tenant_id: UUID, claim: Claim) -> None:
    """The system may have forgotten the place to go on from, and with it what happened since: read all once more.

    What is known already is not kept again.
    """
    cursor = Stream.anew(claim.stream.cursor)
    if cursor == claim.stream.cursor:
        return
    with tenant_context(tenant_id):
        mine = PullStream.objects.filter(pk=claim.stream.pk, cursor=claim.stream.cursor, access__stopped_at=None)
        if mine.update(cursor=cursor):
            ended = PullStream.objects.filter(access=claim.access, due_at__isnull=True)
            ended.update(cursor={}, due_at=timezone.now())


def _attempt(claim: Claim) -> int:
    return int(claim.stream.attempts) + 1


def _held(claim: Claim) -> QuerySet[PullStream]:
    """The list, if it is still this worker's and its key still good."""
    found: QuerySet[PullStream] = PullStream.objects.filter(
        pk=claim.stream.pk, due_at=claim.until, access__stopped_at=None
    )
    return found


def _keep(tenant_id: UUID, claim: Claim, stream: Stream, page: Page) -> None:
    """The page's calls and the place to go on from, in one transaction."""
    now = timezone.now()
    with tenant_context(tenant_id):
        held = _held(claim).select_for_update(of=("self",)).first()
        if held is None:
            return
        calls = {Identity(entry.event_id, entry.kind): entry.body for entry in page.calls}
        fresh = calls_keep(claim.access.endpoint, calls)
        wait = PACE if page.more else page.rest
        changes: dict[str, Any] = {
            "cursor": page.cursor,
            "due_at": None if page.done else now + wait,
            "attempts": 0,
            "reason": "",
            "pages": held.pages + 1,
            "things": held.things + fresh,
            "answered_at": now,
        }
        if fresh:
            changes["news_at"] = now
        if not page.more:
            changes["caught_up_at"] = now
        PullStream.objects.filter(pk=held.pk).update(**changes)


def _put_off(tenant_id: UUID, claim: Claim, words: str, wait: Wait) -> None:
    words = " ".join(words.replace("\x00", "").split())[:300]
    log.info("%s %s was not read: %s", claim.source, claim.stream.name, words)
    now = timezone.now()
    with tenant_context(tenant_id):
        due = now + LEASE if wait.stop else now + wait.after
        attempts = _attempt(claim)
        if not _held(claim).update(due_at=due, attempts=attempts, reason=words):
            return
        if wait.stop:
            PullAccess.objects.filter(pk=claim.access.pk).update(stopped_at=now, reason=words)
