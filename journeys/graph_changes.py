"""What a new version of a journey means for the accounts that stand inside the old one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from journeys.graph import Graph


class Fate(StrEnum):
    """What a new version means for the accounts that stand on a node."""

    KEPT = "kept"
    CONTENT = "content_changed"
    TIMING = "timing_changed"
    REDIRECTED = "redirected"
    EXIT = "journey_changed"


@dataclass(frozen=True, slots=True)
class Change:
    """A node's fate; ``target`` is where its accounts stand afterwards, None when they leave."""

    fate: Fate
    target: str | None


def changes(old: Graph, new: Graph, redirects: Mapping[str, str] | None = None) -> dict[str, Change]:
    """Every node of ``old`` with its fate under ``new``.

    ``redirects``: where accounts on a deleted node go instead of its first surviving successor, "" to leave.
    """
    return {node_id: _change(old, new, node_id, redirects or {}) for node_id in old.nodes}


def _change(old: Graph, new: Graph, node_id: str, redirects: Mapping[str, str]) -> Change:
    before, after = old.nodes[node_id], new.nodes.get(node_id)
    # An id that became another kind of step is another node under an old name.
    if after is None or after.kind is not before.kind:
        target = _redirect(old, new, node_id, redirects)
        return Change(Fate.REDIRECTED if target else Fate.EXIT, target)
    if any(before.config.get(name) != after.config.get(name) for name in before.kind.timing):
        return Change(Fate.TIMING, node_id)
    return Change(Fate.KEPT if before.config == after.config else Fate.CONTENT, node_id)


def _redirect(old: Graph, new: Graph, node_id: str, redirects: Mapping[str, str]) -> str | None:
    asked = redirects.get(node_id)
    if asked is not None and (not asked or asked in new.nodes):
        return asked or None
    return _first_survivor(old, new, node_id)


def _first_survivor(old: Graph, new: Graph, node_id: str) -> str | None:
    """The nearest successor in the old graph that the new one still has, breadth first."""
    queue, seen = list(old.successors(node_id)), {node_id}
    for candidate in queue:
        if candidate in seen:
            continue
        seen.add(candidate)
        after = new.nodes.get(candidate)
        if after is not None and after.kind is old.nodes[candidate].kind:
            return candidate
        queue.extend(old.successors(candidate))
    return None
