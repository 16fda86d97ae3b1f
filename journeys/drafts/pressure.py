"""How many programme e-mails a way through a graph brings to one contact within the window of its cap. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from journeys.graph import Graph, Node
from journeys.waits import WaitError, due_at, parse_wait

_BEGIN: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
_UTC: Final = ZoneInfo("UTC")
_MOST_STEPS: Final = 400


def is_programme(config: Mapping[str, Any]) -> bool:
    return config.get("class") == "programme"


def most_within(graph: Graph, window: timedelta) -> int:
    """The greatest number of programme e-mails on any way within the window, if every signal waited for comes at once
    and every wait is as short as its rule allows."""
    starts = [node for node in graph.nodes.values() if _counts(node)]
    return max((_from(graph, node, window) for node in starts), default=0)


def _counts(node: Node) -> bool:
    return node.kind.key == "email" and is_programme(node.config)


def _from(graph: Graph, first: Node, window: timedelta) -> int:
    """The e-mails from `first` on: each node is looked at again only when more of them came before it, or sooner."""
    best, steps = 1, 0
    seen: dict[str, set[tuple[int, timedelta]]] = {}
    stack = [(first.id, 0, timedelta())]
    while stack and steps < _MOST_STEPS:
        steps += 1
        node_id, sent, elapsed = stack.pop()
        node = graph.nodes[node_id]
        sent += _counts(node)
        elapsed += _rest(node)
        known = seen.setdefault(node_id, set())
        best = max(best, sent)
        if elapsed >= window or any(number >= sent and at <= elapsed for number, at in known):
            continue
        known.add((sent, elapsed))
        stack += [(target, sent, elapsed) for target in graph.successors(node_id)]
    return best


def _rest(node: Node) -> timedelta:
    """The least time that an account rests on a node."""
    if node.kind.key != "wait":
        return timedelta()
    try:
        return due_at(parse_wait(node.config.get("rule")), _BEGIN, _UTC) - _BEGIN
    except WaitError:
        return timedelta()
