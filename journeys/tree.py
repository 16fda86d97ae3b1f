"""A journey's graph as the vertical tree that people read, with the accounts on it. Pure; no Django."""

from __future__ import annotations

import re
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
    "wait_any": "hourglass",
    "branch": "git-branch",
    "split": "switch-horizontal",
    "set_field": "pencil",
    "start_journey": "player-play",
    "stop_journey": "player-stop",
    "webhook": "webhook",
    "survey": "mood-smile",
    "unlock_resource": "lock",
    "ask_advocate": "heart-handshake",
    "update_qbr": "presentation",
    "slack": "messages",
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


@dataclass(frozen=True, slots=True)
class Shown:
    """What a tree is drawn with: facts for the words of rules, accounts per node, names of triggers by key."""

    facts: Mapping[str, Fact]
    counts: Mapping[str, Counts]
    names: Mapping[str, str] = field(default_factory=dict)


def tree(graph: Graph, shown: Shown) -> list[TreeNode]:
    """The nodes from the start on; ways of a branch hang below it."""
    return _along(graph, graph.start, shown, set())


def goals(graph: Graph, shown: Shown) -> list[TreeNode]:
    """The goals, which end the journey from anywhere."""
    return [_tree_node(node, shown) for node in graph.goals]


def _along(graph: Graph, node_id: str, shown: Shown, seen: set[str]) -> list[TreeNode]:
    nodes: list[TreeNode] = []
    while node_id in graph.nodes:
        node = graph.nodes[node_id]
        nodes.append(_tree_node(node, shown, again=node_id in seen))
        if node_id in seen:
            break
        seen.add(node_id)
        if len(node.ports) != 1:
            ways = nodes[-1].ways
            for port in node.ports:
                ways.append(TreeWay(port_words(node, port), _along(graph, port.target, shown, seen)))
            break
        node_id = node.ports[0].target
    return nodes


_OUTPUT: Final = re.compile(r"\{\{-?\s*([\w.]+)[^}]*\}\}")
_TAG: Final = re.compile(r"\{%[^%]*%\}")


def spoken(text: str, names: Mapping[str, str]) -> str:
    """Words without the marks of templates (``{{ account.name }}`` reads *account name*) and with names for keys."""
    text = _TAG.sub("", _OUTPUT.sub(lambda found: f"[{found[1].replace('.', ' ')}]", text))
    for key, name in names.items():
        text = text.replace(f" {key}", f" “{name}”")
    return text[:1].upper() + text[1:]


def _tree_node(node: Node, shown: Shown, *, again: bool = False) -> TreeNode:
    return TreeNode(
        id=node.id,
        title=node.kind.title,
        words=spoken(node.kind.words(node.config, shown.facts), shown.names),
        icon=ICONS.get(node.kind.key, "circle"),
        counts=shown.counts.get(node.id, Counts()),
        is_message=node.kind.key in ("email", "in_hub_message"),
        again=again,
    )
