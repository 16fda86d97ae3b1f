"""What a draft changes of the live version, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hub.registry.facts import Fact
from journeys.drafts.shape import Raw, Shape
from journeys.graph_words import entry_words, port_words_of
from journeys.node_forms import node_forms
from journeys.node_kinds import Config, node_kinds, rule_words

NEW, GONE, CHANGED, WAY = "new", "gone", "changed", "way"
_SILENT: Final = frozenset({"id", "kind", "next"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence; ``kind`` is new, gone, changed or way, ``node`` the step it is about, "" for the journey itself."""

    kind: str
    node: str
    text: str


def differences(old: Raw | None, new: Raw, facts: Mapping[str, Fact]) -> list[Difference]:
    """Sentences in the order in which the new version is read; what is gone comes last."""
    before, after = Shape(old or {}), Shape(new)
    found = list(_journey(old or {}, new, facts)) if old else []
    for node_id, node in after.nodes.items():
        if node_id not in before.nodes:
            found.append(Difference(NEW, node_id, f"new: {words(node, facts)}"))
        else:
            found += _step(before, after, node_id, facts)
    gone = [key for key in before.nodes if key not in after.nodes]
    return found + [Difference(GONE, key, f"gone: {words(before.nodes[key], facts)}") for key in gone]


def words(node: Config, facts: Mapping[str, Fact]) -> str:
    """A step in words."""
    kind = str(node.get("kind", ""))
    return node_kinds.get(kind).words(node, facts) if kind in node_kinds else f"an unknown step {kind}"


def _journey(old: Raw, new: Raw, facts: Mapping[str, Fact]) -> Iterator[Difference]:
    if old.get("entry") != new.get("entry"):
        was, now = entry_words(old.get("entry") or {}), entry_words(new.get("entry") or {})
        told = f"begins {now}, instead of {was}" if was != now else f"begins {now}, under another condition"
        yield Difference(CHANGED, "", told)
    if old.get("exit_when") != new.get("exit_when"):
        rule = new.get("exit_when")
        yield Difference(
            CHANGED, "", f"leaves when {rule_words(rule, facts)}" if rule else "no rule of leaving any more"
        )
    if old.get("start") != new.get("start"):
        yield Difference(WAY, "", f"begins with: {words(Shape(new).nodes.get(str(new.get('start')), {}), facts)}")


def _step(before: Shape, after: Shape, node_id: str, facts: Mapping[str, Fact]) -> Iterator[Difference]:
    old, new = before.nodes[node_id], after.nodes[node_id]
    was, now = words(old, facts), words(new, facts)
    ways = {port.pointer: port.target for port in before.ports[node_id]}
    changed = [name for name in sorted({*old, *new} - _SILENT) if _bare(old, name, before) != _bare(new, name, after)]
    if changed:
        told = f"{was} becomes {now}" if was != now else f"{now}: another {_and(_label(new, name) for name in changed)}"
        yield Difference(CHANGED, node_id, told)
    for port in after.ports[node_id]:
        if port.pointer in ways and ways[port.pointer] != port.target:
            target = words(after.nodes.get(port.target, {}), facts)
            way = port_words_of(new, port)
            yield Difference(WAY, node_id, f"after {now}{'' if way == 'then' else f' ({way})'} comes {target}")


def _bare(node: Config, name: str, shape: Shape) -> object:
    """A field without the targets of ways, which are told as ways."""
    value = node.get(name)
    targets = {port.pointer for port in shape.ports[str(node["id"])]}
    if f"/{name}" in targets:
        return None
    if isinstance(value, list):
        return [
            {key: part for key, part in item.items() if f"/{name}/{place}/{key}" not in targets}
            if isinstance(item, Mapping)
            else item
            for place, item in enumerate(value)
        ]
    return value


def _label(node: Config, name: str) -> str:
    kind = str(node.get("kind", ""))
    fields = node_forms.get(kind).all_fields if kind in node_forms else ()
    return next((field.label.lower() for field in fields if field.name.split("/")[0] == name), name.replace("_", " "))


def _and(parts: Iterator[str]) -> str:
    listed = list(parts)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
