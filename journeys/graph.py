"""A journey's graph as JSON: reading, validation, traversal.

``{"schema": 1, "entry": {…}, "start": id, "exit_when": rule?, "nodes": [node, …]}``. A node is
``{"id", "kind", "next", "late"?, …fields of its kind}``; ids are stable across versions, since an
enrollment holds only its position. ``entry``: ``{"trigger": key, "when"?: rule, "reentry":
{"rule": "once" | "after_finish" | "after_days" | "per_key", "days"?}, "max_age_hours"?: 24,
"existing"?: false}``. A goal node ends the journey from wherever an account stands, as soon as
its rule is true; it needs no edge that leads to it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.registry.facts import Fact
from journeys.node_kinds import (
    LATE_POLICIES,
    Config,
    Flaw,
    NodeKind,
    Port,
    check_choice,
    check_date,
    check_rule,
    node_kinds,
)

SCHEMA: Final = 1
MAX_NODES: Final = 200
REENTRY: Final = {
    "once": "once ever",
    "after_finish": "again after finishing",
    "after_days": "again after {} days",
    "per_key": "once per key",
}
WAYS_IN: Final = ("trigger", "segment", "date", "by")
DATE_FIELDS: Final = ("date", "offset_days", "at")
NODE_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_COMMON: Final = frozenset({"id", "kind", "next", "late"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a graph from being published; ``node_id`` is "" for the graph itself, ``code`` names the kind."""

    node_id: str
    pointer: str
    message: str
    code: str = "invalid"


UNKNOWN_NODE: Final = "unknown_node"
LEADS_NOWHERE: Final = "leads_nowhere"
UNREACHABLE: Final = "unreachable"
NO_WAIT: Final = "cycle_without_wait"
NO_EXIT: Final = "no_exit"
"""Codes of what is wrong with the ways of a graph."""


class GraphError(ValueError):
    """A graph that cannot be used, with every problem found in it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.node_id or 'graph'}{p.pointer}: {p.message}" for p in problems))


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a journey; ``config`` are the fields of its kind."""

    id: str
    kind: NodeKind
    config: Config
    ports: tuple[Port, ...]

    @property
    def is_end(self) -> bool:
        """Whether an account that comes here leaves the journey."""
        return not self.ports

    @property
    def late(self) -> str:
        """What to do when the step comes up past its time: skip, run_latest or run_now."""
        return str(self.config.get("late", "run_now"))


@dataclass(frozen=True, slots=True)
class Graph:
    """A readable graph; nodes in the order in which they were written."""

    entry: Config
    start: str
    exit_when: object
    nodes: Mapping[str, Node]

    def successors(self, node_id: str) -> tuple[str, ...]:
        """Where a node leads, each target once, in the order of its ports."""
        ports = self.nodes[node_id].ports
        return tuple(dict.fromkeys(p.target for p in ports if p.target in self.nodes))

    def follow(self, node_id: str, port: str = "next") -> str:
        """The node behind a port; raises KeyError when there is no such way out."""
        for way in self.nodes[node_id].ports:
            if way.name == port and way.target in self.nodes:
                return str(way.target)
        raise KeyError(f"node {node_id} has no way out by {port!r}")

    def reachable(self, origin: str | None = None) -> tuple[str, ...]:
        """Every node from ``origin`` (default: the start) on, depth first, each once."""
        seen: dict[str, None] = {}
        stack = [self.start if origin is None else origin]
        while stack:
            node_id = stack.pop()
            if node_id not in seen and node_id in self.nodes:
                seen[node_id] = None
                stack.extend(reversed(self.successors(node_id)))
        return tuple(seen)

    @property
    def goals(self) -> tuple[Node, ...]:
        """The goal nodes."""
        return tuple(node for node in self.nodes.values() if node.kind.key == "goal")


# --- reading --------------------------------------------------------------------------------


def load(raw: object, facts: Mapping[str, Fact], triggers: Collection[str] | None = None) -> Graph:
    """The graph of its JSON form; raises GraphError with everything ``validate`` finds."""
    problems, graph = _examine(raw, facts, triggers)
    if problems or graph is None:
        raise GraphError(tuple(problems))
    return graph


def read(raw: object, facts: Mapping[str, Fact]) -> Graph:
    """The graph of a form that was fit to be published once; raises GraphError only where nothing can be read."""
    problems, graph = _examine(raw, facts, None)
    if graph is None:
        raise GraphError(tuple(problems))
    return graph


