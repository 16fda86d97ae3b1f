"""The contradictions between sources, in words, and the accounts behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db import connection

from hub.tenancy.context import current_tenant_id
from metrics.methodology import Methodology
from metrics.selectors import _PAID, Contradictions, live_sql

# Field of `Contradictions` → what it says, and the condition over the columns of CLAIMS that finds its accounts.
KINDS: Final[dict[str, tuple[str, str]]] = {
    "flagged_but_live": ("flagged as churned, and a paid line runs", "a.source_churned AND live"),
    "unflagged_but_gone": (
        "flagged as active, and no paid line runs",
        "a.source_churned IS FALSE AND NOT live AND had",
    ),
    "claimed_but_live": ("have a churn event, and a paid line runs", "claimed AND live"),
    "claimed_not_flagged": ("have a churn event, and are flagged as active", "claimed AND a.source_churned IS FALSE"),
    "flagged_not_claimed": ("flagged as churned, and there is no churn event", "a.source_churned AND NOT claimed"),
    "line_flagged_but_open": ("have a line flagged as churned that has no end day", "flagged_open"),
}
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One kind of contradiction: how many accounts, in words."""

    key: str
    count: int
    words: str


def in_words(found: Contradictions) -> list[Contradiction]:
    """The kinds that occur, most accounts first."""
    kinds = [Contradiction(key, getattr(found, key), words) for key, (words, _) in KINDS.items()]
    return sorted((kind for kind in kinds if kind.count), key=lambda kind: -kind.count)


@dataclass(frozen=True, slots=True)
class ContradictedAccount:
    """An account with what each source says; MRR in minor units on the day asked about."""

    account_id: UUID
    name: str
    flagged: bool | None
    claimed_on: date | None
    mrr_minor: int
    lines_flagged_open: int


def contradicted_accounts(kind: str, *, as_of: date, limit: int = SHOWN) -> Sequence[ContradictedAccount]:
    """Accounts of one kind, the largest MRR first; raises KeyError for a kind nobody knows. One query."""
    _, condition = KINDS[kind]
    statement = f"""
        SELECT a.id, a.name, a.source_churned, claimed_on, mrr, open_flags
        FROM accounts_account a
        CROSS JOIN LATERAL (
            SELECT count(*) > 0 AS had, coalesce(bool_or({live_sql("%(day)s", Methodology())}), false) AS live,
                coalesce(sum(l.mrr_minor) FILTER (WHERE {live_sql("%(day)s", Methodology())}), 0)::bigint AS mrr
            FROM revenue_contractline l WHERE l.tenant_id = a.tenant_id AND l.account_id = a.id AND {_PAID}
        ) lines
        CROSS JOIN LATERAL (
            SELECT count(*) > 0 AS claimed, max(c.claimed_on) AS claimed_on FROM revenue_churnclaim c
            WHERE c.tenant_id = a.tenant_id AND c.account_id = a.id AND c.claimed_on <= %(day)s
        ) claims
        CROSS JOIN LATERAL (
            SELECT count(*) > 0 AS flagged_open, count(*) AS open_flags FROM revenue_contractline l
            WHERE l.tenant_id = a.tenant_id AND l.account_id = a.id AND l.source_churned AND l.ends_on IS NULL
        ) flags
        WHERE a.tenant_id = %(tenant)s AND {condition}
        ORDER BY mrr DESC, a.name, a.id LIMIT %(limit)s"""
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "day": as_of, "limit": limit})
        return [ContradictedAccount(*row) for row in cursor.fetchall()]
