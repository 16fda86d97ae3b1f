"""The worker's part: claim, call, write down; at least once, under an id by which the receiver knows it again.

1. *Claim* due rows of endpoints that are on, as many as there are threads free (SKIP LOCKED), raise their fence, lease
   them, commit.
2. *Call* the endpoints outside any transaction, several at once; a slow one holds up nobody else.
3. *Finish* as each answers, fenced: a row of the log, and delivered, the next try, or given up.

Tries go on for three days with growing distance. An endpoint that does not answer rests, longer and longer, so that it
does not keep a worker waiting. One that has only failed for five days is switched off and says so; one that answers 410
Gone at once.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone

from hub.outbound.models import (
    DeliveryStatus,
    EndpointDialect,
    EndpointStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from hub.outbound.webhooks.signing import headers
from hub.outbound.webhooks.slack import slack_body
from hub.people.audit import SYSTEM, audit
from hub.tenancy.calls import Refused, Unanswered, post
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.sealing import SecretUnreadable

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
# No endpoint has more threads than this, nor have all that fail together; one that fails has one.
SHARE: Final = 4
LEASE: Final = timedelta(seconds=90)
SLICE_SECONDS: Final = 20.0
LOOK_AGAIN: Final = 1.0
# Wait before the try after the n-th one; 75 hours in all.
BACK_OFF: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
JITTER: Final = 0.1
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
# An endpoint that does not answer is left alone for a tenth of the time that it has not, within these.
SHORTEST_REST: Final = timedelta(seconds=5)
LONGEST_REST: Final = timedelta(minutes=15)
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

    @property
    def is_of_endpoint(self) -> bool:
        """Whether another event would fare no better; a refusal (4xx) may be of this one alone."""
        return not self.arrived and (self.code < 400 or self.code >= 500 or self.code in BUSY)


def backlog() -> datetime | None:
    """When the earliest waiting row may go; None when none waits."""
    times = []
    for endpoint in _active():
        earliest: datetime | None = _due(endpoint).aggregate(at=Min("due_at"))["at"]
        if earliest is not None:
            times.append(max(earliest, endpoint.resting_until or earliest))
    return min(times, default=None)


def _active() -> QuerySet[WebhookEndpoint]:
    found: QuerySet[WebhookEndpoint] = WebhookEndpoint.objects.filter(status=EndpointStatus.ACTIVE)
    return found


def _due(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    found: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(endpoint=endpoint, due_at__isnull=False)
    return found


Calls = dict["Future[Outcome]", WebhookDelivery]


def drain(tenant_id: UUID) -> datetime | None:
    """Send what is due: claim as threads become free, write down as answers come; returns when more will be due."""
    tenant = Tenant.objects.get(pk=tenant_id)
    end = time.monotonic() + SLICE_SECONDS
    running: Calls = {}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        while True:
            if time.monotonic() < end:
                busy = Counter(row.endpoint_id for row in running.values())
                running |= {threads.submit(call, row): row for row in claim(tenant, busy=busy)}
            if not running:
                break
            # What is due meanwhile need not wait for the slowest.
            for answered in wait(running, LOOK_AGAIN, FIRST_COMPLETED).done:
                finish(tenant, running.pop(answered), answered.result())
    with tenant_context(tenant):
        _forget()
        return backlog()


def _forget() -> None:
    """Drop what was told long ago, some at a time; its deliveries and their log go with it."""
    old = WebhookEvent.objects.filter(created_at__lt=timezone.now() - KEPT).values_list("pk", flat=True)
    if found := list(old[:FORGET_AT_ONCE]):
        WebhookEvent.objects.filter(pk__in=found).delete()


def claim(tenant: Tenant, *, busy: Mapping[UUID, int] | None = None) -> list[WebhookDelivery]:
    """Lease due rows, with endpoint and event: an endpoint's share at most, and no more than there are threads free.

    `busy` tells how many calls of each endpoint are under way. The least busy come first; those that fail share a part.
    """
    now, busy = timezone.now(), busy or {}
    rows: list[WebhookDelivery] = []
    with tenant_context(tenant):
        awake = list(_active().filter(Q(resting_until__isnull=True) | Q(resting_until__lte=now)))
        random.shuffle(awake)
        well = {endpoint.pk for endpoint in awake if endpoint.failing_since is None}
        free = AT_ONCE - sum(busy.values())
        free_for_failing = SHARE - sum(calls for endpoint, calls in busy.items() if endpoint not in well)
        for endpoint in sorted(awake, key=lambda each: busy.get(each.pk, 0)):
            share, most = (SHARE, free) if endpoint.pk in well else (1, min(free, free_for_failing))
            found = _lease(endpoint, now, min(share - busy.get(endpoint.pk, 0), most))
            rows += found
            free -= len(found)
            free_for_failing -= 0 if endpoint.pk in well else len(found)
    return rows


def _lease(endpoint: WebhookEndpoint, now: datetime, room: int) -> list[WebhookDelivery]:
    if room <= 0:
        return []
    due = _due(endpoint).filter(due_at__lte=now).select_for_update(skip_locked=True, of=("self",))
    rows = list(due.select_related("endpoint", "event").order_by("due_at", "id")[:room])
    if rows:
        ids = [row.pk for row in rows]
        WebhookDelivery.objects.filter(pk__in=ids).update(due_at=now + LEASE, fence=F("fence") + 1)
    for row in rows:
        row.fence += 1
    return rows


def call(row: WebhookDelivery) -> Outcome:
    """One POST to the endpoint. Touches no database, so that calls can wait side by side."""
    at, begun = timezone.now(), time.monotonic()
    endpoint, event = row.endpoint, row.event
    try:
        # The signature is of what is sent; Slack does not look at it.
        body = slack_body(event.body) if endpoint.dialect == EndpointDialect.SLACK else event.body
        signing = endpoint.secrets_at(at)
        signed = headers(signing, id=f"msg_{event.pk}", timestamp=int(at.timestamp()), body=body)
        answer = post(endpoint.url, body.encode(), signed, allow=settings.OUTGOING_ALLOW)
        told = {
            "code": answer.status,
            "detail": _words(answer.body.decode(errors="replace")),
            "retry_after": answer.retry_after,
        }
    except (Refused, Unanswered) as error:
        told = {"detail": _words(str(error))}
    except SecretUnreadable as error:
        told = {"detail": f"not called, for the secret to sign with cannot be read: {error}"}
    except Exception as error:
        log.exception("webhook %s failed", row.pk)
        told = {"detail": _words(f"{type(error).__name__}: {error}")}
    return Outcome(at=at, milliseconds=int((time.monotonic() - begun) * 1000), **told)  # type: ignore[arg-type]


def _words(text: str) -> str:
    """What a stranger answered, or what is said of it, as the database can hold it."""
    return text[:300].replace("\0", "\ufffd").encode(errors="replace").decode()


def finish(tenant: Tenant, row: WebhookDelivery, outcome: Outcome) -> bool:
    """Write down what came of a call; False when the row is another claim's by now."""
    with tenant_context(tenant):
        # Always the endpoint before its deliveries, as who switches it does.
        WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=row.endpoint_id).first()
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
    """Keep since when an endpoint has failed and let it rest; switch it off when that is long, or when it is gone."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id)
    if outcome.arrived:
        endpoint.filter(failing_since__isnull=False).update(failing_since=None, resting_until=None)
        return
    endpoint.filter(failing_since__isnull=True).update(failing_since=outcome.at)
    if outcome.is_of_endpoint:
        since = endpoint.values_list("failing_since", flat=True).first() or outcome.at
        endpoint.update(resting_until=timezone.now() + _rest(timezone.now() - since, outcome))
    broken = endpoint.filter(status=EndpointStatus.ACTIVE)
    if outcome.code != GONE:
        broken = broken.filter(failing_since__lte=outcome.at - BROKEN_AFTER)
    if broken.update(status=EndpointStatus.BROKEN, changed_at=outcome.at):
        WebhookDelivery.objects.filter(endpoint_id=endpoint_id, status=DeliveryStatus.WAITING).update(due_at=None)
        audit(SYSTEM, "webhook.broken", endpoint.get(), code=outcome.code)


def _rest(failing: timedelta, outcome: Outcome) -> timedelta:
    """How long an endpoint is left alone that has failed for some time; a busy one as long as it asks."""
    return max(min(max(failing / 10, SHORTEST_REST), LONGEST_REST), min(_asked_for(outcome), LONGEST_REST))


def deliveries_of(endpoint: WebhookEndpoint, *, status: str = "") -> QuerySet[WebhookDelivery]:
    """The log of an endpoint, newest first, with its events."""
    found: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(endpoint=endpoint)
    found = found.select_related("event").order_by("-pk")
    return found.filter(status=status) if status else found


def last_answers(rows: Sequence[WebhookDelivery]) -> dict[UUID, WebhookAttempt]:
    """The latest attempt of each of these deliveries. One query."""
    tries = WebhookAttempt.objects.filter(delivery__in=[row.pk for row in rows]).order_by("delivery_id", "-number")
    return {attempt.delivery_id: attempt for attempt in tries.distinct("delivery_id")}
