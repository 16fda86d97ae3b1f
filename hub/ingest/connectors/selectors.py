"""Reads of the Connections pages: endpoints with how it goes, their calls, and alarms."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max, Q
from django.db.models.functions import TruncDay
from django.urls import reverse
from django.utils import timezone

from hub.accounts.models import Account
from hub.ingest.connectors.base import Connector, connectors
from hub.ingest.connectors.nouns import WORDS
from hub.ingest.models import DeliveryState, HookDelivery, HookEndpoint, PullAccess
from hub.ingest.writing.selectors import troubles
from hub.tenancy.models import Tenant

PAGE: Final = 50
DAYS: Final = 14
# An endpoint that was called on most days of the week before and has heard nothing for two days is quiet.
BUSY_DAYS: Final = 5
QUIET_AFTER: Final = timedelta(hours=48)
# Refused calls of so long ago are worth an alarm.
LATELY: Final = timedelta(hours=24)
UNREADABLE: Final = "its calls cannot be verified, for its secret was encrypted under another SECRET_KEY: renew it"
STRAY: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Connection:
    """An endpoint and how it goes: calls a day over two weeks, oldest first."""

    endpoint: HookEndpoint
    connector: Connector
    days: list[int]
    refused: int
    unmatched: int
    last_at: datetime | None
    quiet: bool
    # Why its API is read no more.
    stopped: str = ""
    # What else keeps it from working, as the end of a sentence that begins with its name.
    trouble: str = ""

    @property
    def week(self) -> int:
        return sum(self.days[-7:])

    @property
    def failing(self) -> bool:
        """Calls were answered 401 lately, none good for a while before: a stray one among good ones does not count."""
        at = self.endpoint.refused_at
        if at is None or at < timezone.now() - LATELY:
            return False
        return self.last_at is None or at - self.last_at > STRAY


def connections(now: datetime) -> list[Connection]:
    """Every endpoint, open ones first; five queries."""
    endpoints = HookEndpoint.objects.order_by("-revoked_at", "label", "pk")
    days, totals, stopped, unwritten = _days(now), _totals(), _stopped(), troubles()
    found = [
        _connection(
            endpoint,
            days.get(endpoint.pk, {}),
            totals.get(endpoint.pk, {}),
            now,
            stopped.get(endpoint.pk, ""),
            unwritten.get(endpoint.pk, ""),
        )
        for endpoint in endpoints
    ]
    return sorted(found, key=lambda entry: entry.endpoint.revoked_at is not None)


def _days(now: datetime) -> dict[UUID, dict[int, int]]:
    today = timezone.localtime(now).date()
    rows = (
        HookDelivery.objects.filter(received_at__gte=now - timedelta(days=DAYS))
        .annotate(on=TruncDay("received_at"))
        .values("endpoint_id", "on")
        .annotate(count=Count("pk"))
    )
    found: dict[UUID, dict[int, int]] = defaultdict(dict)
    for row in rows:
        found[row["endpoint_id"]][(today - row["on"].date()).days] = row["count"]
    return found


def _totals() -> dict[UUID, dict[str, Any]]:
    rows = HookDelivery.objects.values("endpoint_id").annotate(
        last=Max("received_at"),
        refused=Count("pk", filter=Q(state=DeliveryState.REFUSED)),
        unmatched=Count("pk", filter=Q(state=DeliveryState.UNMATCHED)),
    )
    return {row["endpoint_id"]: row for row in rows}


def _stopped() -> dict[UUID, str]:
    """Why the reading of a connection stopped by itself; who takes a key away knows it."""
    rows = PullAccess.objects.filter(stopped_at__isnull=False).exclude(secret="")
    return dict(rows.values_list("endpoint_id", "reason"))


def _connection(
    endpoint: HookEndpoint, days: dict[int, int], totals: dict[str, Any], now: datetime, stopped: str, unwritten: str
) -> Connection:
    counts = [days.get(ago, 0) for ago in reversed(range(DAYS))]
    last = totals.get("last")
    busy = sum(count > 0 for count in counts[-9:-2]) >= BUSY_DAYS
    quiet = endpoint.revoked_at is None and busy and last is not None and now - last > QUIET_AFTER
    connector = connectors.get(endpoint.source)
    trouble = unwritten if endpoint.is_readable else UNREADABLE
    refused, unmatched = totals.get("refused", 0), totals.get("unmatched", 0)
    return Connection(endpoint, connector, counts, refused, unmatched, last, quiet, stopped, trouble)


def alarms(now: datetime) -> list[Connection]:
    """Open endpoints that somebody should look at: quiet, answering 401, no more let in to read, or unable to work."""
    watched = [entry for entry in connections(now) if entry.endpoint.revoked_at is None]
    return [entry for entry in watched if entry.quiet or entry.failing or entry.stopped or entry.trouble]


def address_of(tenant: Tenant, endpoint: HookEndpoint, *, secret: bool = False) -> str:
    """The address to paste; with `secret` whole, else with a mark where its secret part is."""
    connector = connectors.get(endpoint.source)
    values: dict[str, Any] = {"tenant": tenant.slug, "source": endpoint.source, "endpoint_id": endpoint.pk}
    plain = f"{settings.PUBLIC_URL.rstrip('/')}{reverse('hooks:receive', kwargs=values)}"
    if not connector.secret_in_path or connector.signs(endpoint.options):
        return plain
    return f"{plain}/{endpoint.secret}" if secret else f"{plain}/…"


def calls_page(endpoint: HookEndpoint, *, state: str, before: tuple[datetime, UUID] | None) -> list[HookDelivery]:
    """Up to PAGE + 1 calls of an endpoint, newest first, without their bodies."""
    rows = HookDelivery.objects.filter(endpoint=endpoint).order_by("-received_at", "-pk").defer("body")
    if state:
        rows = rows.filter(state=state)
    if before:
        rows = rows.filter(Q(received_at__lt=before[0]) | Q(received_at=before[0], pk__lt=before[1]))
    return list(rows[: PAGE + 1])


@dataclass(frozen=True)
class Became:
    """A row that a call became, for reading: what it is, at which account, what happened to it."""

    words: str
    outcome: str
    account_id: str
    account: str


def became_of(delivery: HookDelivery) -> list[Became]:
    """What a call became, with the names of the accounts."""
    ids = {entry["account"] for entry in delivery.became if entry["account"]}
    names = {str(pk): name for pk, name in Account.objects.filter(pk__in=ids).values_list("pk", "name")}
    return [
        Became(
            WORDS.get(entry["noun"], entry["noun"]), entry["outcome"], entry["account"], names.get(entry["account"], "")
        )
        for entry in delivery.became
    ]
