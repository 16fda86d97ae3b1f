"""What the criteria say of some accounts: one reading of all facts, and one more of those whose use is over the
threshold today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from hub.registry.facts import Fact, known_facts
from hub.registry.measures import measures
from hub.rules.compile import Clock
from hub.rules.language import Node, Sustained, facts_of, facts_of_days, unrolled
from hub.rules.reading import FactReader, read_facts
from hub.tenancy.remembering import configured
from signals.health.sources import ages
from signals.readiness.criteria import Criterion, Figures, Kind, State, asked_of, criteria_of, figures_of
from signals.readiness.models import ReadinessVersion
from signals.readiness.score import PARTS, Propensity, propensity
from signals.readiness.truth import truth

# One of the two that speaks is enough to say that nobody complained.
VOICES: Final = ("support", "surveys")


@dataclass(frozen=True)
class Asked:
    """The criteria that count now."""

    number: int
    figures: Figures
    criteria: tuple[Criterion, ...]

    def of(self, kind: Kind) -> tuple[Criterion, ...]:
        return asked_of(kind, self.criteria)

    @cached_property
    def wanted(self) -> dict[str, Fact]:
        """Every fact that is read of today, by its name."""
        found = dict[str, Fact]()
        for criterion in self.criteria:
            found |= facts_of(criterion.node)
        return found | {fact.name: fact for fact in _parts().values()}

    @cached_property
    def reader(self) -> FactReader:
        return FactReader(self.wanted)

    @cached_property
    def plain(self) -> dict[str, tuple[Node, Node]]:
        """What each criterion asks of today, and of all its days: written out once, not for every account."""
        return {each.key: (today_of_rule(each.node), unrolled(each.node)) for each in self.criteria}


def asked_now() -> Asked:
    """The tenant's criteria. Two queries."""
    return configured("readiness", _asked_now)


def _asked_now() -> Asked:
    version = ReadinessVersion.objects.order_by("-number").first()
    figures = figures_of(version.figures) if version else Figures()
    return Asked(version.number if version else 0, figures, criteria_of(figures, known_facts()))


@dataclass(frozen=True)
class Said:
    """What the criteria say of an account, with the values that they saw and how many days old each source is."""

    states: Mapping[str, State]
    propensity: Propensity
    values: Mapping[str, Any]
    ages: Mapping[str, int | None]

    def lacks(self, kind: Kind, asked: Asked) -> int:
        return sum(self.states[criterion.key] is not State.MET for criterion in asked.of(kind))


def _parts() -> dict[str, Fact]:
    return {part: measures.get(name).fact(given) for part, (name, given, *_) in PARTS.items()}


def read(asked: Asked, account_ids: Sequence[UUID], clock: Clock) -> dict[UUID, Said]:
    """By account; those without a fact row are left out. Seven queries at most, however many accounts."""
    parts = _parts()
    heard = ages({fact.source for fact in asked.wanted.values()}, clock.today)
    rows = asked.reader.read(account_ids, clock)
    values = {pk: _heard(row, asked.wanted, heard) for pk, row in rows.items()}
    for criterion in asked.criteria:
        if isinstance(criterion.node, Sustained):
            _days_before(criterion.node, values, clock)
    return {pk: _said(asked.plain, row, parts, heard, clock) for pk, row in values.items()}


def today_of_rule(node: Node) -> Node:
    """What a rule asks of today alone."""
    return node.child if isinstance(node, Sustained) else node


def _heard(row: Mapping[str, Any], wanted: Mapping[str, Fact], heard: Mapping[str, int | None]) -> dict[str, Any]:
    """The values without those of sources that never spoke: no ticket is good news only where tickets come in."""
    anybody = any(heard.get(voice) is not None for voice in VOICES)
    silent = {name for name, age in heard.items() if age is None and not (name in VOICES and anybody)}
    return {name: None if wanted[name].source in silent else value for name, value in row.items()}


def _days_before(node: Sustained, values: Mapping[UUID, dict[str, Any]], clock: Clock) -> None:
    """The days before today, of the accounts for which it holds today: few, and dear to ask."""
    over = [pk for pk, row in values.items() if truth(node.child, row, clock)]
    if over:
        for pk, row in read_facts(facts_of_days(node), over, clock).items():
            values[pk].update(row)


def _said(
    plain: Mapping[str, tuple[Node, Node]],
    values: dict[str, Any],
    parts: Mapping[str, Fact],
    heard: Mapping[str, int | None],
    clock: Clock,
) -> Said:
    return Said(
        states={key: _state(today, whole, values, clock) for key, (today, whole) in plain.items()},
        propensity=propensity({part: values.get(fact.name) for part, fact in parts.items()}),
        values=values,
        ages=heard,
    )


def _state(today: Node, whole: Node, values: Mapping[str, Any], clock: Clock) -> State:
    found = truth(today, values, clock)
    if found and whole is not today:
        # The days before were read of those alone for whom it holds today.
        found = truth(whole, values, clock)
    return State.UNKNOWN if found is None else State.MET if found else State.NOT
