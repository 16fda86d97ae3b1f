"""Accounts whose band fell within the last week, for Today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.accounts.facts import today_of
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from signals.health.models import ScorecardVersion

DAYS: Final = 7
SHOWN: Final = 8
# Of the accounts that moved at all within the week: what counts now beside what counted when it began.
FALLEN: Final = """
SELECT a.id, a.name, old.shown_band, h.shown_band, old.score, h.score, h.worst, h.version_id, f.mrr_minor,
    count(*) OVER ()
FROM (
    SELECT DISTINCT account_id FROM signals_healthday WHERE tenant_id = %(tenant)s AND day > %(since)s
) moved
JOIN signals_healthscore h ON h.tenant_id = %(tenant)s AND h.account_id = moved.account_id
JOIN accounts_account a ON a.tenant_id = %(tenant)s AND a.id = moved.account_id
JOIN accounts_accountfacts f ON f.tenant_id = %(tenant)s AND f.account_id = moved.account_id
CROSS JOIN LATERAL (
    SELECT shown_band, score FROM signals_healthday d WHERE d.tenant_id = %(tenant)s AND d.account_id = moved.account_id
        AND d.day <= %(since)s ORDER BY d.day DESC LIMIT 1
) old
WHERE (%(owner)s::uuid IS NULL OR a.owner_id = %(owner)s::uuid)
    AND array_position(ARRAY['red', 'yellow', 'green'], h.shown_band::text)
        < array_position(ARRAY['red', 'yellow', 'green'], old.shown_band::text)
ORDER BY h.shown_band = 'red' DESC, f.mrr_minor DESC, a.id LIMIT %(shown)s
"""


@dataclass(frozen=True, slots=True)
class Fall:
    """An account whose band is lower than a week ago; money in minor units, the worst input by its label."""

    account_id: UUID
    name: str
    before: str
    now: str
    score_before: int | None
    score: int | None
    worst: str
    mrr_minor: int


@dataclass(frozen=True, slots=True)
class Fallen:
    """The first of them, red before yellow and the largest first, and how many more there are."""

    lines: Sequence[Fall]
    more: int


def fallen(tenant: Tenant, *, owner_id: UUID | None = None) -> Fallen | None:
    """Accounts whose band fell within the week, of an owner's accounts; None when none did. Two queries at most."""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(), "since": today_of(tenant) - timedelta(days=DAYS), "owner": owner_id,
        "shown": SHOWN,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(FALLEN, values)
        rows = cursor.fetchall()
    if not rows:
        return None
    labels = _labels({row[7] for row in rows})
    lines = [
        Fall(pk, name, before, now, score_before, score, labels.get((version, worst), worst), mrr)
        for pk, name, before, now, score_before, score, worst, version, mrr, _ in rows
    ]
    return Fallen(lines, rows[0][-1] - len(rows))


def _labels(version_ids: set[UUID | None]) -> dict[tuple[UUID, str], str]:
    versions = ScorecardVersion.objects.filter(pk__in=[pk for pk in version_ids if pk])
    return {(version.pk, row["key"]): row["label"] for version in versions for row in version.measures}
