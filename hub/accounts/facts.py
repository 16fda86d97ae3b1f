"""The account's own facts, and the upkeep of the one fact row per account that rules read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.utils import timezone

from hub.accounts.models import AccountFacts
from hub.registry.facts import Fact, FactKind, facts, refreshers
from hub.tenancy.models import Tenant


def facts_refresh(account_ids: Sequence[UUID], *, today: date, now: datetime | None = None) -> None:
    """Recompute every app's columns of the fact rows of these accounts, set-based, making rows that are missing."""
    ids = sorted(set(account_ids))
    if not ids:
        return
    AccountFacts.objects.bulk_create([AccountFacts(account_id=pk) for pk in ids], ignore_conflicts=True)
    for refresher in refreshers:
        refresher.refresh(ids, today)
    AccountFacts.objects.filter(account_id__in=ids).update(as_of=today, computed_at=now or timezone.now())


def today_of(tenant: Tenant, now: datetime | None = None) -> date:
    """The tenant's calendar day."""
    return timezone.localdate(now or timezone.now(), tenant.zone)


def register() -> None:
    def fact(name: str, label: str, kind: FactKind, sql: str) -> None:
        facts.register(Fact(name, label, kind, sql, source="account record", freshness="at once", order=10))

    fact("industry", "industry", FactKind.TEXT, "a.industry")
    fact("country", "country", FactKind.TEXT, "a.country")
    fact("segment", "segment", FactKind.TEXT, "a.segment")
    fact("stage", "lifecycle stage", FactKind.TEXT, "a.stage")
    fact("signed_up_on", "sign-up date", FactKind.DATE, "a.signed_up_on")
    fact("seats", "seats", FactKind.NUMBER, "a.seats")
