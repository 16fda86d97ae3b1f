"""What sources say about movements: that an account churned and why, and which type a movement has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.accounts.models import Account, TimelineEntry
from hub.accounts.services import Noun, sourced_upsert
from hub.people.audit import Actor
from hub.revenue.models import ChurnClaim, MovementClaim
from hub.revenue.services.months import months_refresh
from hub.revenue.services.when import midnight


def _churn_timeline(claim: ChurnClaim) -> list[TimelineEntry]:
    return [
        TimelineEntry(
            account_id=claim.account_id,
            kind="contract",
            key=f"claim:{claim.pk}",
            title=f"The source says: churned{f' ({claim.reason})' if claim.reason else ''}",
            body=claim.feedback,
            source=claim.source,
            occurred_at=midnight(claim.claimed_on),
        )
    ]


CHURN_CLAIM = Noun(
    "churn_claim",
    ChurnClaim,
    frozenset({"claimed_on", "reason", "churn_type", "refund_minor", "is_reactivation", "feedback"}),
    required=frozenset({"claimed_on"}),
    timeline=_churn_timeline,
    follow=lambda claim, accounts: months_refresh(accounts),
)


def _first_of_month(values: dict[str, Any], stored: MovementClaim | None) -> dict[str, Any]:
    return {**values, "month": values["month"].replace(day=1)} if "month" in values else values


MOVEMENT_CLAIM = Noun(
    "movement_claim",
    MovementClaim,
    frozenset({"month", "kind", "type"}),
    required=frozenset({"month", "kind", "type"}),
    prepare=_first_of_month,
    follow=lambda claim, accounts: months_refresh(accounts),
)


def churn_claim_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[ChurnClaim, str]:
    """Create or update a statement that an account churned; a new one needs `claimed_on`.

    `churn_type` (voluntary, involuntary, unknown) is the source's word; the reason `payment_failure` means involuntary.
    """
    return sourced_upsert(
        CHURN_CLAIM, account=account, source=source, external_id=external_id, fields=fields, as_of=as_of, actor=actor
    )


def movement_claim_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[MovementClaim, str]:
    """Create or update a source's word on the type of a movement: `month` (any day of it), `kind`, `type`.

    It wins over what contract lines suggest, and is shown as given.
    """
    return sourced_upsert(
        MOVEMENT_CLAIM, account=account, source=source, external_id=external_id, fields=fields, as_of=as_of, actor=actor
    )
