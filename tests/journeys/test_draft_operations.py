"""Acts on a draft's graph: whatever is done in whatever order, no way dangles and nothing is lost unseen."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.drafts import operations as ops
from journeys.drafts.operations import OperationError
from journeys.drafts.outline import Item, outline, walk
from journeys.drafts.shape import AFTER, BEGINNING, Gap, Shape, flaws
from journeys.library import SHIPPED
from journeys.node_forms import node_forms

SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def inside(acme: Tenant) -> Iterator[None]:
    """Some steps name fields of the tenant in their words."""
    with tenant_context(acme):
        yield


BEGUN = [ops.empty_graph(lambda kind: "end"), *(shipped.graph for shipped in SHIPPED)]
OFFERED = [form.key for form in node_forms if form.offered]


def numbered() -> Callable[[str], str]:
    numbers = count(1)
    return lambda kind: f"{kind.replace('_', '-')}-n{next(numbers)}"


def gaps(graph: dict[str, Any]) -> list[Gap]:
    shape = Shape(graph)
    found = [BEGINNING]
    for node_id, ports in shape.ports.items():
        found += [Gap(node_id, port.pointer) for port in ports]
        found += [Gap(node_id, AFTER)] if len(ports) > 1 and shape.gap(Gap(node_id, AFTER)) else []
    return found


def act(graph: dict[str, Any], choose: Any, fresh: Callable[[str], str]) -> dict[str, Any]:
    """One act of any kind, with anything that it could be done to."""
    nodes = [node["id"] for node in graph["nodes"]]
    node_id, gap = choose(nodes), choose(gaps(graph))
    ports = [""] + [port.pointer for port in Shape(graph).ports[node_id]]
    doings: list[Callable[[], dict[str, Any]]] = [
        lambda: ops.insert(graph, gap, choose(OFFERED), fresh)[0],
        lambda: ops.paste(graph, node_id, gap, fresh)[0],
        lambda: ops.move(graph, node_id, gap),
        lambda: ops.lead(graph, gap, node_id),
        lambda: ops.delete(graph, node_id, choose(ports)),
        lambda: ops.arm_add(graph, node_id, fresh)[0],
        lambda: ops.arm_remove(graph, node_id, choose([0, 1, 2])),
        lambda: ops.arm_move(graph, node_id, choose([0, 1]), choose([-1, 1])),
        lambda: ops.edit(graph, node_id, {"label": "x"} if "cases" not in Shape(graph).nodes[node_id] else {}),
        lambda: ops.goal_add(graph, fresh)[0],
    ]
    done: dict[str, Any] = choose(doings)()
    return done


@settings(SETTINGS, max_examples=120)
@given(st.data())
def test_whatever_is_done_no_way_dangles_and_every_step_is_shown_once(data: st.DataObject) -> None:
    graph = copy.deepcopy(data.draw(st.sampled_from(BEGUN)))
    fresh = numbered()
    for _ in range(data.draw(st.integers(1, 12))):
        before, kinds = copy.deepcopy(graph), {node["id"]: node["kind"] for node in graph["nodes"]}
        try:
            after = act(graph, lambda options: data.draw(st.sampled_from(options)), fresh)
        except OperationError:
            after = graph
        assert graph == before, "an act never changes the graph that it was given"
        assert flaws(after) == ()
        assert all(kinds.get(node["id"], node["kind"]) == node["kind"] for node in after["nodes"]), (
            "ids stay who they are"
        )
        shape = Shape(after)
        shown = [item.node for item, _ in walk(outline(shape)) if not item.again]
        assert sorted(shown) == sorted(shape.reached)
        graph = after


@settings(SETTINGS, max_examples=60)
@given(st.data())
def test_inserting_and_deleting_gives_the_same_graph_back(data: st.DataObject) -> None:
    graph = data.draw(st.sampled_from(BEGUN))
    gap, kind = data.draw(st.sampled_from(gaps(graph))), data.draw(st.sampled_from(OFFERED))
    more, node_id = ops.insert(graph, gap, kind, numbered())
    assert ops.delete(more, node_id) == graph


@settings(SETTINGS, max_examples=60)
@given(st.data())
def test_moving_a_step_down_and_up_again_gives_the_same_graph_back(data: st.DataObject) -> None:
    graph = data.draw(st.sampled_from(BEGUN[1:]))
    shape = Shape(graph)
    led_to = [target for _, target in shape.edges()]
    # A step that ways come back to is left by them when it moves behind them.
    movable = [item for item, _ in walk(outline(shape)) if item.later and led_to.count(item.node) == 1]
    if not movable:
        return
    item = data.draw(st.sampled_from(movable))
    assert item.later is not None
    moved = ops.move(graph, item.node, item.later)
    assert flaws(moved) == ()
    back = {each.node: each for each, _ in walk(outline(Shape(moved))) if not each.again}[item.node]
    assert back.earlier is not None
    again = ops.move(moved, item.node, back.earlier)
    assert outline(Shape(again)) == outline(Shape(graph))


def drawn(items: tuple[Item, ...]) -> list[Any]:
    """The outline as nested lists of ids."""
    found: list[Any] = []
    for item in items:
        found.append(f"→{item.node}" if item.again else item.node)
        if item.arms:
            found.append([drawn(arm.items) for arm in item.arms])
    return found


def small() -> dict[str, Any]:
    """a, then b with two ways that meet at c, then the end."""
    fresh = {"task": iter(["a", "c", "d"]), "branch": iter(["b"]), "exit": iter(["end", "end2"])}

    def name(kind: str) -> str:
        return next(fresh[kind])

    graph = ops.empty_graph(name)
    graph, _ = ops.insert(graph, BEGINNING, "task", name)
    graph, _ = ops.insert(graph, Gap("a", "/next"), "branch", name)
    graph, _ = ops.insert(graph, Gap("b", AFTER), "task", name)
    graph, _ = ops.insert(graph, Gap("b", "/cases/0/next"), "task", name)
    return graph


def test_the_ways_of_a_branch_meet_below_it() -> None:
    assert drawn(outline(Shape(small()))) == ["a", "b", [["d"], []], "c", "end"]


def test_a_block_is_moved_and_copied_with_what_hangs_below_it() -> None:
    moved = ops.move(small(), "b", BEGINNING)
    assert drawn(outline(Shape(moved))) == ["b", [["d"], []], "a", "c", "end"]
    copied, _ = ops.paste(small(), "b", Gap("c", "/next"), numbered())
    assert drawn(outline(Shape(copied))) == [
        "a", "b", [["d"], []], "c", "branch-n1", [["task-n2"], []], "end",
    ]  # fmt: skip


def test_a_step_is_cut_from_one_way_and_pasted_into_another() -> None:
    assert drawn(outline(Shape(ops.move(small(), "d", Gap("b", "/else"))))) == ["a", "b", [[], ["d"]], "c", "end"]
    assert drawn(outline(Shape(ops.move(small(), "a", Gap("d", "/next"))))) == ["b", [["d", "a"], []], "c", "end"]


@pytest.mark.parametrize(
    ("doing", "words"),
    [
        (lambda g: ops.move(g, "b", Gap("d", "/next")), "into itself"),
        (lambda g: ops.move(g, "end", BEGINNING), "ends here"),
        (lambda g: ops.delete(g, "end"), "ends here"),
        (lambda g: ops.delete(g, "gone"), "no such step"),
        (lambda g: ops.insert(g, Gap("a", "/else"), "task"), "no such place"),
        (lambda g: ops.insert(g, BEGINNING, "fax"), "no such step"),
        (lambda g: ops.arm_remove(g, "b", 0), "at least 1"),
        (lambda g: ops.arm_add(g, "a"), "always the same"),
        (lambda g: ops.lead(g, BEGINNING, "c"), "cut off"),
    ],
)
def test_what_would_lose_steps_or_make_no_sense_is_refused(doing: Any, words: str) -> None:
    with pytest.raises(OperationError, match=words):
        doing(small())


def test_deleting_a_branch_says_what_goes_with_it() -> None:
    assert ops.lost_by_delete(small(), "b") == ["b", "d"]
    assert ops.lost_by_delete(small(), "b", "/cases/0/next") == ["b"]
    kept = ops.delete(small(), "b", "/cases/0/next")
    assert drawn(outline(Shape(kept))) == ["a", "d", "c", "end"]


def test_a_further_case_goes_on_where_the_others_meet() -> None:
    more, place = ops.arm_add(small(), "b")
    assert place == 1
    assert drawn(outline(Shape(more))) == ["a", "b", [["d"], [], []], "c", "end"]
    assert drawn(outline(Shape(ops.arm_remove(more, "b", 0)))) == ["a", "b", [[], []], "c", "end"]
    swapped = ops.arm_move(more, "b", 0, 1)
    assert drawn(outline(Shape(swapped))) == ["a", "b", [[], ["d"], []], "c", "end"]
