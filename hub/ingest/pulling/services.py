"""A key to an API given, taken back, and asked with at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from hub.ingest.models import HookEndpoint, PullAccess, PullStream, WriteBack
from hub.ingest.pulling.base import Puller, pullers
from hub.people.audit import Actor, audit
from hub.tenancy.calls import Refused, checked_url
from hub.tenancy.wake import wake

QUEUE: Final = "pull"
WRITING: Final = "write"
# How far back reading begins unless somebody says otherwise, and the furthest.
BACK: Final = timedelta(days=365)
FURTHEST: Final = timedelta(days=3650)
LEAST_SECRET: Final = 8


@transaction.atomic
def access_give(
    *, endpoint: HookEndpoint, secret: str, actor: Actor, address: str = "", start_at: datetime | None = None
) -> PullAccess:
    """Give a connection a key to its system's API, or another one; reading begins, or goes on where it was.

    Raises ValidationError: a source without an API, a secret that cannot be one, an address that is not called.
    """
    # Two who give a key at once do so one after the other.
    endpoint = HookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    puller = _puller(endpoint)
    secret = secret.strip()
    if not LEAST_SECRET <= len(secret) <= 1000 or not secret.isprintable() or not secret.isascii():
        raise ValidationError({"secret": f"{puller.secret_label}: {LEAST_SECRET} to 1000 plain characters"})
    now = timezone.now()
    start = max(start_at or now - BACK, now - FURTHEST)
    given = {"address": _address(puller, address), "secret": secret, "stopped_at": None, "reason": ""}
    access: PullAccess | None = PullAccess.objects.filter(endpoint=endpoint).first()
    if access is None:
        access = PullAccess.objects.create(endpoint=endpoint, start_at=start, made_by=actor.label[:200], **given)
    else:
        for name, value in given.items():
            setattr(access, name, value)
        access.save(update_fields=list(given))
    _begin(access, puller, now)
    # What could not be written for want of a key goes on too.
    stopped = WriteBack.objects.filter(endpoint=endpoint, is_on=True, stopped_at__isnull=False)
    if stopped.update(stopped_at=None, reason="", attempts=0, due_at=now):
        wake(WRITING)
    audit(actor, "pull.give", endpoint, source=endpoint.source, address=given["address"])
    return access


def _puller(endpoint: HookEndpoint) -> Puller:
    if endpoint.source not in pullers:
        raise ValidationError("this system has no API that is read")
    if endpoint.revoked_at is not None:
        raise ValidationError("this connection is closed")
    return pullers.get(endpoint.source)


def _address(puller: Puller, given: str) -> str:
    address = (given.strip() or puller.address).rstrip("/")
    if not address:
        raise ValidationError({"address": "the address of the API is needed"})
    try:
        parts = checked_url(address, allow=settings.OUTGOING_ALLOW)
    except Refused as error:
        raise ValidationError({"address": str(error)}) from None
    if parts.path or parts.query or parts.fragment or len(address) > 300:
        raise ValidationError({"address": "only the scheme and the host: https://your-name.example.com"})
    return address


def _begin(access: PullAccess, puller: Puller, now: datetime) -> None:
    """Ask every list at once; one that has been read to its end for good stays as it is."""
    for stream in puller.streams:
        found, made = PullStream.objects.get_or_create(access=access, name=stream.name, defaults={"due_at": now})
        if not made and (found.due_at is not None or found.reason):
            PullStream.objects.filter(pk=found.pk).update(due_at=now, attempts=0, reason="")
    wake(QUEUE)


@transaction.atomic
def access_now(*, access: PullAccess, actor: Actor) -> None:
    """Ask the lists now instead of later."""
    if access.stopped_at is None:
        PullStream.objects.filter(access=access, due_at__isnull=False).update(due_at=timezone.now())
        audit(actor, "pull.now", access.endpoint)
        wake(QUEUE)


@transaction.atomic
def access_take(*, access: PullAccess, actor: Actor) -> None:
    """Forget the key: nothing is asked any more. What was read stays, and so does the place to go on from."""
    PullAccess.objects.filter(pk=access.pk).update(secret="", stopped_at=timezone.now(), reason="the key was removed")
    audit(actor, "pull.take", access.endpoint)
