"""A scorecard's measures as they are stored, and what reads them.

Stored, a measure is an object: ``key``, ``label``, ``fact`` (a fact's or measure's name, or ``hand``), ``with`` (the
arguments of a measure), ``worst`` and ``best`` (values that give 0 and 100 points), ``weight`` (1 to 100),
``stale_after`` (days, null: never), ``missing_as`` (the value that a missing one stands for, null: it is missing).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final

from hub.registry.facts import Fact, FactKind, known_facts
from hub.registry.measures import ArgumentError, measure_of, measures
from signals.health.scoring import HAND, Card, Measured, exact, plain, problems

READ: Final = (FactKind.NUMBER, FactKind.MONEY)
# A score made of itself, or of triggers that may read it, would never come to rest.
REFUSED: Final = frozenset({
    "health_score", "health_band", "health_change", "signals", "trigger_stands", "in_segment", "flag_expansion",
    "flag_advocacy", "expansion_ready_seat", "expansion_ready_tier", "expansion_ready_cross_sell", "expansion_score",
})  # fmt: skip
HAND_STALE: Final = 60
LONGEST: Final = 60
LARGEST: Final = 2**53 - 1


class CardError(ValueError):
    """A scorecard that cannot be; ``problems`` says everything that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(problems))


@dataclass(frozen=True)
class Readable:
    """A card with what reads its measures. ``facts`` by reading; a measure by hand, or one that is gone, has none."""

    card: Card
    facts: Mapping[str, Fact] = field(default_factory=dict)


def reading_of(stored: Mapping[str, Any]) -> str:
    """What a stored measure reads, in one word: the same word is the same thing read."""
    if stored["fact"] == HAND:
        return f"{HAND}:{stored['key']}"
    given = json.dumps(stored.get("with") or {}, sort_keys=True, ensure_ascii=False)
    instead = stored.get("missing_as")
    return f"{stored['fact']}({given[1:-1]})" + ("" if instead is None else f" or {instead}")


def card_of(stored: Sequence[Mapping[str, Any]], yellow_from: int = 40, green_from: int = 70) -> Card:
    """The card of a version's stored measures."""
    return Card(tuple(map(_measured, stored)), yellow_from, green_from)


def _measured(stored: Mapping[str, Any]) -> Measured:
    instead = stored.get("missing_as")
    return Measured(
        key=stored["key"],
        label=stored["label"],
        reading=reading_of(stored),
        worst=exact(stored["worst"]),
        best=exact(stored["best"]),
        weight=stored["weight"],
        stale_after=stored.get("stale_after"),
        missing_as=None if instead is None else exact(instead),
    )


def fact_of(stored: Mapping[str, Any], known: Mapping[str, Fact]) -> Fact | None:
    """The fact that a stored measure reads; None for one by hand, or when there is no such fact any more."""
    measure = measure_of(stored["fact"])
    if measure is None:
        return known.get(stored["fact"])
    try:
        return measure.fact(stored.get("with") or {})
    except ArgumentError:
        return None


def readable(stored: Sequence[Mapping[str, Any]], yellow_from: int = 40, green_from: int = 70) -> Readable:
    """A stored card and the facts that it reads."""
    known = known_facts()
    found = {reading_of(row): fact_of(row, known) for row in stored}
    return Readable(card_of(stored, yellow_from, green_from), {name: fact for name, fact in found.items() if fact})


def choices() -> list[tuple[str, str, str]]:
    """What a measure can read: name, words and source, measures first. Numbers only."""
    found = [(m.name, m.title, m.source) for m in measures if m.kind in READ and m.name not in REFUSED]
    facts = [fact for fact in known_facts().values() if fact.kind in READ and fact.name not in REFUSED]
    return found + [(fact.name, fact.label, fact.source) for fact in facts]


# --- What a form or a program gives -------------------------------------------------------------------------------


def checked(given: Sequence[Mapping[str, Any]], yellow_from: int = 40, green_from: int = 70) -> list[dict[str, Any]]:
    """Measures as they are stored, each read and looked up; raises CardError with everything that is wrong."""
    known, found, wrong = known_facts(), list[dict[str, Any]](), list[str]()
    for at, raw in enumerate(given, start=1):
        name = str(raw.get("label") or "").replace("\x00", "").strip()[:LONGEST] or f"Measure {at}"
        try:
            found.append(_checked(raw, name, known))
        except (ValueError, ArithmeticError) as error:
            wrong.append(f"{name}: {error}")
    keys = [row["key"] for row in found]
    wrong += [f"“{key}” is the key of two measures" for key in sorted({k for k in keys if keys.count(k) > 1})]
    wrong += problems(card_of(found, yellow_from, green_from)) if not wrong else []
    if wrong:
        raise CardError(wrong)
    return found


def _checked(raw: Mapping[str, Any], label: str, known: Mapping[str, Fact]) -> dict[str, Any]:
    name = str(raw.get("fact") or "")
    stored: dict[str, Any] = {
        "key": _key(raw.get("key") or label),
        "label": label,
        "fact": name,
        "with": {},
        "worst": 0,
        "best": 100,
        "weight": _whole(raw.get("weight"), "the weight"),
        "stale_after": _or_none(raw.get("stale_after"), lambda value: _whole(value, "stale after")),
        "missing_as": None,
    }
    if name == HAND:
        return stored | {"stale_after": stored["stale_after"] or HAND_STALE}
    stored["with"] = _arguments(name, raw.get("with") or {}, known)
    stored["worst"], stored["best"] = _number(raw.get("worst"), "worst"), _number(raw.get("best"), "best")
    stored["missing_as"] = _or_none(raw.get("missing_as"), lambda value: _number(value, "missing counts as"))
    return stored


def _arguments(name: str, given: Mapping[str, Any], known: Mapping[str, Fact]) -> dict[str, Any]:
    """The arguments of a measure in full; raises ValueError for what is no number, or nothing at all."""
    measure = measure_of(name)
    fact = measure.fact(given) if measure else known.get(name)
    if fact is None:
        raise ValueError("say what it reads")
    if fact.kind not in READ or fact.name in REFUSED or (measure and measure.name in REFUSED):
        raise ValueError(f"{fact.label} is not something that a score can be made of")
    return dict(fact.arguments)


def _key(text: object) -> str:
    words = "".join(c if c.isascii() and c.isalnum() else "-" for c in str(text).lower()).split("-")
    return "-".join(filter(None, words))[:LONGEST] or "measure"


def _or_none(raw: object, read: Any) -> Any:
    return None if raw is None or raw == "" else read(raw)


def _whole(raw: object, name: str) -> int:
    number = _number(raw, name)
    if not isinstance(number, int) or isinstance(raw, bool):
        raise ValueError(f"{name} is a whole number")
    return number


def _number(raw: object, name: str) -> int | float:
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        raise ValueError(f"“{name}” is a number") from None
    if not number.is_finite() or abs(number) > LARGEST:
        raise ValueError(f"“{name}” is a number that is not so large")
    value = plain(Fraction(number))
    assert value is not None
    return value
