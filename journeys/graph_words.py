"""A journey in sentences, for people who do not read trees."""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.registry.facts import Fact
from journeys.graph import DATE_FIELDS, REENTRY, Graph, Node
from journeys.node_kinds import Config, Port, wait_words


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sentence view; ``depth`` indents what lies under a branch."""

    node_id: str
    depth: int
    text: str


def sentences(graph: Graph, facts: Mapping[str, Fact]) -> tuple[Line, ...]:
    """The journey in words, depth first; a node met again is named, not repeated."""
    lines: list[Line] = [Line("", 0, entry_words(graph.entry))]
    seen: set[str] = set()
    _tell(graph, graph.start, 0, facts, seen, lines)
    for goal in graph.goals:
        if goal.id not in seen:
            lines.append(Line(goal.id, 0, goal.kind.words(goal.config, facts)))
    return tuple(lines)


def _tell(graph: Graph, node_id: str, depth: int, facts: Mapping[str, Fact], seen: set[str], lines: list[Line]) -> None:
    while node_id in graph.nodes:
        node = graph.nodes[node_id]
        if node_id in seen:
            lines.append(Line(node_id, depth, f"go on at “{node.kind.words(node.config, facts)}”"))
            return
        seen.add(node_id)
        lines.append(Line(node_id, depth, node.kind.words(node.config, facts)))
        if len(node.ports) != 1:
            for port in node.ports:
                lines.append(Line(node_id, depth + 1, f"{port_words(node, port)}:"))
                _tell(graph, port.target, depth + 2, facts, seen, lines)
            return
        node_id = node.ports[0].target


def entry_words(entry: Config) -> str:
    """When a journey begins."""
    reentry = entry.get("reentry") or {"rule": "once"}
    words = REENTRY.get(reentry.get("rule", ""), "").format(reentry.get("days"))
    return f"{beginning(entry)} ({words})"


def beginning(entry: Config) -> str:
    """What lets accounts in: ``when usage-decline``, ``when joining the segment enterprise``."""
    if entry.get("segment"):
        verb = "leaving" if entry.get("on") == "left" else "joining"
        return f"when {verb} the segment {entry['segment']}"
    if entry.get("date"):
        rule = {name: entry[name] for name in DATE_FIELDS if name in entry}
        return f"when it is {wait_words(rule).removeprefix('wait until ')}"
    if entry.get("by"):
        return "when somebody puts the account in"
    return f"when {str(entry.get('trigger', '')).replace('_', ' ')}"


def port_words(node: Node, port: Port) -> str:
    """The label of a way out."""
    return port_words_of(node.config, port)


def port_words_of(config: Config, port: Port) -> str:
    """The label of a way out of a node that may not be complete yet."""
    if port.name.startswith("case:"):
        index = int(port.name.removeprefix("case:"))
        return str(config["cases"][index].get("label") or f"case {index + 1}")
    if port.name.startswith("arm:"):
        arm = config["arms"][int(port.name.removeprefix("arm:"))]
        return str(arm.get("label") or arm.get("signal") or arm.get("event") or port.name)
    return {
        "next": "when it comes" if config.get("kind") == "wait_for" else "then",
        "missing": "when there is no such date",
        "else": "otherwise",
        "timeout": "when the time is over",
    }.get(port.name, port.name)
