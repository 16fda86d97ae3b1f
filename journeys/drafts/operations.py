"""What can be done to a graph in the builder: each act takes a graph and gives another, and no way is left dangling.

Pure. Ids of nodes that stay are stable, since accounts stand on them. An act that would silently lose steps is refused
with an ``OperationError``, whose message is for people; deleting says beforehand what goes (``lost_by_delete``).
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from journeys.drafts.shape import START, Edge, Gap, Raw, Shape, ports_of, set_at
from journeys.graph import MAX_NODES, SCHEMA
from journeys.node_forms import Arms, node_forms
from journeys.node_kinds import node_kinds

_KEPT: Final = ("id", "kind")


class OperationError(ValueError):
    """An act that the graph does not allow, in words for people."""


def new_id(kind: str) -> str:
    """An id that no version of any journey has had."""
    return f"{kind.replace('_', '-')[:28]}-{secrets.token_hex(4)}"


def empty_graph(fresh: Callable[[str], str] = new_id) -> dict[str, Any]:
    """A journey that begins with nothing and ends at once."""
    end = fresh("exit")
    entry = {"trigger": "", "reentry": {"rule": "once"}}
    return {"schema": SCHEMA, "entry": entry, "start": end, "nodes": [{"id": end, "kind": "exit"}]}


# --- Adding -----------------------------------------------------------------------------------------------------------


def insert(raw: Raw, gap: Gap, kind: str, fresh: Callable[[str], str] = new_id) -> tuple[dict[str, Any], str]:
    """A new step of a kind in a gap; all its ways go on where the gap led. Gives its id too."""
    if kind not in node_forms or kind not in node_kinds:
        raise OperationError("there is no such step")
    graph, node = _copy(raw), {"id": fresh(kind), "kind": kind, **copy.deepcopy(dict(node_forms.get(kind).blank))}
    edges, target = _gap(Shape(graph), gap)
    for port in ports_of(node):
        set_at(node, port.pointer, target)
    graph["nodes"].append(node)
    _lead(graph, edges, node["id"])
    return _whole(graph, raw), node["id"]


def goal_add(raw: Raw, fresh: Callable[[str], str] = new_id) -> tuple[dict[str, Any], str]:
    """A new goal; no way leads to it, since it is reached from anywhere."""
    graph, node_id = _copy(raw), fresh("goal")
    graph["nodes"].append({"id": node_id, "kind": "goal", **copy.deepcopy(dict(node_forms.get("goal").blank))})
    return _whole(graph, raw), node_id


def paste(raw: Raw, node_id: str, gap: Gap, fresh: Callable[[str], str] = new_id) -> tuple[dict[str, Any], str]:
    """A copy of a block in a gap, under new ids."""
    graph, shape = _copy(raw), _with(raw, node_id)
    edges, target = _gap(Shape(graph), gap)
    inside = sorted(shape.block(node_id))
    names = {each: fresh(shape.kind(each)) for each in inside}
    leaves_to = shape.exit_of(node_id)
    for each in inside:
        node = copy.deepcopy(dict(shape.nodes[each]))
        node["id"] = names[each]
        for port in shape.ports[each]:
            set_at(node, port.pointer, names.get(port.target, target if port.target == leaves_to else port.target))
        graph["nodes"].append(node)
    _lead(graph, edges, names[node_id])
    return _whole(graph, raw), names[node_id]


# --- Changing ---------------------------------------------------------------------------------------------------------


def edit(raw: Raw, node_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A node with other fields; its id, its kind and where its ways lead stay."""
    graph, shape = _copy(raw), _with(raw, node_id)
    before = shape.nodes[node_id]
    node = {**copy.deepcopy(dict(config)), **{name: before[name] for name in _KEPT}}
    for port in shape.ports[node_id]:
        try:
            set_at(node, port.pointer, port.target)
        except (KeyError, IndexError, TypeError, ValueError):
            raise OperationError("its ways cannot be changed together with its fields") from None
    graph["nodes"] = [node if each["id"] == node_id else each for each in graph["nodes"]]
    return _whole(graph, raw)


def missing_way(raw: Raw, node_id: str, there: bool) -> dict[str, Any]:
    """A wait until a date with or without a way for accounts that lack it; a new one goes on where the step does."""
    graph = _copy(raw)
    node = next((each for each in graph["nodes"] if each["id"] == node_id), None)
    if node is None:
        raise OperationError("it is not in the draft any more")
    if there == bool(node.get("on_missing")):
        return graph
    if there:
        return _whole(_with_field(graph, node_id, node["next"]), raw)
    return _whole(_with_field(graph, node_id, None), raw)


