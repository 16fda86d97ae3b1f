"""The criteria of each type of expansion, as rules, with the figures that a tenant may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from hub.registry.facts import Fact, FactKind
from hub.rules.language import Node, parse


class Kind(StrEnum):
    """What an account may buy more of."""

    SEAT = "seat"
    TIER = "tier"
    CROSS_SELL = "cross_sell"

    @property
    def words(self) -> str:
        return {"seat": "More seats", "tier": "Higher tier", "cross_sell": "Another product"}[self.value]


class State(StrEnum):
    """What a criterion says."""

    MET = "met"
    NOT = "not"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of the criteria. Shares in percent, everything else in days or uses."""

    usage_percent: int = 80
    usage_days: int = 14
    new_use_days: int = 60
    steady_days: int = 12
    quiet_days: int = 90
    csat_least: int = 3
    champion_days: int = 30
    renewal_days: int = 180
    budget_days: int = 90
    use_case_days: int = 180


BOUNDS: Final[Mapping[str, tuple[int, int, str]]] = {
    "usage_percent": (1, 1000, "Use of what the contract allows is over, in percent"),
    "usage_days": (2, 60, "… for days running"),
    "new_use_days": (1, 365, "Another product: something used for the first time within days"),
    "steady_days": (1, 30, "… and days with use among the last 30, at least"),
    "quiet_days": (1, 365, "No complaint for days"),
    "csat_least": (1, 5, "… and mean CSAT at least"),
    "champion_days": (1, 365, "A champion was seen within days"),
    "renewal_days": (1, 730, "Renewal within days"),
    "budget_days": (1, 730, "… or budget date within days"),
    "use_case_days": (1, 730, "A use was stated within days"),
}
"""By figure: the least and the most it may be, and what it is."""
# A tenant that knows when its customers plan their budgets keeps it in an attribute of this key.
BUDGET: Final = "attribute.budget_on"


class FigureError(ValueError):
    """Figures that cannot be; the message says which and why."""


def figures_of(stored: Mapping[str, Any]) -> Figures:
    """Stored figures; what a version did not say yet is as shipped."""
    known = {field.name for field in fields(Figures)}
    return Figures(**{name: value for name, value in stored.items() if name in known})


def figures_checked(given: Mapping[str, object]) -> Figures:
    """Figures as somebody sent them; what is left out is as shipped. Raises FigureError."""
    if unknown := sorted(set(given) - set(BOUNDS)):
        raise FigureError(f"there is no figure {unknown[0]}")
    for name, value in given.items():
        least, most, words = BOUNDS[name]
        if type(value) is not int or not least <= value <= most:
            raise FigureError(f"“{words.removeprefix('… ')}” is a whole number from {least} to {most}")
    return figures_of(given)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the criteria: ``kind`` is the type that asks it alone, None for all."""

    key: str
    label: str
    node: Node
    kind: Kind | None = None


def _fact(name: str, op: str, value: Any = None, **given: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {"fact": name, "op": op} | ({"with": given} if given else {})
    return tree if value is None else tree | {"value": value}


def _trees(f: Figures, budget: bool) -> list[tuple[str, str, Kind | None, dict[str, Any]]]:
    settled = {
        "any": [
            _fact("signed_up_on", "is_not_set"),
            {"not": _fact("signed_up_on", "within_days_after", f.new_use_days)},
        ]
    }
    negative = [
        _fact("detractors", "gte", 1, days=f.quiet_days),
        _fact("escalations", "gte", 1, days=f.quiet_days),
        _fact("tickets", "gte", 3, priority="urgent", days=f.quiet_days),
    ]
    content = {
        "any": [
            _fact("survey_score", "is_not_set", survey="csat", days=f.quiet_days),
            _fact("survey_score", "gte", f.csat_least, survey="csat", days=f.quiet_days),
        ]
    }
    due = [_fact("renews_on", "within_days_before", f.renewal_days)]
    due += [_fact(BUDGET, "within_days_before", f.budget_days)] if budget else []
    found: list[tuple[str, str, Kind | None, dict[str, Any]]] = [
        ("usage_seat", "Seats in use over the threshold", Kind.SEAT,
         {"sustained": _fact("seats_used", "gt", f.usage_percent, days=7), "days": f.usage_days}),
        ("usage_tier", "Quota on the way over the threshold", Kind.TIER,
         {"sustained": _fact("quota_used", "gt", f.usage_percent), "days": f.usage_days}),
        ("usage_cross_sell", "New use beside steady use", Kind.CROSS_SELL,
         {"all": [settled, _fact("new_events", "gte", 1, days=f.new_use_days),
                  _fact("use_days", "gte", f.steady_days, days=30)]}),
        ("sentiment", "Support and surveys not negative", None,
         {"all": [*({"not": tree} for tree in negative), content]}),
        ("champion", "Champion engaged", None,
         {"all": [_fact("people", "gte", 1, role="champion"),
                  _fact("days_unseen", "lte", f.champion_days, role="champion")]}),
        ("timing", "Renewal or budget date near", None, {"any": due}),
    ]  # fmt: skip
    for kind in Kind:
        stated = {"any": [_fact("signals", "gte", 1, trigger="qbr-expansion", days=f.use_case_days),
                          _fact("opportunities_open", "gte", 1, kind="expansion", type=kind.value)]}  # fmt: skip
        found.append((f"use_case_{kind.value}", "Use case stated", kind, stated))
    return found


def criteria_of(figures: Figures, known: Mapping[str, Fact]) -> tuple[Criterion, ...]:
    """The criteria under some figures, for a tenant whose facts are known."""
    fact = known.get(BUDGET)
    budget = fact is not None and fact.kind is FactKind.DATE
    return tuple(Criterion(key, label, parse(tree, known), kind) for key, label, kind, tree in _trees(figures, budget))


def asked_of(kind: Kind, criteria: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
    """The criteria of one type."""
    return tuple(criterion for criterion in criteria if criterion.kind in (None, kind))
