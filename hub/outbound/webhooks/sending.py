"""The worker's part: claim, call, write down; at least once, under an id by which the receiver knows it again.

1. *Claim* a few due rows of endpoints that are on (SKIP LOCKED), raise their fence, lease them, commit.
2. *Call* the endpoints outside any transaction, several at once.
3. *Finish*, fenced: a row of the log, and delivered, the next try, or given up.

Tries go on for three days with growing distance. An endpoint that has only failed for five days is switched off and
says so; one that answers 410 Gone at once.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import F, Min, QuerySet
from django.utils import timezone

from hub.outbound.calls import Refused, Unanswered, post
from hub.outbound.models import (
    DeliveryStatus,
    EndpointStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from hub.outbound.webhooks.signing import headers
from hub.people.audit import SYSTEM, audit
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

log = logging.getLogger(__name__)

CLAIM: Final = 20
AT_ONCE: Final = 8
LEASE: Final = timedelta(seconds=90)
SLICE_SECONDS: Final = 20.0
# Wait before the try after the n-th one; 75 hours in all.
BACK_OFF: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
JITTER: Final = 0.1
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
KEPT: Final = timedelta(days=30)
FORGET_AT_ONCE: Final = 1_000
BROKEN_AFTER: Final = timedelta(days=5)
GONE: Final = 410
BUSY: Final = (429, 503)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call; `code` 0 without an answer."""

    at: datetime
    milliseconds: int
    code: int = 0
    detail: str = ""
    retry_after: str = ""

    @property
    def arrived(self) -> bool:
        return 200 <= self.code < 300


def backlog() -> datetime | None:
    """When the earliest waiting row is due; None when none waits."""
    earliest: datetime | None = _due().aggregate(at=Min("due_at"))["at"]
    return earliest


def _due() -> QuerySet[WebhookDelivery]:
    found: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(due_at__isnull=False)
    return found


def drain(tenant_id: UUID) -> datetime | None:
    """Send what is due, claim by claim; returns when more will be."""
    tenant = Tenant.objects.get(pk=tenant_id)
    end = time.monotonic() + SLICE_SECONDS
    with ThreadPoolExecutor(AT_ONCE) as threads:
        while time.monotonic() < end and (claimed := claim(tenant)):
            for row, outcome in zip(claimed, threads.map(call, claimed), strict=True):
                finish(tenant, row, outcome)
    with tenant_context(tenant):
        _forget()
        return backlog()


def _forget() -> None:
    """Drop what was told long ago, some at a time; its deliveries and their log go with it."""
    old = WebhookEvent.objects.filter(created_at__lt=timezone.now() - KEPT).values_list("pk", flat=True)
    if found := list(old[:FORGET_AT_ONCE]):
        WebhookEvent.objects.filter(pk__in=found).delete()


def claim(tenant: Tenant, *, limit: int = CLAIM) -> list[WebhookDelivery]:
    """Lease up to `limit` due rows, with endpoint and event."""
    now = timezone.now()
    with tenant_context(tenant):
        due = _due().filter(due_at__lte=now).select_for_update(skip_locked=True, of=("self",))
        rows = list(due.select_related("endpoint", "event").order_by("due_at", "id")[:limit])
        WebhookDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=now + LEASE, fence=F("fence") + 1)
        for row in rows:
            row.fence += 1
    return rows


def call(row: WebhookDelivery) -> Outcome:
    """One POST to the endpoint. Touches no database, so that calls can wait side by side."""
    at, begun = timezone.now(), time.monotonic()
    endpoint, event = row.endpoint, row.event
    signed = headers(endpoint.secrets_at(at), id=f"msg_{event.pk}", timestamp=int(at.timestamp()), body=event.body)
    try:
        answer = post(endpoint.url, event.body.encode(), signed, allow=settings.OUTGOING_ALLOW)
        told = {"code": answer.status, "detail": _excerpt(answer.body), "retry_after": answer.retry_after}
    except (Refused, Unanswered) as error:
        told = {"detail": str(error)[:300]}
    except Exception as error:
        log.exception("webhook %s failed", row.pk)
        told = {"detail": f"{type(error).__name__}: {error}"[:300]}
    return Outcome(at=at, milliseconds=int((time.monotonic() - begun) * 1000), **told)  # type: ignore[arg-type]


def _excerpt(body: bytes) -> str:
    return body[:300].decode(errors="replace").replace("\0", "")


def finish(tenant: Tenant, row: WebhookDelivery, outcome: Outcome) -> bool:
    """Write down what came of a call; False when the row is another claim's by now."""
    with tenant_context(tenant):
        attempts = row.attempts + 1
        if not _mine(row).update(attempts=attempts, **_next(row, attempts, outcome)):
            return False
        WebhookAttempt.objects.create(
            delivery=row,
            number=row.fence,
            at=outcome.at,
            milliseconds=outcome.milliseconds,
            code=outcome.code,
            detail=outcome.detail,
        )
        _judge(row.endpoint_id, outcome)
    return True


def _mine(row: WebhookDelivery) -> QuerySet[WebhookDelivery]:
    found: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(
        pk=row.pk, fence=row.fence, status=DeliveryStatus.WAITING
    )
    return found


def _next(row: WebhookDelivery, attempts: int, outcome: Outcome) -> dict[str, object]:
    now = timezone.now()
    if outcome.arrived:
        return {"status": DeliveryStatus.DELIVERED, "due_at": None, "finished_at": now}
    if attempts > len(BACK_OFF) or outcome.code == GONE:
        return {"status": DeliveryStatus.FAILED, "due_at": None, "finished_at": now}
    wait = BACK_OFF[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    return {"due_at": now + max(wait, _asked_for(outcome))}


def _asked_for(outcome: Outcome) -> timedelta:
    """How long a busy endpoint wants to be left alone."""
    text = outcome.retry_after.strip()
    if outcome.code not in BUSY or not (text.isascii() and text.isdigit()):
        return timedelta()
    return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)


def _judge(endpoint_id: UUID, outcome: Outcome) -> None:
    """Keep since when an endpoint has failed; switch it off when that is long, or when it says that it is gone."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id)
    if outcome.arrived:
        endpoint.filter(failing_since__isnull=False).update(failing_since=None)
        return
    endpoint.filter(failing_since__isnull=True).update(failing_since=outcome.at)
    broken = endpoint.filter(status=EndpointStatus.ACTIVE)
    if outcome.code != GONE:
        broken = broken.filter(failing_since__lte=outcome.at - BROKEN_AFTER)
    if broken.update(status=EndpointStatus.BROKEN, changed_at=outcome.at):
        WebhookDelivery.objects.filter(endpoint_id=endpoint_id, status=DeliveryStatus.WAITING).update(due_at=None)
        audit(SYSTEM, "webhook.broken", endpoint.get(), code=outcome.code)


def deliveries_of(endpoint: WebhookEndpoint, *, status: str = "") -> QuerySet[WebhookDelivery]:
    """The log of an endpoint, newest first, with its events."""
    found: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(endpoint=endpoint)
    found = found.select_related("event").order_by("-pk")
    return found.filter(status=status) if status else found


def last_answers(rows: Sequence[WebhookDelivery]) -> dict[UUID, WebhookAttempt]:
    """The latest attempt of each of these deliveries. One query."""
    tries = WebhookAttempt.objects.filter(delivery__in=[row.pk for row in rows]).order_by("delivery_id", "-number")
    return {attempt.delivery_id: attempt for attempt in tries.distinct("delivery_id")}
