"""The values of a card's measures for a set of accounts: one statement for what is computed, one for what is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hub.rules.compile import Clock
from hub.rules.reading import read_facts
from signals.health.cards import Readable
from signals.health.models import HealthInput
from signals.health.scoring import HAND, Seen
from signals.health.sources import Ages, ages


def values_of(
    asked: Sequence[Readable], account_ids: Sequence[UUID], clock: Clock, *, known: Ages | None = None
) -> dict[UUID, dict[str, Seen]]:
    """By account and reading, for every reading of these cards. Accounts without a fact row are left out.

    A clock of the past reads what keeps one, and takes the ages of the sources then as ``known``; what keeps none is
    missing, also where a missing value stands for something: nobody knows whether it was.
    """
    facts = {reading: fact for each in asked for reading, fact in each.facts.items() if fact.past or not clock.past}
    instead = {m.reading: m.missing_as for each in asked for m in each.card.measures}
    known = ages({fact.source for fact in facts.values()}, clock.today) if known is None else known
    hand = _by_hand({m.reading for each in asked for m in each.card.measures}, account_ids, clock)

    def seen(reading: str, value: Any) -> Seen:
        age = known[facts[reading].source]
        if age is None:
            return Seen(None)
        return Seen(instead[reading] if value is None else value, age)

    return {
        pk: {reading: seen(reading, value) for reading, value in row.items()} | hand.get(pk, {})
        for pk, row in read_facts(facts, account_ids, clock).items()
    }


def _by_hand(readings: set[str], account_ids: Sequence[UUID], clock: Clock) -> Mapping[UUID, dict[str, Seen]]:
    keys = [reading.removeprefix(f"{HAND}:") for reading in readings if reading.startswith(f"{HAND}:")]
    if not keys:
        return {}
    rows = HealthInput.objects.filter(account_id__in=account_ids, measure__in=keys, set_at__lte=clock.now)
    found: dict[UUID, dict[str, Seen]] = {}
    for row in rows.order_by("account_id", "measure", "-set_at", "-id").distinct("account_id", "measure"):
        age = max(0, (clock.today - row.set_at.date()).days)
        found.setdefault(row.account_id, {})[f"{HAND}:{row.measure}"] = Seen(row.value, age)
    return found
