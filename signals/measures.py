"""Other signals as something to measure: what composites are made of.

How often a trigger fired in a window, and whether the condition of a computed trigger stands now (those that stood when
they were first looked at included). A composite is evaluated after the triggers that it reads; circles are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from hub.registry.facts import Expression, FactKind
from hub.registry.measures import (
    Argument,
    ArgumentKind,
    Arguments,
    Measure,
    Rows,
    Suggestion,
    days,
    measures,
    span,
    suggestions,
)
from hub.rules.language import Node, comparisons
from signals.catalogue import BY_KEY

FIRED: Final = "signals"
STANDS: Final = "trigger_stands"
TRIGGER = Argument("trigger", "which trigger", ArgumentKind.TEXT, suggest="triggers")
FIRINGS = Rows(
    "signals_signal",
    "occurred_at",
    # What a storm holds back, or took with it, has not fired.
    which="u.trigger_id = (SELECT t.id FROM signals_trigger t WHERE t.tenant_id = a.tenant_id AND t.key = %s)"
    " AND u.status NOT IN ('held', 'dropped')",
)


def _fired(given: Arguments) -> Expression:
    found = FIRINGS.in_window("count(*)")(given)
    return Expression(found.sql, (given["trigger"], *found.params), utc=True)


def _stands(given: Arguments) -> Expression:
    return Expression(
        "EXISTS (SELECT 1 FROM signals_triggerstate u JOIN signals_trigger t ON t.tenant_id = u.tenant_id"
        " AND t.id = u.trigger_id AND t.version = u.version"
        " WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id AND u.is_true AND t.is_active AND t.key = %s)",
        (given["trigger"],),
    )


def read_by(node: Node) -> frozenset[str]:
    """Keys of the triggers that a rule reads."""
    read = (leaf.fact for leaf in comparisons(node) if leaf.fact.measure in (FIRED, STANDS))
    return frozenset(dict(fact.arguments)["trigger"] for fact in read)


def circle(start: str, reads: Mapping[str, Iterable[str]]) -> list[str]:
    """The way from a trigger back to itself by what reads what, empty when there is none."""

    def walk(key: str, way: list[str], known: set[str]) -> list[str]:
        for other in sorted(reads.get(key, ())):
            if other == start:
                return [*way, other]
            if other not in known:
                known.add(other)
                if found := walk(other, [*way, other], known):
                    return found
        return []

    return walk(start, [start], set())


def in_order(reads: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Triggers in waves: each after those that it reads. What stands in a circle comes last, as it is."""
    waves: list[list[str]] = []
    left = dict(reads)
    while left:
        ready = sorted(key for key, others in left.items() if not (others & left.keys()) - {key})
        waves.append(ready or sorted(left))
        for key in waves[-1]:
            del left[key]
    return waves


def register(trigger_names: Callable[[], Mapping[str, str]]) -> None:
    """`trigger_names` reads the names of the tenant's triggers by key, by name."""

    def named(given: Arguments) -> str:
        # The words of those that ship need no look into the tenant.
        shipped = BY_KEY.get(given["trigger"])
        return shipped.name if shipped else trigger_names().get(given["trigger"], given["trigger"])

    suggestions.register(
        Suggestion("triggers", lambda: list(trigger_names()), choices=lambda: list(trigger_names().items()))
    )
    make = partial(Measure, source="signals", order=60)
    measures.register(make(
        FIRED, "times a trigger fired", kind=FactKind.NUMBER, arguments=(TRIGGER, days(90)),
        expression=_fired, words=lambda given: f"signals “{named(given)}” in {span(given)}",
    ))  # fmt: skip
    measures.register(make(
        STANDS, "a trigger's condition stands", kind=FactKind.BOOLEAN, arguments=(TRIGGER,), dated=False,
        expression=_stands, words=lambda given: f"“{named(given)}” stands",
    ))  # fmt: skip