def validate(
    raw: object,
    facts: Mapping[str, Fact],
    triggers: Collection[str] | None = None,
    segments: Collection[str] | None = None,
) -> tuple[Problem, ...]:
    """Everything that keeps a graph from being published, in the order of its nodes.

    ``triggers`` and ``segments``: keys of those that there are; None leaves what the entry names unchecked.
    """
    return tuple(_examine(raw, facts, triggers, segments)[0])


def _examine(
    raw: object,
    facts: Mapping[str, Fact],
    triggers: Collection[str] | None,
    segments: Collection[str] | None = None,
) -> tuple[list[Problem], Graph | None]:
    shape = list(_shape_problems(raw))
    if shape or not isinstance(raw, Mapping):
        return shape, None
    nodes: dict[str, Node] = {}
    problems = list(_entry_problems(raw, facts, Known(triggers, segments)))
    for item in raw["nodes"]:
        problems += _read_node(item, nodes, facts)
    graph = Graph(raw["entry"], str(raw.get("start", "")), raw.get("exit_when"), nodes)
    return problems + list(_structure_problems(graph)), graph


def _shape_problems(raw: object) -> Iterator[Problem]:
    if not isinstance(raw, Mapping):
        yield Problem("", "", "a graph is an object")
        return
    if raw.get("schema") != SCHEMA:
        yield Problem("", "/schema", f"schema must be {SCHEMA}")
    if not isinstance(raw.get("entry"), Mapping):
        yield Problem("", "/entry", "entry must be an object")
    nodes = raw.get("nodes")
    if not isinstance(nodes, list) or not nodes:
        yield Problem("", "/nodes", "a journey has at least one node")
    elif len(nodes) > MAX_NODES:
        yield Problem("", "/nodes", f"a journey has at most {MAX_NODES} nodes")


@dataclass(frozen=True, slots=True)
class Known:
    """Keys of what an entry may name; None leaves it unchecked."""

    triggers: Collection[str] | None
    segments: Collection[str] | None


def _entry_problems(raw: Mapping[str, Any], facts: Mapping[str, Fact], known: Known) -> Iterator[Problem]:
    entry = raw["entry"]
    for flaw in _entry_flaws(entry, facts, known):
        yield Problem("", f"/entry{flaw.field}", flaw.message)
    if raw.get("exit_when") is not None:
        for flaw in check_rule(raw["exit_when"], "/exit_when", facts):
            yield Problem("", flaw.field, flaw.message)


def _entry_flaws(entry: Config, facts: Mapping[str, Fact], known: Known) -> Iterator[Flaw]:
    ways = [name for name in WAYS_IN if name in entry]
    if len(ways) != 1:
        yield Flaw("/trigger", f"say what starts the journey, by exactly one of {', '.join(WAYS_IN)}")
    elif ways == ["trigger"]:
        yield from _named(entry, "trigger", known.triggers)
    elif ways == ["segment"]:
        yield from _named(entry, "segment", known.segments)
        yield from check_choice(entry, "on", ("joined", "left"))
    elif ways == ["date"]:
        yield from check_date({name: entry[name] for name in DATE_FIELDS if name in entry}, "", facts)
    elif entry["by"] != "hand":
        yield Flaw("/by", "a journey that starts by nothing else starts by hand")
    if entry.get("when") is not None:
        yield from check_rule(entry["when"], "/when", facts)
    hours = entry.get("max_age_hours", 24)
    if type(hours) is not int or not 1 <= hours <= 8760:
        yield Flaw("/max_age_hours", "max_age_hours must be a whole number from 1 to 8760")
    yield from _reentry_flaws(entry.get("reentry", {"rule": "once"}))


def _named(entry: Config, name: str, known: Collection[str] | None) -> Iterator[Flaw]:
    key = entry[name]
    if not isinstance(key, str) or not key:
        yield Flaw(f"/{name}", f"say which {name} starts the journey")
    elif known is not None and key not in known:
        yield Flaw(f"/{name}", f"unknown {name} {key!r}")


def _reentry_flaws(reentry: object) -> Iterator[Flaw]:
    if not isinstance(reentry, Mapping) or str(reentry.get("rule")) not in REENTRY:
        yield Flaw("/reentry/rule", f"re-entry must be one of {', '.join(REENTRY)}")
    elif reentry["rule"] == "after_days":
        days = reentry.get("days")
        if type(days) is not int or not 1 <= days <= 3650:
            yield Flaw("/reentry/days", "days must be a whole number from 1 to 3650")


