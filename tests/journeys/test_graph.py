"""A journey's graph: what may be published, how it reads, and what an edit does to it."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.registry.facts import Fact, FactKind
from journeys.graph import Graph, GraphError, load, validate
from journeys.graph_changes import Change, Fate, changes
from journeys.graph_words import sentences

FACTS = {"usage_drop_pct": Fact("usage_drop_pct", "usage drop", FactKind.NUMBER, "f.drop", "usage", "daily", "%")}
TRIGGERS = {"usage_decline"}
RULE = {"fact": "usage_drop_pct", "op": "gte", "value": 20}
TO = {"roles": ["champion", "admin"], "fallback": "task"}


def email(node_id: str, then: str | None, **fields: object) -> dict[str, Any]:
    mail = {"to": TO, "subject": "Hello", "body": "Hi", "class": "programme"}
    return {"id": node_id, "kind": "email", "next": then} | mail | fields


def wait(node_id: str, to: str | None, **rule: object) -> dict[str, Any]:
    return {"id": node_id, "kind": "wait", "rule": rule or {"days": 3}, "next": to}


def leave(node_id: str = "out") -> dict[str, Any]:
    return {"id": node_id, "kind": "exit"}


def branch(node_id: str, yes: str, no: str | None) -> dict[str, Any]:
    return {
        "id": node_id,
        "kind": "branch",
        "cases": [{"label": "low", "when": RULE, "next": yes}],
        "else": no,
    }


def journey(*nodes: dict[str, Any], **fields: object) -> dict[str, Any]:
    entry = {"trigger": "usage_decline", "reentry": {"rule": "after_days", "days": 90}}
    graph = {"schema": 1, "entry": entry, "start": nodes[0]["id"], "nodes": list(nodes)}
    return copy.deepcopy(graph | fields)


SAVE = journey(
    email("mail", "pause"),
    wait("pause", "check"),
    branch("check", "call", "out"),
    {"id": "call", "kind": "task", "title": "Call", "owner": "account_owner", "next": "out"},
    {"id": "won", "kind": "goal", "label": "Use is back", "when": {"not": RULE}},
    leave(),
)


def problems(raw: object) -> list[tuple[str, str, str]]:
    return [(p.node_id, p.pointer, p.message) for p in validate(raw, FACTS, TRIGGERS)]


def graph_of(*nodes: dict[str, Any]) -> Graph:
    return load(journey(*nodes), FACTS, TRIGGERS)


def test_a_whole_journey_is_valid() -> None:
    assert problems(SAVE) == []
    assert load(SAVE, FACTS, TRIGGERS).reachable() == ("mail", "pause", "check", "call", "out")


FLAWED_NODES = [
    (email("a", None), "/next", "this way leads nowhere; end it with an exit"),
    (email("a", "gone"), "/next", "this way leads to unknown node 'gone'"),
    (branch("a", "out", None), "/else", "a branch says where everybody else goes"),
    (
        email("a", "out", to={"roles": ["champion"]}),
        "/to/fallback",
        "say what happens when no contact has the role: any_contact, task, skip",
    ),
    (email("a", "out", to={"roles": [], "fallback": "skip"}), "/to/roles", "name at least one role"),
    ({"id": "a", "kind": "fax", "next": "out"}, "/kind", "unknown kind of node 'fax'"),
    (email("a", "out", colour="red"), "/colour", "a node of kind email has no colour"),
    (email("a", "out", late="soon"), "/late", "late must be one of skip, run_latest, run_now"),
    (email("a", "out", subject=" "), "/subject", "subject is empty"),
    (
        email("a", "out", **{"class": "spam"}),
        "/class",
        "class must be one of service, relationship, programme",
    ),
    (wait("a", "out", days=0), "/rule", "days must be a whole number from 1 to 730"),
]


@pytest.mark.parametrize(("node", "pointer", "message"), FLAWED_NODES)
def test_what_is_wrong_with_a_node_is_said_at_its_field(node: dict[str, Any], pointer: str, message: str) -> None:
    assert ("a", pointer, message) in problems(journey(node, leave()))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (journey(email("a", "out"), leave(), leave("lost")), ("lost", "", "nothing leads to this node")),
        (journey(email("a", "out"), leave(), leave()), ("out", "/id", "another node has the same id")),
        (
            journey(email("a", "out"), leave(), start="b"),
            ("", "/start", "the journey starts at unknown node 'b'"),
        ),
        (journey(leave(), schema=2), ("", "/schema", "schema must be 1")),
        (journey(leave(), nodes=[]), ("", "/nodes", "a journey has at least one node")),
        (journey(leave(), nodes=[leave()] * 201), ("", "/nodes", "a journey has at most 200 nodes")),
        (journey(leave(), entry={"trigger": "luck"}), ("", "/entry/trigger", "unknown trigger 'luck'")),
        (
            journey(leave(), entry={"trigger": "usage_decline", "reentry": {"rule": "after_days"}}),
            ("", "/entry/reentry/days", "days must be a whole number from 1 to 3650"),
        ),
        (journey(leave(), exit_when={"fact": "x", "op": "eq"}), ("", "/exit_when/fact", 'unknown fact "x"')),
        ([], ("", "", "a graph is an object")),
    ],
)
def test_what_is_wrong_is_said_at_its_place(raw: object, expected: tuple[str, str, str]) -> None:
    assert expected in problems(raw)


def test_a_missing_field_is_told_once() -> None:
    raw = journey({"id": "a", "kind": "task", "title": "Call", "next": "out"}, leave())
    assert problems(raw) == [("a", "/owner", "owner is missing")]


def test_a_broken_rule_in_a_branch_is_named_down_to_its_operator() -> None:
    raw = journey(branch("a", "out", "out"), leave())
    raw["nodes"][0]["cases"][0]["when"] = {"all": [RULE | {"op": "like"}]}
    assert problems(raw) == [("a", "/cases/0/when/all/0/op", 'unknown operator "like"')]


def test_a_cycle_needs_a_wait_and_an_exit() -> None:
    spinning = journey(email("a", "b"), branch("b", "a", "out"), leave())
    message = "this node comes round again without a wait"
    assert problems(spinning) == [("a", "", message), ("b", "", message)]
    resting = journey(email("a", "w"), wait("w", "b"), branch("b", "a", "out"), leave())
    assert problems(resting) == []
    trapped = journey(email("a", "w"), wait("w", "a"), leave())
    assert ("a", "", "no exit can be reached from this node") in problems(trapped)
    assert ("w", "", "no exit can be reached from this node") in problems(trapped)


def test_an_unpublishable_graph_cannot_be_loaded() -> None:
    with pytest.raises(GraphError, match="a/next: this way leads nowhere"):
        load(journey(email("a", None)), FACTS)


def test_following_a_port_gives_the_next_node() -> None:
    graph = load(SAVE, FACTS)
    assert graph.follow("mail") == "pause"
    assert graph.follow("check", "case:0") == "call"
    assert graph.follow("check", "else") == "out"
    with pytest.raises(KeyError, match="no way out by 'timeout'"):
        graph.follow("mail", "timeout")


def test_waiting_for_a_signal_has_a_way_for_its_timeout() -> None:
    node = {
        "id": "w",
        "kind": "wait_for",
        "signal": "milestone_reached",
        "timeout": {"days": 7},
        "next": "out",
        "on_timeout": "late",
    }
    graph = graph_of(node, leave(), leave("late"))
    assert (graph.follow("w"), graph.follow("w", "timeout")) == ("out", "late")


def test_the_journey_reads_in_sentences() -> None:
    told = [(line.depth, line.text) for line in sentences(load(SAVE, FACTS), FACTS)]
    assert told == [
        (0, "when usage decline (again after 90 days)"),
        (0, "e-mail “Hello” to the champion or admin (else a task for the owner)"),
        (0, "wait 3 days"),
        (0, "if usage drop is at least 20%"),
        (1, "low:"),
        (2, "task “Call” for the account owner"),
        (2, "leave"),
        (1, "otherwise:"),
        (2, "go on at “leave”"),
        (0, "goal “Use is back”: it is not so that usage drop is at least 20%"),
    ]


def test_an_edit_gives_every_node_a_fate() -> None:
    old = graph_of(email("a", "w"), wait("w", "b"), email("b", "c"), email("c", "out"), leave())
    new = graph_of(email("a", "w", subject="Hi"), wait("w", "c", days=5), email("c", "out"), leave())
    assert changes(old, new) == {
        "a": Change(Fate.CONTENT, "a"),
        "w": Change(Fate.TIMING, "w"),
        "b": Change(Fate.REDIRECTED, "c"),
        "c": Change(Fate.KEPT, "c"),
        "out": Change(Fate.KEPT, "out"),
    }


def test_who_has_nowhere_left_to_go_leaves() -> None:
    old = graph_of(email("a", "b"), email("b", "out"), leave())
    new = graph_of(email("z", "end"), leave("end"))
    assert set(changes(old, new).values()) == {Change(Fate.EXIT, None)}


def test_an_id_that_became_another_step_is_another_node() -> None:
    old = graph_of(email("a", "b"), wait("b", "out"), leave())
    new = graph_of(email("a", "b"), email("b", "out"), leave())
    assert changes(old, new)["b"] == Change(Fate.REDIRECTED, "out")


NAMES = [f"n{index}" for index in range(6)]


@st.composite
def any_journey(draw: st.DrawFn) -> dict[str, Any]:
    targets = st.sampled_from([*NAMES, "out"])
    nodes = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        maker = draw(st.sampled_from(["email", "wait", "branch"]))
        if maker == "branch":
            nodes.append(branch(name, draw(targets), draw(targets)))
        else:
            nodes.append((email if maker == "email" else wait)(name, draw(targets)))
    return journey(*nodes, leave())


def _ends(graph: Graph, node_id: str) -> bool:
    return any(graph.nodes[reached].is_end for reached in graph.reachable(node_id))


@given(any_journey())
def test_every_account_in_a_valid_journey_can_always_leave(raw: dict[str, Any]) -> None:
    if problems(raw):
        return
    graph = load(raw, FACTS)
    assert set(graph.reachable()) == set(graph.nodes)
    assert all(_ends(graph, node_id) for node_id in graph.nodes)


@given(any_journey())
def test_a_valid_journey_rests_within_as_many_steps_as_it_has_nodes(raw: dict[str, Any]) -> None:
    if problems(raw):
        return
    graph = load(raw, FACTS)
    for start in graph.nodes:
        front = {start}
        for _ in graph.nodes:
            moving = (n for n in front if not graph.nodes[n].kind.takes_time)
            front = {target for n in moving for target in graph.successors(n)}
        assert not {n for n in front if not graph.nodes[n].kind.takes_time}


@given(any_journey())
def test_the_sentence_view_ends_and_names_every_reachable_node(raw: dict[str, Any]) -> None:
    if problems(raw):
        return
    graph = load(raw, FACTS)
    assert {line.node_id for line in sentences(graph, FACTS)} - {""} == set(graph.nodes)


@given(any_journey())
def test_publishing_the_same_graph_again_keeps_everybody(raw: dict[str, Any]) -> None:
    if problems(raw):
        return
    graph = load(raw, FACTS)
    again = load(copy.deepcopy(raw), FACTS)
    assert changes(graph, again) == {n: Change(Fate.KEPT, n) for n in graph.nodes}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@given(st.data())
def test_whatever_is_written_into_a_field_is_answered_with_problems_not_with_a_crash(
    data: st.DataObject,
) -> None:
    raw = copy.deepcopy(SAVE)
    part = data.draw(st.sampled_from([raw, raw["entry"], raw["entry"]["reentry"], *raw["nodes"]]))
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(JSON)
    if not validate(raw, FACTS, TRIGGERS):
        assert sentences(load(raw, FACTS, TRIGGERS), FACTS)
