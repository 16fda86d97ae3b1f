"""A rule with three answers: what nobody knows is neither true nor false. Pure.

The rule language itself has two: there a comparison with a missing value is false. A criterion that could not be asked
is no reason against an account, and is told apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.rules.compile import Clock, holds, seen
from hub.rules.language import AllOf, AnyOf, Compare, Node, Not, Op, Sustained


def truth(node: Node, values: Mapping[str, object], clock: Clock) -> bool | None:
    """True, false, or None: it depends on what is missing. Where nothing is missing it says what the rule says."""
    match node:
        case Compare():
            unknown = node.op not in (Op.IS_SET, Op.IS_NOT_SET) and seen(node, values) is None
            return None if unknown else holds(node, values, clock)
        case Not(child):
            found = truth(child, values, clock)
            return None if found is None else not found
        case AllOf(children):
            return _all([truth(child, values, clock) for child in children])
        case AnyOf(children):
            turned = _all([_turned(truth(child, values, clock)) for child in children])
            return _turned(turned)
        case Sustained():
            return _all([truth(child, values, clock) for child in node.each_day()])


def _turned(found: bool | None) -> bool | None:
    return None if found is None else not found


def _all(found: list[bool | None]) -> bool | None:
    if False in found:
        return False
    return None if None in found else True
