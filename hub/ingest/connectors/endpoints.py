"""Endpoints made, renewed and revoked; calls kept."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from hub.ingest.connectors.base import Call, Connector, Identity, connectors
from hub.ingest.models import HookDelivery, HookEndpoint
from hub.people.audit import Actor, audit
from hub.registry.base import NotRegistered
from hub.tenancy.wake import wake

QUEUE: Final = "hooks"
MOST_ENDPOINTS: Final = 50
OVERLAP: Final = timedelta(hours=24)
LEAST_SECRET: Final = 8
# What is read from an API comes in this form, whatever the source's own calls look like.
READ_AS: Final = "application/json"
SOURCE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")


def new_secret() -> str:
    """256 random bits that may stand in an address."""
    return secrets.token_urlsafe(32)


@transaction.atomic
def endpoint_make(
    *,
    source: str,
    label: str,
    actor: Actor,
    secret: str = "",
    makes_accounts: bool = False,
    options: dict[str, Any] | None = None,
) -> HookEndpoint:
    """Make an endpoint for a source; where the secret is ours to make it is made. Raises ValidationError."""
    connector = _connector(source)
    if HookEndpoint.objects.filter(revoked_at__isnull=True).count() >= MOST_ENDPOINTS:
        raise ValidationError(f"there are {MOST_ENDPOINTS} endpoints already; revoke one first")
    chosen = _options(connector, options or {})
    endpoint: HookEndpoint = HookEndpoint.objects.create(
        source=source,
        label=label.strip()[:100] or connector.title,
        secret=_secret(connector, secret, chosen),
        makes_accounts=makes_accounts,
        options=chosen,
        created_by=actor.label[:200],
    )
    audit(actor, "hook.make", endpoint, source=source, makes_accounts=makes_accounts)
    return endpoint


def _connector(source: str) -> Connector:
    try:
        return connectors.get(source)
    except NotRegistered as error:
        raise ValidationError({"source": str(error)}) from None


def _secret(connector: Connector, given: str, options: dict[str, Any]) -> str:
    given = given.strip()
    if connector.secret_in_path and not connector.signs(options):
        return new_secret()
    if connector.makes_secret and not given and not connector.signs(options):
        return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    if not LEAST_SECRET <= len(given) <= 500 or not given.isprintable():
        raise ValidationError({"secret": f"{connector.secret_label}: {LEAST_SECRET} to 500 characters"})
    return given


def _options(connector: Connector, given: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for option in connector.options:
        value = str(given.get(option.name, "")).strip()[:200]
        if option.required and not value:
            raise ValidationError({option.name: f"{option.label} is needed"})
        if option.name == "source" and value in connectors:
            raise ValidationError({option.name: f"{value} is the name of a connector; take another"})
        if option.name == "source" and not SOURCE_NAME.fullmatch(value):
            raise ValidationError({option.name: "lower-case letters, digits, hyphens and underscores, at most 50"})
        if option.choices and value and value not in dict(option.choices):
            raise ValidationError({option.name: f"one of {', '.join(dict(option.choices))}"})
        found[option.name] = value
    return found


@transaction.atomic
def endpoint_change(
    *, endpoint: HookEndpoint, label: str, makes_accounts: bool, options: dict[str, Any], actor: Actor
) -> None:
    """Change what an endpoint is called and does with unknown customers. Raises ValidationError."""
    connector = _connector(endpoint.source)
    endpoint.label, endpoint.makes_accounts = label.strip()[:100] or connector.title, makes_accounts
    endpoint.options = _options(connector, options)
    endpoint.save(update_fields=["label", "makes_accounts", "options"])
    audit(actor, "hook.change", endpoint, makes_accounts=makes_accounts)
    # Who waited may be made now.
    wake(QUEUE)


@transaction.atomic
def endpoint_renew(*, endpoint: HookEndpoint, secret: str, actor: Actor) -> HookEndpoint:
    """Give a new secret; for a day the old one is good beside it. Raises ValidationError."""
    # One that cannot be read verifies nothing any more.
    endpoint.previous_secret = endpoint.secret if endpoint.is_readable else ""
    endpoint.previous_until = timezone.now() + OVERLAP
    endpoint.secret = _secret(_connector(endpoint.source), secret, endpoint.options)
    endpoint.save(update_fields=["secret", "previous_secret", "previous_until"])
    audit(actor, "hook.renew", endpoint)
    return endpoint


@transaction.atomic
def endpoint_revoke(*, endpoint: HookEndpoint, actor: Actor) -> None:
    """Close an endpoint: from now on its calls are answered 404. What it brought stays."""
    if HookEndpoint.objects.filter(pk=endpoint.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        audit(actor, "hook.revoke", endpoint, source=endpoint.source)


def call_keep(endpoint: HookEndpoint, identity: Identity, call: Call) -> bool:
    """Keep a verified call for the worker; False when one of this id is kept already. In the caller's transaction."""
    now = timezone.now()
    delivery = HookDelivery(
        endpoint=endpoint,
        event_id=identity.event_id[:200],
        kind=identity.kind[:100],
        content_type=call.content_type[:200],
        body=call.body,
        received_at=now,
        due_at=now,
    )
    known = HookDelivery.objects.filter(endpoint=endpoint, event_id=delivery.event_id)
    if known.exists():
        return False
    HookDelivery.objects.bulk_create([delivery], ignore_conflicts=True)
    wake(QUEUE)
    return True


def calls_keep(endpoint: HookEndpoint, calls: Mapping[Identity, bytes]) -> int:
    """Keep what an API gave as calls for the worker; returns how many are new. In the caller's transaction."""
    now = timezone.now()
    ids = {identity.event_id[:200] for identity in calls}
    known = HookDelivery.objects.filter(endpoint=endpoint, event_id__in=ids).values_list("event_id", flat=True)
    left = ids - set(known)
    fresh = [
        HookDelivery(
            endpoint=endpoint,
            event_id=identity.event_id[:200],
            kind=identity.kind[:100],
            content_type=READ_AS,
            body=body,
            received_at=now,
            due_at=now,
        )
        for identity, body in calls.items()
        if identity.event_id[:200] in left
    ]
    HookDelivery.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=500)
    if fresh:
        wake(QUEUE)
    return len(fresh)


def refusal_count(endpoint: HookEndpoint, why: str) -> None:
    """Note that a call was answered 401, at most once a second."""
    now = timezone.now()
    due = HookEndpoint.objects.filter(Q(refused_at=None) | Q(refused_at__lt=now - timedelta(seconds=1)), pk=endpoint.pk)
    due.update(refused_calls=F("refused_calls") + 1, refused_at=now, refused_why=why[:200])


@transaction.atomic
def delivery_again(*, delivery: HookDelivery, actor: Actor) -> None:
    """Have a call looked at anew: after a rate was given, a field was made, or a fault was mended."""
    HookDelivery.objects.filter(pk=delivery.pk).update(state="waiting", attempts=0, due_at=timezone.now(), reason="")
    audit(actor, "hook.again", delivery)
    wake(QUEUE)
