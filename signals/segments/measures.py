"""Membership as something that rules ask, and what a segment reads of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from hub.registry.facts import TODAY, Expression, FactKind
from hub.registry.measures import Argument, ArgumentKind, Arguments, Measure, Suggestion, measures, suggestions
from hub.rules.language import Node, comparisons
from signals.measures import FIRED, STANDS

IN: Final = "in_segment"
SEGMENT = Argument("segment", "which segment", ArgumentKind.TEXT, suggest="segments")
# Before its rule counted nothing is known of it, and of one that is not there nothing at all.
MEMBER: Final = (
    "(SELECT CASE WHEN g.since <= %s::date THEN EXISTS (SELECT 1 FROM signals_segmentmember u"
    " WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id AND u.segment_id = g.id"
    " AND u.joined_on <= %s::date AND (u.left_on IS NULL OR u.left_on > %s::date)) END"
    " FROM signals_segment g WHERE g.tenant_id = a.tenant_id AND g.key = %s AND g.is_active)"
)


def _member(given: Arguments) -> Expression:
    return Expression(MEMBER, (TODAY, TODAY, TODAY, given["segment"]))


def segments_read(node: Node) -> frozenset[str]:
    """Keys of the segments that a rule reads."""
    read = (leaf.fact for leaf in comparisons(node) if leaf.fact.measure == IN)
    return frozenset(dict(fact.arguments)["segment"] for fact in read)


def reads_triggers(node: Node) -> bool:
    """Whether a rule is decided only after the triggers."""
    return any(leaf.fact.measure in (FIRED, STANDS) for leaf in comparisons(node))


def register(names: Callable[[], Mapping[str, str]]) -> None:
    suggestions.register(Suggestion("segments", lambda: list(names()), choices=lambda: list(names().items())))
    measures.register(
        Measure(
            IN, "lies in a segment", FactKind.BOOLEAN, (SEGMENT,), _member,
            lambda given: f"lies in the segment “{given['segment']}”", "segments", order=13,
        )
    )  # fmt: skip
