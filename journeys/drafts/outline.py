"""A draft as nested lists: steps in their order, ways below a node with several, gaps between them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from journeys.drafts.shape import AFTER, BEGINNING, Gap, Shape
from journeys.node_kinds import Port


@dataclass(frozen=True, slots=True)
class Item:
    """A step in a list. ``again``: the way goes on at a step that is shown elsewhere. ``before`` and ``after`` are the
    gaps beside it, None where nothing can be put: behind an end, and behind a block that is also left another way.

    ``earlier`` and ``later``: the gaps to which it moves by one place, None where it cannot.
    """

    node: str
    before: Gap | None
    after: Gap | None = None
    arms: tuple[Arm, ...] = ()
    again: bool = False
    earlier: Gap | None = None
    later: Gap | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """A way out of a node with several, and the steps along it, none where it goes straight on to where ways meet."""

    port: Port
    gap: Gap
    items: tuple[Item, ...] = field(default=())


def outline(shape: Shape) -> tuple[Item, ...]:
    """The steps from the start on."""
    return _along(shape, shape.start, BEGINNING, "", frozenset(), set())


def _along(shape: Shape, node_id: str, gap: Gap, join: str, stops: frozenset[str], seen: set[str]) -> tuple[Item, ...]:
    items: list[Item] = []
    before: Gap | None = gap
    while node_id in shape.nodes and node_id != join:
        if node_id in seen or node_id in stops:
            items.append(Item(node_id, before, again=True))
            break
        seen.add(node_id)
        item, node_id = _item(shape, node_id, before, stops | {join}, seen)
        items.append(item)
        before = item.after
    return tuple(_placed(items))


def _item(shape: Shape, node_id: str, before: Gap | None, stops: frozenset[str], seen: set[str]) -> tuple[Item, str]:
    ports = shape.ports[node_id]
    if not ports:
        return Item(node_id, before), ""
    if len(ports) == 1:
        return Item(node_id, before, Gap(node_id, ports[0].pointer)), ports[0].target
    join = shape.join(node_id)
    arms = []
    for port in ports:
        gap = Gap(node_id, port.pointer)
        arms.append(Arm(port, gap, _along(shape, port.target, gap, join, stops, seen)))
    after = Gap(node_id, AFTER)
    return Item(node_id, before, after if shape.gap(after) else None, tuple(arms)), join


def _placed(items: list[Item]) -> Iterator[Item]:
    for place, item in enumerate(items):
        movable = item.after is not None and not item.again
        earlier = items[place - 1].before if movable and place > 0 else None
        later = items[place + 1].after if movable and place + 1 < len(items) else None
        yield replace(item, earlier=earlier, later=later)


def walk(items: tuple[Item, ...], depth: int = 0) -> Iterator[tuple[Item, int]]:
    """Every item with its depth, in the order in which it is read."""
    for item in items:
        yield item, depth
        for arm in item.arms:
            yield from walk(arm.items, depth + 1)