def _with_field(graph: dict[str, Any], node_id: str, target: str | None) -> dict[str, Any]:
    def changed(node: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in node.items() if name != "on_missing"}
        return kept if target is None else kept | {"on_missing": target}

    return {**graph, "nodes": [changed(each) if each["id"] == node_id else each for each in graph["nodes"]]}


def entry_set(raw: Raw, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Another beginning."""
    return {**_copy(raw), "entry": copy.deepcopy(dict(entry))}


def exit_rule_set(raw: Raw, rule: Any) -> dict[str, Any]:
    """Another rule that takes accounts out wherever they stand; None for none."""
    graph = _copy(raw)
    graph.pop("exit_when", None)
    return graph if rule is None else {**graph, "exit_when": copy.deepcopy(rule)}


def move(raw: Raw, node_id: str, gap: Gap) -> dict[str, Any]:
    """A block in another gap. Ways that come back to it from behind still do."""
    shape = _with(raw, node_id)
    if gap.node in shape.block(node_id) and not (gap.node == node_id and _is_own_end(shape, gap)):
        raise OperationError("a step cannot be put into itself")
    if gap.node == node_id:
        return _copy(raw)
    graph = _detached(raw, shape, node_id)
    block, leaves_to = shape.block(node_id), shape.exit_of(node_id)
    edges, target = _gap(Shape(graph), gap)
    if target in block:
        raise OperationError("that way comes back to this step")
    for each in graph["nodes"]:
        if each["id"] in block:
            for port in ports_of(each):
                if port.target == leaves_to:
                    set_at(each, port.pointer, target)
    _lead(graph, [edge for edge in edges if edge.node not in block], node_id)
    return _whole(graph, raw)


def _is_own_end(shape: Shape, gap: Gap) -> bool:
    return gap.way == "after" or len(shape.ports[gap.node]) == 1


def _detached(raw: Raw, shape: Shape, node_id: str) -> dict[str, Any]:
    """The graph with everything that led to the block leading past it."""
    target, block, behind = shape.exit_of(node_id), shape.block(node_id), shape.dominated(node_id)
    if not target or target in block:
        raise OperationError("the way ends here; what ends a way cannot be moved")
    graph = _copy(raw)
    _lead(graph, [e for e, t in shape.edges() if t == node_id and e.node not in behind], target)
    return graph


def lead(raw: Raw, gap: Gap, target: str) -> dict[str, Any]:
    """A way that goes on at another step, which is how ways meet and come round again."""
    graph, shape = _copy(raw), _with(raw, target)
    if shape.kind(target) == "goal":
        raise OperationError("a goal is reached from anywhere; no way leads to it")
    edges, _ = _gap(shape, gap)
    _lead(graph, edges, target)
    return _whole(_pruned(graph, raw), raw, may_lose=_ends(shape))


# --- Taking away ------------------------------------------------------------------------------------------------------


def delete(raw: Raw, node_id: str, keep: str = "") -> dict[str, Any]:
    """A graph without a node. Of several ways ``keep`` (a port's pointer) says which stays; without it the block goes,
    and the way goes on where its ways meet."""
    graph, shape = _copy(raw), _with(raw, node_id)
    if shape.kind(node_id) == "goal" and node_id not in shape.reached:
        graph["nodes"] = [each for each in graph["nodes"] if each["id"] != node_id]
        return _whole(graph, raw, may_lose={node_id})
    target = _goes_on_at(shape, node_id, keep)
    # What is come to from where the way goes on stays: ways may come round again.
    gone = {node_id} if keep else {node_id} | shape.block(node_id) - shape.reachable(target, {node_id})
    _lead(graph, [edge for edge, to in shape.edges() if to in gone and edge.node not in gone], target)
    graph["nodes"] = [each for each in graph["nodes"] if each["id"] not in gone]
    return _pruned(graph, raw)


def lost_by_delete(raw: Raw, node_id: str, keep: str = "") -> list[str]:
    """The steps that would go with a node, itself included."""
    left = {each["id"] for each in delete(raw, node_id, keep)["nodes"]}
    return [each["id"] for each in raw["nodes"] if each["id"] not in left]


def _goes_on_at(shape: Shape, node_id: str, keep: str) -> str:
    if keep:
        target = next((port.target for port in shape.ports[node_id] if port.pointer == keep), "")
    else:
        target = shape.exit_of(node_id)
        if target in shape.block(node_id):
            target = ""
    if target == node_id:
        raise OperationError("the way that would stay comes back to this step")
    if not target and len(shape.ports[node_id]) > 1:
        raise OperationError("its ways do not meet again: say which of them stays")
    if not target:
        raise OperationError("the way ends here; let the way before it go on at another step instead")
    return target


# --- Ways of a node with several --------------------------------------------------------------------------------------


def arm_add(raw: Raw, node_id: str, fresh: Callable[[str], str] = new_id) -> tuple[dict[str, Any], int]:
    """A further way out, which goes on where the others meet, else ends; gives its place."""
    graph, shape, arms = _copy(raw), _with(raw, node_id), arms_of(raw, node_id)
    node = _node(graph, node_id)
    listed = node.setdefault(arms.name, [])
    if len(listed) >= arms.most:
        raise OperationError(f"at most {arms.most} of them")
    target = shape.join(node_id)
    if not target:
        target = fresh("exit")
        graph["nodes"].append({"id": target, "kind": "exit"})
    listed.append({**copy.deepcopy(dict(arms.blank)), arms.target: target})
    return _whole(graph, raw), len(listed) - 1


def arm_remove(raw: Raw, node_id: str, place: int) -> dict[str, Any]:
    """Without one of the ways, and without what only it led to."""
    graph, arms = _copy(raw), arms_of(raw, node_id)
    listed = _arms(graph, node_id, arms, place)
    if len(listed) <= arms.least:
        raise OperationError(f"at least {arms.least} of them; delete the whole step instead")
    del listed[place]
    return _pruned(graph, raw)


def arm_move(raw: Raw, node_id: str, place: int, by: int) -> dict[str, Any]:
    """One of the ways earlier or later in the order in which they are asked."""
    graph, arms = _copy(raw), arms_of(raw, node_id)
    listed = _arms(graph, node_id, arms, place)
    if not 0 <= place + by < len(listed):
        raise OperationError("it is at the end already")
    listed.insert(place + by, listed.pop(place))
    return _whole(graph, raw)


def arm_edit(raw: Raw, node_id: str, place: int, config: Mapping[str, Any]) -> dict[str, Any]:
    """One of the ways with other fields; where it leads stays."""
    graph, arms = _copy(raw), arms_of(raw, node_id)
    listed = _arms(graph, node_id, arms, place)
    listed[place] = {**copy.deepcopy(dict(config)), arms.target: listed[place].get(arms.target)}
    return _whole(graph, raw)


def arms_of(raw: Raw, node_id: str) -> Arms:
    """How the ways of a node can be added to; raises OperationError where they cannot."""
    kind = _with(raw, node_id).kind(node_id)
    arms = node_forms.get(kind).arms if kind in node_forms else None
    if arms is None:
        raise OperationError("the ways of this step are always the same")
    return arms


def _arms(graph: dict[str, Any], node_id: str, arms: Arms, place: int) -> list[Any]:
    listed: list[Any] = _node(graph, node_id).get(arms.name) or []
    if not 0 <= place < len(listed):
        raise OperationError("there is no such way")
    return listed


# --- Shared -----------------------------------------------------------------------------------------------------------


def _copy(raw: Raw) -> dict[str, Any]:
    return copy.deepcopy(dict(raw))


def _node(graph: dict[str, Any], node_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in graph["nodes"] if each["id"] == node_id)
    return found


def _with(raw: Raw, node_id: str) -> Shape:
    shape = Shape(raw)
    if node_id not in shape.nodes:
        raise OperationError("there is no such step any more")
    return shape


def _gap(shape: Shape, gap: Gap) -> tuple[list[Edge], str]:
    found = shape.gap(gap)
    if found is None:
        raise OperationError("there is no such place any more")
    return found


def _lead(graph: dict[str, Any], edges: Collection[Edge], target: str) -> None:
    for edge in edges:
        if edge.pointer == START and not edge.node:
            graph["start"] = target
        else:
            set_at(_node(graph, edge.node), edge.pointer, target)


def _ends(shape: Shape) -> set[str]:
    return {node_id for node_id, ports in shape.ports.items() if not ports and shape.kind(node_id) != "goal"}


def _loose(graph: Raw) -> set[str]:
    """What nothing leads to; a goal needs nothing."""
    shape = Shape(graph)
    return {key for key in shape.nodes if key not in shape.reached and shape.kind(key) != "goal"}


def _pruned(graph: dict[str, Any], before: Raw) -> dict[str, Any]:
    """The graph without what nothing leads to any more."""
    loose = _loose(graph) - _loose(before)
    graph["nodes"] = [each for each in graph["nodes"] if each["id"] not in loose]
    return graph


def _whole(graph: dict[str, Any], before: Raw, may_lose: Collection[str] = ()) -> dict[str, Any]:
    """The graph, unless it has lost something on the way or grown too large."""
    left = {each["id"] for each in graph["nodes"]} - (_loose(graph) - _loose(before))
    lost = {each["id"] for each in before["nodes"]} - left - set(may_lose)
    if lost:
        raise OperationError("steps behind it would be cut off; delete or move them first")
    if len(graph["nodes"]) > MAX_NODES:
        raise OperationError(f"a journey has at most {MAX_NODES} steps")
    return graph
