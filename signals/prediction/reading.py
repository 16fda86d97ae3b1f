"""Accounts on days as rows of features, and what came of them within ninety days. numpy; workers only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection

from hub.revenue.models import ChurnClaim
from hub.revenue.selectors import mrr_on
from hub.rules.reading import read_facts
from hub.tenancy.context import current_tenant_id
from signals.backtest.past import clock_of, ends_of_months
from signals.health.sources import ages_then
from signals.prediction.features import Feature
from signals.prediction.fitted import Numbers
from signals.prediction.models import Target
from signals.prediction.validation import HORIZON

MONTHS: Final = 24
# Of more accounts a sample is learned from, always the same one.
MOST_ACCOUNTS: Final = 5_000


def days_of(today: date) -> list[date]:
    """The ends of months whose ninety days are over."""
    return [day for day in ends_of_months(today, MONTHS) if day + HORIZON <= today]


def chosen_accounts() -> list[UUID]:
    """All accounts with facts, or a sample, in an order that has nothing to do with their age."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id FROM accounts_accountfacts WHERE tenant_id = %s ORDER BY md5(account_id::text) LIMIT %s",
            [current_tenant_id(), MOST_ACCOUNTS],
        )
        return [pk for (pk,) in cursor.fetchall()]


Silence = Mapping[date, Mapping[str, int | None]]


def silence(features: Sequence[Feature], days: Sequence[date]) -> Silence:
    """By day and source, None where the source had never spoken by then: its values are missing, not 0."""
    return ages_then({feature.fact.source for feature in features}, days)


def rows_of(features: Sequence[Feature], account_ids: Sequence[UUID], day: date, known: Mapping[str, Any]) -> Numbers:
    """A row for each account, NaN where a value is missing, read by the day that everything is dated."""
    read = read_facts({feature.key: feature.fact for feature in features}, account_ids, clock_of(day))
    silent = {feature.key for feature in features if known.get(feature.fact.source, 0) is None}
    found = [
        [_number(read.get(pk, {}).get(feature.key), feature.key in silent) for feature in features]
        for pk in account_ids
    ]
    return np.array(found, dtype=float).reshape(len(account_ids), len(features))


def _number(value: Any, silent: bool) -> float:
    return float("nan") if value is None or silent else float(value)


def examples(
    target: str, features: Sequence[Feature], account_ids: Sequence[UUID], days: Sequence[date], silent: Silence
) -> Iterator[tuple[date, list[UUID], Numbers, list[bool]]]:
    """By day: the accounts that paid on it, their rows, and whether it came true within ninety days."""
    paid = mrr_on(account_ids, [*days, *(day + HORIZON for day in days)])
    claims = _claims(account_ids) if target == Target.CLAIM else {}
    for day in days:
        paying = [pk for pk in account_ids if paid.get((pk, day))]
        if not paying:
            continue
        came = [_came(target, paid[pk, day], paid.get((pk, day + HORIZON), 0), claims.get(pk, ()), day)
                for pk in paying]  # fmt: skip
        yield day, paying, rows_of(features, paying, day, silent[day]), came


def _came(target: str, before: int, after: int, claims: Sequence[date], day: date) -> bool:
    if target == Target.CLAIM:
        return any(day < claimed <= day + HORIZON for claimed in claims)
    return after == 0 if target == Target.CHURN else after > before


def _claims(account_ids: Sequence[UUID]) -> dict[UUID, list[date]]:
    found: dict[UUID, list[date]] = {}
    rows = ChurnClaim.objects.filter(account_id__in=account_ids).values_list("account_id", "claimed_on")
    for account_id, day in rows:
        found.setdefault(account_id, []).append(day)
    return found
