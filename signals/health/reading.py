"""The values of a card's measures for a set of accounts: one statement for what is computed, one for what is set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from hub.rules.compile import Clock
from hub.rules.reading import FactReader
from signals.health.cards import Readable
from signals.health.models import HealthInput
from signals.health.scoring import HAND, Seen
from signals.health.sources import Ages, ages


class CardReader:
    """What the measures of some cards read: the same until somebody edits one."""

    def __init__(self, asked: Sequence[Readable]) -> None:
        self.facts = {reading: fact for each in asked for reading, fact in each.facts.items()}
        self.instead = {m.reading: m.missing_as for each in asked for m in each.card.measures}
        self._now = FactReader(self.facts)
        self._past = FactReader({reading: fact for reading, fact in self.facts.items() if fact.past})

    def values(
        self, account_ids: Sequence[UUID], clock: Clock, *, known: Ages | None = None
    ) -> dict[UUID, dict[str, Seen]]:
        """By account and reading, for every reading of these cards. Accounts without a fact row are left out.

        A clock of the past reads what keeps one, and takes the ages of the sources then as ``known``; what keeps none
        is missing, also where a missing value stands for something: nobody knows whether it was.
        """
        reader = self._past if clock.past else self._now
        heard = ages({fact.source for fact in self.facts.values()}, clock.today) if known is None else known
        hand = _by_hand(self.instead.keys(), account_ids, clock)

        def seen(reading: str, value: Any) -> Seen:
            age = heard[self.facts[reading].source]
            if age is None:
                return Seen(None)
            return Seen(self.instead[reading] if value is None else value, age)

        return {
            pk: {reading: seen(reading, value) for reading, value in row.items()} | hand.get(pk, {})
            for pk, row in reader.read(account_ids, clock).items()
        }


def values_of(
    asked: Sequence[Readable], account_ids: Sequence[UUID], clock: Clock, *, known: Ages | None = None
) -> dict[UUID, dict[str, Seen]]:
    """As `CardReader.values`."""
    return CardReader(asked).values(account_ids, clock, known=known)


def _by_hand(readings: Collection[str], account_ids: Sequence[UUID], clock: Clock) -> Mapping[UUID, dict[str, Seen]]:
    keys = [reading.removeprefix(f"{HAND}:") for reading in readings if reading.startswith(f"{HAND}:")]
    if not keys:
        return {}
    rows = HealthInput.objects.filter(account_id__in=account_ids, measure__in=keys, set_at__lte=clock.now)
    found: dict[UUID, dict[str, Seen]] = {}
    for row in rows.order_by("account_id", "measure", "-set_at", "-id").distinct("account_id", "measure"):
        age = max(0, (clock.today - row.set_at.date()).days)
        found.setdefault(row.account_id, {})[f"{HAND}:{row.measure}"] = Seen(row.value, age)
    return found
