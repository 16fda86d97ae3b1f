"""The upkeep of health: which scorecard an account has, its score, and what a change comes from.

Part of the evaluation, under the account's lock, after the facts and before the triggers, which read the score from the
fact row. Nothing is written for an account whose values are as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.language import AllOf, Node, parse_stored
from hub.rules.reading import read_rules
from hub.tenancy.context import current_tenant_id
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import configured
from hub.tenancy.statements import ask
from signals.health import outgoing
from signals.health.cards import Readable, card_of, readable
from signals.health.models import HealthDay, HealthScore, Scorecard, ScorecardVersion
from signals.health.overrides import overrides_standing
from signals.health.reading import CardReader
from signals.health.scoring import Card, Score, Values, change_of, kept, read_back, score_of

STORED = [
    "version", "score", "band", "shown_band", "worst", "values", "day",
    "opening_score", "opening_version", "opening_values", "computed_at",
]  # fmt: skip
FACTS = """
UPDATE accounts_accountfacts f SET health_score = x.score, health_band = x.band
FROM unnest(%(ids)s::uuid[], %(scores)s::smallint[], %(bands)s::text[]) AS x (account_id, score, band)
WHERE f.tenant_id = %(tenant)s AND f.account_id = x.account_id
    AND (f.health_score IS DISTINCT FROM x.score OR f.health_band <> x.band)
