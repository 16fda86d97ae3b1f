"""The form of a graph that may still be incomplete: who leads where, where ways meet, what hangs below. Pure.

A *block* is a node with everything that hangs below its ways, up to the node where they meet again (the *join*). A
*gap* is a place where a step can be put: a way out of a node, the way into the first, or behind the join of a block.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, TypeAlias

from journeys.entry_forms import ENTRIES
from journeys.graph import LEADS_NOWHERE, MAX_NODES, NODE_ID, SCHEMA, UNKNOWN_NODE, UNREACHABLE, Problem
from journeys.graph_words import entry_words, port_words_of
from journeys.node_forms import node_forms, show
from journeys.node_kinds import Config, Port, node_kinds

Raw: TypeAlias = Mapping[str, Any]
START: Final = "start"
AFTER: Final = "after"


@dataclass(frozen=True, slots=True)
class Gap:
    """Where a step can be put. ``way``: a port's JSON pointer, ``start`` of the journey, or ``after`` a block."""

    node: str
    way: str

    def __str__(self) -> str:
        return f"{self.node}:{self.way}"

    @classmethod
    def of(cls, text: str) -> Gap:
        node, _, way = text.partition(":")
        return cls(node, way)


BEGINNING: Final = Gap("", START)


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a node; node "" is the way into the journey."""

    node: str
    pointer: str


class Shape:
    """Who leads where in a graph whose nodes are mappings with ids; unreadable ones are left out."""

    def __init__(self, raw: Raw) -> None:
        self.start = str(raw.get("start", ""))
        nodes = raw.get("nodes")
        listed = nodes if isinstance(nodes, list) else []
        self.nodes: dict[str, Config] = {str(n["id"]): n for n in listed if isinstance(n, Mapping) and n.get("id")}
        self.ports: dict[str, list[Port]] = {key: ports_of(node) for key, node in self.nodes.items()}
        self._joins: dict[str, str] = {}

    def kind(self, node_id: str) -> str:
        return str(self.nodes[node_id].get("kind", ""))

    def successors(self, node_id: str) -> list[str]:
        return [port.target for port in self.ports[node_id] if port.target in self.nodes]

    def reachable(self, origin: str, without: Collection[str] = ()) -> set[str]:
        """``origin`` and everything that can be come to from it, not passing ``without``."""
        seen: set[str] = set()
        stack = [origin]
        while stack:
            node_id = stack.pop()
            if node_id not in seen and node_id in self.nodes and node_id not in without:
                seen.add(node_id)
                stack += self.successors(node_id)
        return seen

    @cached_property
    def reached(self) -> set[str]:
        """What an account can come to at all."""
        return self.reachable(self.start)

    def dominated(self, node_id: str) -> set[str]:
        """What can only be come to through the node, itself included."""
        return self.reached - self.reachable(self.start, {node_id})

    def join(self, node_id: str) -> str:
        """The first node that every way from here to an end comes to, "" when there is none."""
        if node_id not in self._joins:
            self._joins[node_id] = self._find_join(node_id)
        return self._joins[node_id]

    def _find_join(self, node_id: str) -> str:
        if len(self.ports[node_id]) == 1:
            return self.ports[node_id][0].target
        if all(self.ports[each] for each in self.reachable(node_id)):
            # All ways come round for ever.
            return ""
        # Every way to a farther join passes the nearest, so that comes first in the order of distance.
        return next((found for found in self._by_distance(node_id) if self._is_join(node_id, found)), "")

    def _is_join(self, node_id: str, candidate: str) -> bool:
        passed = self.reachable(node_id, {candidate})
        return all(self.ports[each] for each in passed) and not any(
            port.target not in self.nodes for each in passed for port in self.ports[each]
        )

    def _by_distance(self, origin: str) -> list[str]:
        order = [origin]
        for node_id in order:
            order += [target for target in dict.fromkeys(self.successors(node_id)) if target not in order]
        return order[1:]

    def block(self, node_id: str) -> set[str]:
        """The node with everything that hangs below its ways."""
        if node_id not in self.reached:
            return {node_id}
        if len(self.ports[node_id]) < 2:
            return {node_id}
        join = self.join(node_id)
        return (self.reachable(node_id, {join} if join else ()) & self.dominated(node_id)) | {node_id}

    def exit_of(self, node_id: str) -> str:
        """Where a block goes on, "" when it ends all ways."""
        return self.join(node_id) if self.ports[node_id] else ""

    def edges(self) -> Iterator[tuple[Edge, str]]:
        """Every way with its target, the way into the journey first."""
        yield Edge("", START), self.start
        for node_id, ports in self.ports.items():
            for port in ports:
                yield Edge(node_id, port.pointer), port.target

    def gap(self, gap: Gap) -> tuple[list[Edge], str] | None:
        """The ways that lead through a gap and where they lead; None when there is no such gap."""
        if gap == BEGINNING:
            return [Edge("", START)], self.start
        if gap.node not in self.nodes:
            return None
        if gap.way == AFTER:
            return self._behind(gap.node)
        for port in self.ports[gap.node]:
            if port.pointer == gap.way:
                return [Edge(gap.node, port.pointer)], port.target
        return None

    def _behind(self, node_id: str) -> tuple[list[Edge], str] | None:
        join, inside = self.exit_of(node_id), self.block(node_id)
        edges = [edge for edge, target in self.edges() if edge.node in inside and target == join]
        return (edges, join) if join and edges and self._closed_by(node_id, edges) else None

    def _closed_by(self, node_id: str, edges: Collection[Edge]) -> bool:
        """Whether no end is come to from the node but through these ways: else a step put into them is passed by."""
        cut, stack = set(edges), [node_id]
        seen: set[str] = set()
        while stack:
            here = stack.pop()
            if here not in seen and here in self.nodes:
                seen.add(here)
                stack += [port.target for port in self.ports[here] if Edge(here, port.pointer) not in cut]
        return all(self.ports[here] for here in seen)


def ports_of(node: Config) -> list[Port]:
    """The ways out of a node, none of an unknown kind."""
    kind = str(node.get("kind", ""))
    return list(node_kinds.get(kind).ports(node)) if kind in node_kinds else []


def set_at(node: dict[str, Any], pointer: str, value: Any) -> None:
    """Write a value where a JSON pointer of the node leads; what lies on the way must be there."""
    *way, last = pointer.removeprefix("/").split("/")
    place: Any = node
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value


def flaws(raw: object) -> tuple[Problem, ...]:
    """What keeps a graph from being a draft: the builder could not show or edit it without losing something."""
    if not isinstance(raw, Mapping):
        return (Problem("", "", "a graph is an object"),)
    return tuple(_whole_flaws(raw)) or tuple(_node_flaws(raw)) or tuple(_way_flaws(Shape(raw)))


def _whole_flaws(raw: Raw) -> Iterator[Problem]:
    if raw.get("schema") != SCHEMA:
        yield Problem("", "/schema", f"schema must be {SCHEMA}")
    if not isinstance(raw.get("entry"), Mapping):
        yield Problem("", "/entry", "entry must be an object")
    elif not _readable(partial(_read_entry, raw["entry"])):
        yield Problem("", "/entry", "its fields cannot be read")
    if not isinstance(raw.get("nodes"), list) or not raw["nodes"]:
        yield Problem("", "/nodes", "a journey has at least one node")
    elif len(raw["nodes"]) > MAX_NODES:
        yield Problem("", "/nodes", f"a journey has at most {MAX_NODES} nodes")


def _node_flaws(raw: Raw) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, node in enumerate(raw["nodes"]):
        if not isinstance(node, Mapping) or not NODE_ID.match(str(node.get("id", ""))):
            yield Problem("", f"/nodes/{index}", "a node is an object with an id of letters, digits, - and _")
        elif node["id"] in seen:
            yield Problem(node["id"], "/id", "another node has the same id")
        elif not isinstance(node.get("kind"), str) or node["kind"] not in node_kinds:
            yield Problem(node["id"], "/kind", f"unknown kind of node {node.get('kind')!r}")
        elif not _readable(partial(_read_all, node)):
            yield Problem(node["id"], "", "its fields cannot be read")
        else:
            seen.add(node["id"])


def _read_entry(entry: Config) -> None:
    entry_words(entry)
    for _, fields in ENTRIES.values():
        for asked in fields:
            show(asked, entry, {})


def _read_all(node: Config) -> None:
    """Everything that the builder reads of a node's fields."""
    kind, form = node_kinds.get(str(node["kind"])), node_forms.as_mapping().get(str(node["kind"]))
    kind.words(node, {})
    for port in kind.ports(node):
        port_words_of(node, port)
        set_at(copy.deepcopy(dict(node)), port.pointer, "")
    for asked in form.all_fields if form else ():
        show(asked, node, {})
    arms = node.get(form.arms.name) if form and form.arms else None
    for arm in arms or ():
        for asked in form.arms.fields if form and form.arms else ():
            show(asked, arm, {})


def _readable(read: Callable[[], object]) -> bool:
    try:
        read()
    except (TypeError, ValueError, LookupError, AttributeError):
        return False
    return True


def _way_flaws(shape: Shape) -> Iterator[Problem]:
    if shape.start not in shape.nodes:
        yield Problem("", "/start", f"the journey starts at unknown node {shape.start!r}", UNKNOWN_NODE)
        return
    for edge, target in shape.edges():
        if target not in shape.nodes:
            told = f"this way leads to unknown node {target!r}" if target else "this way leads nowhere"
            yield Problem(edge.node, edge.pointer, told, UNKNOWN_NODE if target else LEADS_NOWHERE)
    for node_id in shape.nodes:
        if node_id not in shape.reached and shape.kind(node_id) != "goal":
            yield Problem(node_id, "", "nothing leads to this node", UNREACHABLE)
