"""Reads of the Sources pages: keys with their volume, the events of this minute, shapes, and what was refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import TruncDay
from django.utils import timezone

from hub.accounts.models import Account
from hub.ingest.models import DoorVolume, EventSchema, QuarantinedEvent
from hub.people.models import Credential
from hub.tenancy.models import Tenant
from hub.usage.store import StoredEvent, events_store

PAGE: Final = 50
DAYS: Final = 14
OFFERED: Final = 200
# A key that sent on most days of the week before, and nothing for a day, has gone quiet.
BUSY_DAYS: Final = 5
QUIET_AFTER: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Key:
    """A write key and what came by it: events a day over the last two weeks, oldest first."""

    credential: Credential
    days: list[int]
    today: int
    quarantined: int
    last_at: datetime | None
    quiet: bool


def keys_of(tenant: Tenant, now: datetime) -> list[Key]:
    """The tenant's keys that may send events, live ones first; two queries."""
    credentials = Credential.objects.filter(tenant=tenant).order_by("-created_at")
    volumes = _volumes(now)
    keys = [_key(credential, volumes.get(credential.pk, {}), now) for credential in credentials]
    keys = [key for key in keys if "ingest" in key.credential.scopes or key.last_at]
    return sorted(keys, key=lambda key: key.credential.revoked_at is not None)


Day = tuple[int, int, datetime]
"""Events, quarantined, last sign."""


def _volumes(now: datetime) -> dict[UUID, dict[int, Day]]:
    """Credential → days ago, by the tenant's calendar → what came."""
    today = timezone.localtime(now).date()
    rows = (
        DoorVolume.objects.filter(hour__gte=now - timedelta(days=DAYS))
        .annotate(on=TruncDay("hour"))
        .values("credential_id", "on")
        .annotate(count=Sum("events"), bad=Sum("quarantined"), last=Max("last_at"))
    )
    found: dict[UUID, dict[int, Day]] = defaultdict(dict)
    for row in rows:
        found[row["credential_id"]][(today - row["on"].date()).days] = (row["count"], row["bad"], row["last"])
    return found


def _key(credential: Credential, days: dict[int, Day], now: datetime) -> Key:
    counts = [days[ago][0] if ago in days else 0 for ago in reversed(range(DAYS))]
    last = max((day[2] for day in days.values()), default=None)
    busy = sum(count > 0 for count in counts[-8:-1]) >= BUSY_DAYS
    quiet = credential.revoked_at is None and busy and last is not None and now - last > QUIET_AFTER
    return Key(credential, counts, counts[-1], sum(day[1] for day in days.values()), last, quiet)


@dataclass(frozen=True)
class TailRow:
    """An event as it just came in, with the name of its account where there is one."""

    event: StoredEvent
    account: str
    text: str


def tail(limit: int = PAGE) -> list[TailRow]:
    """The latest events of the tenant in context, newest first."""
    events = events_store().latest(limit)
    names = dict(Account.objects.filter(pk__in={e.account_id for e in events}).values_list("pk", "name"))
    return [TailRow(event, names.get(event.account_id, ""), _text(event.properties)) for event in events]


def _text(properties: Any) -> str:
    return msgspec.json.encode(properties).decode() if properties else ""


@dataclass(frozen=True)
class Property:
    """A property of an event with the types it came in; more than one is worth a look."""

    name: str
    types: list[str]
    example: str


@dataclass(frozen=True)
class Shape:
    """An event of the register."""

    schema: EventSchema
    properties: list[Property]

    @property
    def mixed(self) -> bool:
        return any(len(set(entry.types) - {"null"}) > 1 for entry in self.properties)


def shapes_page(*, after: tuple[str, str] | None) -> list[Shape]:
    """Up to PAGE + 1 events by name."""
    schemas = EventSchema.objects.order_by("name", "kind")
    if after:
        schemas = schemas.filter(Q(name__gt=after[0]) | Q(name=after[0], kind__gt=after[1]))
    return [Shape(schema, _properties(schema.properties)) for schema in schemas[: PAGE + 1]]


def _properties(stored: dict[str, str]) -> list[Property]:
    types: dict[str, list[str]] = defaultdict(list)
    examples: dict[str, str] = {}
    for key, example in sorted(stored.items()):
        name, _, kind = key.rpartition(":")
        types[name].append(kind)
        examples[name] = examples.get(name) or example
    return [Property(name, found, examples[name]) for name, found in types.items()]


def reasons(since: datetime) -> list[tuple[str, int]]:
    """Why calls were refused since then, most frequent first."""
    counted = QuarantinedEvent.objects.filter(received_at__gte=since).values_list("reason").annotate(n=Count("pk"))
    return [(reason, count) for reason, count in counted.order_by("-n", "reason")]


def refused_page(*, reason: str, before: tuple[datetime, UUID] | None) -> Sequence[QuarantinedEvent]:
    """Up to PAGE + 1 refused calls, newest first."""
    refused = QuarantinedEvent.objects.order_by("-received_at", "-pk")
    if reason:
        refused = refused.filter(reason=reason)
    if before:
        refused = refused.filter(Q(received_at__lt=before[0]) | Q(received_at=before[0], pk__lt=before[1]))
    return list(refused[: PAGE + 1])


def event_names() -> list[str]:
    """Names of the events that products sent lately, to offer in forms."""
    recent = EventSchema.objects.filter(kind="track").order_by("-last_at").values_list("name", flat=True)
    return sorted(recent[:OFFERED])