"""


@dataclass(frozen=True)
class Applied:
    """A scorecard that counts now: its rule and the version that is published."""

    rule: Node
    version: ScorecardVersion
    readable: Readable


def applied_cards() -> Sequence[Applied]:
    """The tenant's scorecards with a published version, in the order in which they are asked. Two queries.

    One whose rule reads what is gone is for nobody: its accounts go to the next.
    """
    return configured("scorecards", _applied_cards)


def _applied_cards() -> list[Applied]:
    known = known_facts()
    versions = {(v.scorecard_id, v.number): v for v in ScorecardVersion.objects.filter(scorecard__is_active=True)}
    return [
        Applied(node, version, readable_of(version))
        for card in Scorecard.objects.filter(is_active=True).order_by("position", "key")
        if (version := versions.get((card.pk, card.version))) and (node := parse_stored(card.rule, known)) is not None
    ]


def _reader() -> CardReader:
    return CardReader([card.readable for card in applied_cards()])


def readable_of(version: ScorecardVersion) -> Readable:
    return readable(version.measures, version.yellow_from, version.green_from)


def assigned(cards: Sequence[Applied], account_ids: Sequence[UUID], clock: Clock) -> dict[UUID, Applied]:
    """The scorecard of each account: the first whose rule holds; an account for which none holds has none."""
    found: dict[UUID, Applied] = {}
    # Most tenants have one card for all: nothing needs to be read for it.
    asked = [card for card in cards if card.rule != AllOf(())]
    read = read_rules([(card.rule, {}) for card in asked], account_ids, clock) if asked else []
    holds = {id(card): {r.account_id for r in readings if r.holds} for card, readings in zip(asked, read, strict=True)}
    for card in cards:
        for pk in account_ids:
            if pk not in found and (card.rule == AllOf(()) or pk in holds[id(card)]):
                found[pk] = card
    return found


def health_refresh(account_ids: Sequence[UUID], clock: Clock) -> list[UUID]:
    """Bring the health of these accounts up to date; returns those whose score or band is another now."""
    ids = sorted(set(account_ids))
    if not ids:
        return []
    cards = applied_cards()
    refresh = _Refresh(ids, overrides_standing(ids, clock), clock)
    if not cards and not refresh.rows:
        return []
    own = assigned(cards, ids, clock)
    values = configured("scorecards' facts", _reader).values(ids, clock) if cards else {}
    return refresh.run(own, values)


@Prepared[HealthScore]
def _scores(the: Places) -> Any:
    return HealthScore.objects.filter(account_id__in=the.uuids("accounts"))


class _Refresh:
    """One refresh of some accounts: what is stored of them, and what is to be written."""

    def __init__(self, ids: Sequence[UUID], overrides: Mapping[UUID, str], clock: Clock) -> None:
        self.ids, self.overrides, self.clock = ids, overrides, clock
        self.rows = {row.account_id: row for row in _scores(accounts=list(ids))}
        self.cards: dict[UUID, Card] = {}
        self.changed: list[HealthScore] = []
        self.days: list[HealthDay] = []
        self.moved: list[HealthScore] = []

    def run(self, own: Mapping[UUID, Applied], values: Mapping[UUID, Values]) -> list[UUID]:
        for applied in own.values():
            self.cards[applied.version.pk] = applied.readable.card
        self._load_cards({row.opening_version_id for row in self.rows.values()})
        self._load_cards({row.version_id for row in self.rows.values()})
        for pk in self.ids:
            self._account(pk, own.get(pk), values.get(pk, {}))
        self._write()
        return [row.account_id for row in self.moved]

    def _load_cards(self, wanted: Iterable[UUID | None]) -> None:
        missing = {pk for pk in wanted if pk and pk not in self.cards}
        for version in ScorecardVersion.objects.filter(pk__in=missing) if missing else ():
            self.cards[version.pk] = card_of(version.measures, version.yellow_from, version.green_from)

    def _account(self, pk: UUID, applied: Applied | None, every: Values) -> None:
        card = applied.readable.card if applied else Card(())
        values = {m.reading: every[m.reading] for m in card.measures if m.reading in every}
        score = score_of(card, values)
        row = self.rows.get(pk)
        new = row is None
        row = row or HealthScore(account_id=pk, day=self.clock.today, computed_at=self.clock.now)
        before = _state(row)
        if self.clock.today > row.day:
            _open_day(row, self.clock.today)
        _take(row, applied, score, values, self.overrides.get(pk, ""))
        if new and row.score is None and not row.shown_band:
            return
        if not new and before == _state(row):
            return
        row.computed_at = self.clock.now
        self.changed.append(row)
        if new or before[:4] != _state(row)[:4]:
            self.moved.append(row)
            self.days.append(self._day(row, card, values))

    def _day(self, row: HealthScore, card: Card, values: Values) -> HealthDay:
        found = HealthDay(
            account_id=row.account_id, version_id=row.version_id, day=row.day, score=row.score, band=row.band,
            shown_band=row.shown_band, worst=row.worst, before=row.opening_score,
        )  # fmt: skip
        opening = self.cards.get(row.opening_version_id) if row.opening_version_id else None
        change = change_of(opening, read_back(row.opening_values), card, values) if opening else None
        if change:
            found.behaviour, found.data, found.model = change.behaviour, change.data, change.model
        return found

    def _write(self) -> None:
        HealthScore.objects.bulk_create(
            self.changed, update_conflicts=True, unique_fields=["tenant", "account"], update_fields=STORED
        )
        HealthDay.objects.bulk_create(
            self.days,
            update_conflicts=True,
            unique_fields=["tenant", "account", "day"],
            update_fields=["version", "score", "band", "shown_band", "worst", "before", "behaviour", "data", "model"],
        )
        if self.moved:
            _write_facts(self.moved)
            outgoing.health_changed([row.account_id for row in self.moved], self.clock.now)


def _state(row: HealthScore) -> tuple[Any, ...]:
    return row.score, row.band, row.shown_band, row.version_id, row.worst, row.values


def _open_day(row: HealthScore, today: date) -> None:
    """A new day begins: what stands now is what its changes are compared with."""
    row.day = today
    row.opening_score, row.opening_version_id, row.opening_values = row.score, row.version_id, row.values


def _take(row: HealthScore, applied: Applied | None, score: Score, values: Values, override: str) -> None:
    row.version_id = applied.version.pk if applied else None
    row.score, row.band = score.score, score.band.value if score.band else ""
    row.shown_band = override or row.band
    row.worst = score.worst.measure.key if score.worst else ""
    row.values = kept(values)


def _write_facts(rows: Sequence[HealthScore]) -> None:
    values = {
        "tenant": current_tenant_id(),
        "ids": [row.account_id for row in rows],
        "scores": [row.score for row in rows],
        "bands": [row.shown_band for row in rows],
    }
    ask(FACTS, values)
