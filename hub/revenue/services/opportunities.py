"""Opportunities of the CRM."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from hub.accounts.models import Account, TimelineEntry
from hub.accounts.services import Noun, change_record, sourced_retract, sourced_upsert
from hub.people.audit import Actor
from hub.revenue.currency import check_known
from hub.revenue.models import Opportunity, OpportunityKind, OpportunityOutcome
from hub.revenue.services.when import midnight


def _prepared(values: dict[str, Any], stored: Opportunity | None) -> dict[str, Any]:
    if values.get("currency"):
        check_known(values["currency"])
    kind = values.get("kind", stored.kind if stored else "")
    if kind != OpportunityKind.EXPANSION and (stored is None or "kind" in values or "expansion_type" in values):
        # Only an expansion has a type; a deal that turns out to be none loses it.
        values = {**values, "expansion_type": ""}
    return values


def _timeline(deal: Opportunity) -> list[TimelineEntry]:
    def entry(key: str, title: str, at: datetime) -> TimelineEntry:
        return TimelineEntry(
            account_id=deal.account_id,
            kind="opportunity",
            key=f"{key}:{deal.pk}",
            title=title[:300],
            source=deal.source,
            occurred_at=at,
        )

    begun = midnight(deal.opened_on) if deal.opened_on else deal.created_at
    entries = [entry("opened", f"{deal.get_kind_display()} opportunity: {deal.name}", begun)]
    if deal.outcome != OpportunityOutcome.OPEN:
        because = f" ({deal.lost_reason})" if deal.lost_reason else ""
        at = deal.closed_at or deal.source_updated_at or timezone.now()
        entries.append(entry(deal.outcome, f"Opportunity {deal.outcome}: {deal.name}{because}", at))
    return entries


def _told(deal: Opportunity, accounts: list[Any]) -> None:
    if deal.outcome != OpportunityOutcome.OPEN:
        change_record(
            account_id=deal.account_id,
            kind=f"opportunity.{deal.outcome}",
            key=str(deal.pk),
            occurred_at=deal.closed_at or deal.source_updated_at or timezone.now(),
            object_id=deal.pk,
            data={"kind": deal.kind, "type": deal.expansion_type, "reason": deal.lost_reason},
        )


OPPORTUNITY = Noun(
    "opportunity",
    Opportunity,
    frozenset(
        {
            "name", "kind", "expansion_type", "stage", "amount_minor", "currency", "probability_pct", "opened_on",
            "close_on", "outcome", "closed_at", "lost_reason", "owner_name", "url",
        }
    ),
    required=frozenset({"name", "kind"}),
    prepare=_prepared,
    timeline=_timeline,
    follow=_told,
)  # fmt: skip


def opportunity_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[Opportunity, str]:
    """Create or update a deal; a new one needs `name` and `kind`.

    Won and lost are told once, as the changes `opportunity.won` and `opportunity.lost`. Raises
    CurrencyError for a currency that nobody knows.
    """
    return sourced_upsert(
        OPPORTUNITY, account=account, source=source, external_id=external_id, fields=fields, as_of=as_of, actor=actor
    )


def opportunity_retract(*, source: str, external_id: str) -> Opportunity | None:
    """Take a deal out of the record that its source has taken away from its account; None when there is none."""
    return sourced_retract(OPPORTUNITY, source=source, external_id=external_id)
