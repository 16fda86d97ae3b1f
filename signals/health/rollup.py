"""Health of an account together with those below it.

Definition: the mean of the scores of the account and of all below it, weighted by what each pays today (MRR, which is
ARR by twelve), rounded half up; accounts without a score are left out. Where none of them pays, each counts the same.
Named is the one below with the lowest score; of several, the one that pays most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.accounts.selectors import DEEPEST
from hub.tenancy.context import current_tenant_id
from signals.health.scoring import rounded

FAMILY: Final = """
WITH RECURSIVE family (id, depth) AS (
    SELECT id, 0 FROM accounts_account WHERE tenant_id = %(tenant)s AND id = %(id)s
    UNION ALL
    SELECT a.id, depth + 1 FROM family JOIN accounts_account a ON a.tenant_id = %(tenant)s AND a.parent_id = family.id
    WHERE depth < %(deepest)s
)
SELECT a.id, a.name, f.health_score, f.health_band, f.mrr_minor, family.depth FROM family
JOIN accounts_account a ON a.tenant_id = %(tenant)s AND a.id = family.id
JOIN accounts_accountfacts f ON f.tenant_id = %(tenant)s AND f.account_id = family.id
"""


@dataclass(frozen=True, slots=True)
class Member:
    """An account of the family; ``depth`` 0 is the one that was asked for."""

    id: UUID
    name: str
    score: int | None
    band: str
    mrr_minor: int
    depth: int


@dataclass(frozen=True, slots=True)
class Rollup:
    """The score of the family, how many of those below have one, and the worst of them."""

    score: int | None
    scored: int
    below: int
    worst: Member | None


def rolled_up(members: Sequence[Member]) -> Rollup:
    """The roll-up of a family. Pure."""
    scored = [member for member in members if member.score is not None]
    weights = [max(member.mrr_minor, 0) for member in scored]
    if not any(weights):
        weights = [1] * len(scored)
    points = sum(weight * (member.score or 0) for weight, member in zip(weights, scored, strict=True))
    below = [member for member in scored if member.depth]
    return Rollup(
        score=rounded(Fraction(points, sum(weights))) if scored else None,
        scored=len(below),
        below=sum(member.depth > 0 for member in members),
        worst=min(below, key=lambda member: (member.score or 0, -member.mrr_minor, member.name), default=None),
    )


def health_rollup(account_id: UUID) -> Rollup | None:
    """The roll-up of an account; None when none lies below it. One query."""
    values: dict[str, Any] = {"tenant": current_tenant_id(), "id": account_id, "deepest": DEEPEST}
    with connection.cursor() as cursor:
        cursor.execute(FAMILY, values)
        found = rolled_up([Member(*row) for row in cursor.fetchall()])
    return found if found.below else None
