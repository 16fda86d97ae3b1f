"""Rules and rows by a seed: as many as one likes, at a hundredth of what drawing them from strategies takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from hub.registry.facts import FactKind
from hub.rules.language import LISTS, OPERATORS, WITHIN, Op
from tests.rules.rule_strategies import CLOCK, DAYS_KNOWN, FACTS

WORDS: Final = ("pro", "Pro", "PRO 2", "basic", "é", "É", "a b", "%", "_", "x'y", "\\")
NUMBERS: Final = (-50, -3, -1, 0, 1, 2, 3, 7, 20, 50, 0.1, 0.2, 12.5, -0.5, 20.0)
DRAWS: Final[dict[FactKind, Callable[[Random], Any]]] = {
    FactKind.NUMBER: lambda dice: dice.choice(NUMBERS),
    FactKind.MONEY: lambda dice: dice.randint(-5, 5),
    FactKind.TEXT: lambda dice: dice.choice(WORDS),
    FactKind.BOOLEAN: lambda dice: dice.random() < 0.5,
    FactKind.DATE: lambda dice: (CLOCK.today + timedelta(days=dice.randint(-12, 12))).isoformat(),
    FactKind.DATETIME: lambda dice: (CLOCK.now + timedelta(hours=dice.randint(-99, 99))).isoformat(),
    FactKind.SET: lambda dice: dice.choice(WORDS),
}
NAMES: Final = sorted(FACTS)


def random_tree(dice: Random, depth: int, names: list[str] = NAMES) -> dict[str, Any]:
    """A rule as JSON, at most ``depth`` groups deep."""
    kind = dice.random() if depth else 1.0
    if kind < 0.25:
        return {"all": [random_tree(dice, depth - 1, names) for _ in range(dice.randint(0, 3))]}
    if kind < 0.5:
        return {"any": [random_tree(dice, depth - 1, names) for _ in range(dice.randint(0, 3))]}
    if kind < 0.65:
        return {"not": random_tree(dice, depth - 1, names)}
    if kind < 0.75 and names is NAMES:
        return {"sustained": random_tree(dice, 1, ["logins"]), "days": dice.randint(2, DAYS_KNOWN)}
    return _leaf(dice, dice.choice(names))


def _leaf(dice: Random, name: str) -> dict[str, Any]:
    fact = FACTS[name]
    op, draw = dice.choice(OPERATORS[fact.kind]), DRAWS[fact.kind]
    tree: dict[str, Any] = {"fact": name, "op": str(op)}
    if op in LISTS:
        tree["value"] = [draw(dice) for _ in range(dice.randint(1, 4))]
    elif op is Op.BETWEEN:
        tree["value"] = sorted([draw(dice), draw(dice)])
    elif op in WITHIN:
        tree["value"] = dice.randint(0, 15)
    elif op not in (Op.IS_SET, Op.IS_NOT_SET):
        tree["value"] = draw(dice)
    return tree


def random_row(dice: Random) -> dict[str, Any]:
    """Values of the facts of an account; each may be missing."""
    number = dice.choice(NUMBERS)
    row: dict[str, Any] = {
        "usage_drop_pct": Decimal(str(number)) if isinstance(number, float) else number,
        "mrr": dice.randint(-5, 5),
        "plan": dice.choice(("", *WORDS)),
        "activated": dice.random() < 0.5,
        "renewal_on": CLOCK.today + timedelta(days=dice.randint(-12, 12)),
        "last_seen_at": CLOCK.now + timedelta(hours=dice.randint(-99, 99)),
        "features": dice.sample(WORDS, dice.randint(0, 3)),
        "logins": [dice.choice((None, -3, -1, 0, 1, 2, 3)) for _ in range(DAYS_KNOWN)],
    }
    return {name: value for name, value in row.items() if name == "logins" or dice.random() > 0.2}