def _read_node(item: object, nodes: dict[str, Node], facts: Mapping[str, Fact]) -> list[Problem]:
    """Adds the node if it can stand in a graph at all; the problems found on the way."""
    if not isinstance(item, Mapping):
        return [Problem("", "/nodes", "a node is an object")]
    node_id, name = item.get("id"), item.get("kind")
    if not isinstance(node_id, str) or not NODE_ID.match(node_id):
        return [Problem("", "/nodes", f"node id {node_id!r} must be letters, digits, - and _ in lower case")]
    if node_id in nodes:
        return [Problem(node_id, "/id", "another node has the same id")]
    if not isinstance(name, str) or name not in node_kinds:
        return [Problem(node_id, "/kind", f"unknown kind of node {name!r}")]
    kind = node_kinds.get(name)
    nodes[node_id] = Node(node_id, kind, item, tuple(kind.ports(item)))
    return [Problem(node_id, flaw.field, flaw.message) for flaw in _node_flaws(kind, item, facts)]


def _node_flaws(kind: NodeKind, config: Config, facts: Mapping[str, Fact]) -> Iterator[Flaw]:
    missing = sorted(kind.required - config.keys())
    yield from (Flaw(f"/{name}", f"{name} is missing") for name in missing)
    for name in sorted(set(config) - kind.fields - _COMMON):
        yield Flaw(f"/{name}", f"a node of kind {kind.key} has no {name}")
    yield from check_choice(config, "late", LATE_POLICIES)
    told = {f"/{name}" for name in missing}
    yield from (flaw for flaw in kind.check(config, facts) if flaw.field not in told)


# --- structure ------------------------------------------------------------------------------


def _structure_problems(graph: Graph) -> Iterator[Problem]:
    if graph.start not in graph.nodes:
        yield Problem("", "/start", f"the journey starts at unknown node {graph.start!r}", UNKNOWN_NODE)
        return
    yield from _loose_ends(graph)
    reached = set(graph.reachable())
    for node in graph.nodes.values():
        if node.id not in reached and node.kind.key != "goal":
            yield Problem(node.id, "", "nothing leads to this node", UNREACHABLE)
    yield from _spins(graph)
    yield from _traps(graph, reached)


def _loose_ends(graph: Graph) -> Iterator[Problem]:
    for node in graph.nodes.values():
        for port in node.ports:
            if not port.target:
                yield Problem(node.id, port.pointer, "this way leads nowhere; end it with an exit", LEADS_NOWHERE)
            elif port.target not in graph.nodes:
                yield Problem(node.id, port.pointer, f"this way leads to unknown node {port.target!r}", UNKNOWN_NODE)


def _spins(graph: Graph) -> Iterator[Problem]:
    """Nodes that an account could come back to without ever resting."""
    for node in graph.nodes.values():
        if not node.kind.takes_time and node.id in _without_rest(graph, node.id):
            yield Problem(node.id, "", "this node comes round again without a wait", NO_WAIT)


def _without_rest(graph: Graph, origin: str) -> set[str]:
    """What can be reached from ``origin`` in one go."""
    seen: set[str] = set()
    stack = list(graph.successors(origin))
    while stack:
        node_id = stack.pop()
        if node_id not in seen and not graph.nodes[node_id].kind.takes_time:
            seen.add(node_id)
            stack.extend(graph.successors(node_id))
    return seen


def _traps(graph: Graph, reached: Collection[str]) -> Iterator[Problem]:
    """Nodes from which no end can be reached, although every way leads somewhere."""
    ends = [node.id for node in graph.nodes.values() if node.is_end]
    safe = _ancestors(graph, ends)
    for node in graph.nodes.values():
        has_loose_end = any(port.target not in graph.nodes for port in node.ports)
        if node.id in reached and node.id not in safe and not has_loose_end:
            yield Problem(node.id, "", "no exit can be reached from this node", NO_EXIT)


def _ancestors(graph: Graph, ends: Collection[str]) -> set[str]:
    parents: dict[str, list[str]] = {}
    for node_id in graph.nodes:
        for target in graph.successors(node_id):
            parents.setdefault(target, []).append(node_id)
    seen, stack = set(ends), list(ends)
    while stack:
        for parent in parents.get(stack.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return seen
