"""Webhook endpoints made, changed and switched; happenings written down for them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from hub.outbound.models import (
    DeliveryStatus,
    EndpointDialect,
    EndpointStatus,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from hub.outbound.webhooks.signing import new_secret
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.registry.outgoing import Happening, outgoing_kinds
from hub.tenancy.calls import Refused, checked_url
from hub.tenancy.ids import uuid7
from hub.tenancy.remembering import remembered
from hub.tenancy.wake import wake

WEBHOOKS: Final = "webhooks"
TEST: Final = "webhook.test"
MOST_ENDPOINTS: Final = 20
OVERLAP: Final = timedelta(hours=24)


# --- Endpoints ----------------------------------------------------------------------------------------------------


@transaction.atomic
def endpoint_create(
    *,
    url: str,
    kinds: Collection[str],
    actor: Actor,
    description: str = "",
    dialect: str = EndpointDialect.STANDARD,
    user: User | None = None,
) -> WebhookEndpoint:
    """Make an endpoint; its `secret` is to be shown now and never again. Raises ValidationError."""
    if WebhookEndpoint.objects.count() >= MOST_ENDPOINTS:
        raise ValidationError(f"there are {MOST_ENDPOINTS} endpoints already; remove one first")
    endpoint: WebhookEndpoint = WebhookEndpoint.objects.create(
        url=_url(url),
        kinds=_kinds(kinds),
        description=description.strip()[:200],
        dialect=EndpointDialect(dialect),
        secret=new_secret(),
        created_by=user,
    )
    audit(actor, "webhook.create", endpoint, url=endpoint.url, kinds=endpoint.kinds)
    return endpoint


@transaction.atomic
def endpoint_change(
    *,
    endpoint: WebhookEndpoint,
    url: str,
    kinds: Collection[str],
    description: str,
    actor: Actor,
    dialect: str | None = None,
) -> WebhookEndpoint:
    """Change where an endpoint is and what it is told. Raises ValidationError."""
    endpoint.url, endpoint.kinds, endpoint.description = _url(url), _kinds(kinds), description.strip()[:200]
    endpoint.changed_at, endpoint.resting_until = timezone.now(), None
    endpoint.dialect = EndpointDialect(dialect or endpoint.dialect)
    endpoint.save(update_fields=["url", "kinds", "description", "dialect", "changed_at", "resting_until"])
    wake(WEBHOOKS)
    audit(actor, "webhook.change", endpoint, url=endpoint.url, kinds=endpoint.kinds)
    return endpoint


def _url(url: str) -> str:
    url = url.strip()
    if len(url) > 500:
        raise ValidationError({"url": "the address is longer than 500 characters"})
    try:
        checked_url(url, allow=settings.OUTGOING_ALLOW)
    except Refused as error:
        raise ValidationError({"url": str(error)}) from None
    return url


def _kinds(kinds: Collection[str]) -> list[str]:
    unknown = sorted(kind for kind in kinds if kind not in outgoing_kinds or kind == TEST)
    if unknown:
        raise ValidationError({"kinds": f"unknown: {', '.join(unknown)}"})
    if not kinds:
        raise ValidationError({"kinds": "choose at least one kind of happening"})
    return sorted(set(kinds))


@transaction.atomic
def endpoint_rotate(*, endpoint: WebhookEndpoint, actor: Actor) -> WebhookEndpoint:
    """Give a new secret, to be shown now; for a day the old one signs beside it."""
    now = timezone.now()
    # One that cannot be read signs nothing any more.
    known = endpoint.is_readable
    endpoint.previous_secret, endpoint.previous_until = (endpoint.secret, now + OVERLAP) if known else ("", None)
    endpoint.secret, endpoint.changed_at = new_secret(), now
    endpoint.save(update_fields=["secret", "previous_secret", "previous_until", "changed_at"])
    audit(actor, "webhook.rotate", endpoint)
    return endpoint


@transaction.atomic
def endpoint_switch(*, endpoint: WebhookEndpoint, on: bool, actor: Actor) -> None:
    """Switch an endpoint off, or on again: then what waited is sent."""
    now = timezone.now()
    status = EndpointStatus.ACTIVE if on else EndpointStatus.OFF
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        status=status, failing_since=None, resting_until=None, changed_at=now
    )
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.WAITING)
    waiting.update(due_at=now if on else None)
    if on:
        wake(WEBHOOKS)
    audit(actor, "webhook.switch", endpoint, on=on)


@transaction.atomic
def endpoint_remove(*, endpoint: WebhookEndpoint, actor: Actor) -> None:
    """Delete an endpoint with its deliveries."""
    audit(actor, "webhook.remove", endpoint, url=endpoint.url)
    # Before its deliveries, as a sender that writes down what came of a call does.
    if WebhookEndpoint.objects.select_for_update().filter(pk=endpoint.pk).first():
        endpoint.delete()


# --- Happenings ---------------------------------------------------------------------------------------------------


def wanted(kind: str) -> bool:
    """Whether an endpoint of the tenant in context is told of this kind."""
    asked = remembered("webhooks", lambda: list(_active().values_list("kinds", flat=True)))
    return any(kind in kinds for kinds in asked)


def receive(kind: str, happenings: Sequence[Happening]) -> None:
    """Write happenings down for every endpoint that wants them, in the transaction of what they tell of."""
    endpoints = [pk for pk, kinds in _active().values_list("pk", "kinds") if kind in kinds]
    write(kind, happenings, endpoints)


def _active() -> QuerySet[WebhookEndpoint]:
    found: QuerySet[WebhookEndpoint] = WebhookEndpoint.objects.filter(status=EndpointStatus.ACTIVE)
    return found


def write(kind: str, happenings: Sequence[Happening], endpoints: Sequence[UUID]) -> list[WebhookDelivery]:
    """Put happenings on their way to these endpoints; returns the deliveries of those that were not told before."""
    events = [_event(kind, happening) for happening in happenings]
    WebhookEvent.objects.bulk_create(events, ignore_conflicts=True, batch_size=500)
    # What was told before is told already, to those who listened then.
    fresh = set(WebhookEvent.objects.filter(pk__in=[event.pk for event in events]).values_list("pk", flat=True))
    now = timezone.now()
    deliveries = [
        WebhookDelivery(account_id=event.account_id, endpoint_id=endpoint, event=event, due_at=now)
        for event in events
        if event.pk in fresh
        for endpoint in endpoints
    ]
    WebhookDelivery.objects.bulk_create(deliveries, batch_size=500)
    if deliveries:
        wake(WEBHOOKS)
    return deliveries


def _event(kind: str, happening: Happening) -> WebhookEvent:
    body = {"type": kind, "timestamp": happening.occurred_at.isoformat(), "data": happening.data}
    return WebhookEvent(
        pk=uuid7(),
        account_id=happening.account_id,
        kind=kind,
        key=happening.key[:200],
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str),
        occurred_at=happening.occurred_at,
    )


@transaction.atomic
def endpoint_test(*, endpoint: WebhookEndpoint, actor: Actor) -> WebhookDelivery:
    """Send a happening that did not happen, to see whether it arrives."""
    now = timezone.now()
    words = "This is a test: nothing has happened."
    happening = Happening(key=str(uuid7()), data={"message": words, "endpoint_id": str(endpoint.pk)}, occurred_at=now)
    audit(actor, "webhook.test", endpoint)
    _rouse(endpoint.pk)
    [delivery] = write(TEST, [happening], [endpoint.pk])
    return delivery


@transaction.atomic
def delivery_resend(*, delivery: WebhookDelivery, actor: Actor) -> bool:
    """Send an event once more, under its id, beginning the tries anew; False while it waits or the endpoint is off."""
    _rouse(delivery.endpoint_id)
    changed = (
        WebhookDelivery.objects.filter(pk=delivery.pk, endpoint__status=EndpointStatus.ACTIVE)
        .exclude(status=DeliveryStatus.WAITING)
        .update(status=DeliveryStatus.WAITING, attempts=0, due_at=timezone.now(), finished_at=None)
    )
    if changed:
        wake(WEBHOOKS)
        audit(actor, "webhook.resend", delivery)
    return bool(changed)


def _rouse(endpoint_id: UUID) -> None:
    """Somebody waits for an answer: try at once, and hold the endpoint as it is until that is asked for."""
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(resting_until=None)
