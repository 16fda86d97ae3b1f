"""A journey's graph as the vertical tree that people read, with the accounts on it. Pure; no Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hub.registry.facts import Fact
from journeys.graph import Graph, Node
from journeys.graph_words import port_words

ICONS: Final = {
    "email": "mail",
    "in_hub_message": "message-2",
    "task": "checklist",
    "wait": "clock",
    "wait_for": "hourglass",
    "branch": "git-branch",
    "goal": "trophy",
    "exit": "logout",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Accounts at a node: `here` now, `passed` it, `ended` there."""

    here: int = 0
    passed: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A node of the tree. `again` is set where the way joins a node that is shown elsewhere."""

    id: str
    title: str
    words: str
    icon: str
    counts: Counts
    is_message: bool
    again: bool = False
    ways: list[TreeWay] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TreeWay:
    """A way out of a node with several: its label and the nodes along it."""

    label: str
    nodes: list[TreeNode]


def tree(graph: Graph, facts: Mapping[str, Fact], counts: Mapping[str, Counts]) -> list[TreeNode]:
    """The nodes from the start on; ways of a branch hang below it."""
    return _along(graph, graph.start, facts, counts, set())


def goals(graph: Graph, facts: Mapping[str, Fact], counts: Mapping[str, Counts]) -> list[TreeNode]:
    """The goals, which end the journey from anywhere."""
    return [_tree_node(node, facts, counts) for node in graph.goals]


def _along(
    graph: Graph, node_id: str, facts: Mapping[str, Fact], counts: Mapping[str, Counts], seen: set[str]
) -> list[TreeNode]:
    nodes: list[TreeNode] = []
    while node_id in graph.nodes:
        node = graph.nodes[node_id]
        if node_id in seen:
            nodes.append(_tree_node(node, facts, counts, again=True))
            break
        seen.add(node_id)
        shown = _tree_node(node, facts, counts)
        nodes.append(shown)
        if len(node.ports) != 1:
            for port in node.ports:
                along = _along(graph, port.target, facts, counts, seen)
                shown.ways.append(TreeWay(port_words(node, port), along))
            break
        node_id = node.ports[0].target
    return nodes


def _tree_node(node: Node, facts: Mapping[str, Fact], counts: Mapping[str, Counts], *, again: bool = False) -> TreeNode:
    words = node.kind.words(node.config, facts)
    return TreeNode(
        id=node.id,
        title=node.kind.title,
        words=words[:1].upper() + words[1:],
        icon=ICONS.get(node.kind.key, "circle"),
        counts=counts.get(node.id, Counts()),
        is_message=node.kind.key in ("email", "in_hub_message"),
        again=again,
    )
