"""Drafts of journeys over REST: read, written whole, checked, published; what is wrong is told by its place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.drafts.shape import Shape, flaws
from journeys.library import SHIPPED
from journeys.models import Journey, JourneyVersion
from journeys.services import journeys_install
from tests.rest.test_rest import Api, api_of, check_problem
from tests.world import ACTOR

pytestmark = pytest.mark.django_db


@pytest.fixture
def journey(acme: Tenant) -> Journey:
    cache.clear()
    with tenant_context(acme):
        journeys_install(actor=ACTOR)
        found: Journey = Journey.objects.get(key="activation")
        return found


@pytest.fixture
def api(acme: Tenant, journey: Journey) -> Api:
    return api_of(acme)


def without(graph: dict[str, Any], node_id: str, instead: str) -> dict[str, Any]:
    """The graph with another node at each way that led to the one taken away."""
    changed = copy.deepcopy(graph)
    changed["nodes"] = [node for node in changed["nodes"] if node["id"] != node_id]
    for node in changed["nodes"]:
        for name in ("next", "on_timeout", "else"):
            if node.get(name) == node_id:
                node[name] = instead
    return changed


def test_a_draft_is_read_written_checked_and_published(acme: Tenant, api: Api, journey: Journey) -> None:
    path = f"journeys/{journey.pk}/draft"
    read = api("GET", path).json()
    assert (read["revision"], read["base"], read["live"]) == (0, 1, 1)
    graph = without(read["graph"], "hand-over", "end")
    written = api("PUT", path, {"revision": 0, "graph": graph})
    assert written.status_code == 200, written.content
    revision = written.json()["revision"]
    assert written.json()["graph"] == graph
    told = api("POST", f"{path}/validate").json()
    assert [one["kind"] for one in told["differences"]] == ["way", "gone"]
    assert told["inside"] == []
    assert {finding["level"] for finding in told["findings"]} == {"figure"}
    done = api("POST", f"{path}/publish", {"revision": revision, "live": 1, "note": "shorter"})
    assert done.json() == {"version": 2, "waits_for_second_person": False, "recipients_30d": None}
    with tenant_context(acme):
        assert JourneyVersion.objects.get(journey=journey, number=2).note == "shorter"
    check_problem(api("POST", f"{path}/publish", {"revision": revision, "live": 1}), 409)
    check_problem(api("PUT", path, {"revision": 0, "graph": graph}), 409)


@pytest.mark.parametrize(
    ("spoil", "pointer", "words"),
    [
        (lambda g: g["nodes"][1].update(next="gone"), "/graph/nodes/1/next", "unknown node"),
        (lambda g: g["nodes"].append({"id": "lost", "kind": "exit"}), "/graph/nodes/9", "nothing leads"),
        (lambda g: g["nodes"][0].update(kind="fax"), "/graph/nodes/0/kind", "unknown kind"),
        (lambda g: g["nodes"][0].update(id="../x"), "/graph/nodes/0", "an id of"),
        (lambda g: g["nodes"][1].update(to=[1]), "/graph/nodes/1", "cannot be read"),
        (lambda g: g.update(entry={"reentry": [1]}), "/graph/entry", "cannot be read"),
        (lambda g: g.update(start="gone"), "/graph/start", "unknown node"),
        (lambda g: g.update(nodes=[]), "/graph/nodes", "at least one"),
    ],
)
def test_what_no_draft_can_be_is_refused_by_its_place(
    api: Api, journey: Journey, spoil: Any, pointer: str, words: str
) -> None:
    path = f"journeys/{journey.pk}/draft"
    graph = api("GET", path).json()["graph"]
    if pointer == "/graph/nodes/9":
        pointer = f"/graph/nodes/{len(graph['nodes'])}"
    spoil(graph)
    answer = api("PUT", path, {"revision": 0, "graph": graph})
    check_problem(answer, 400)
    assert [words in one["detail"] for one in answer.json()["errors"] if one["pointer"] == pointer] == [True]


def test_what_only_publishing_asks_for_is_told_then(api: Api, journey: Journey) -> None:
    path = f"journeys/{journey.pk}/draft"
    graph = api("GET", path).json()["graph"]
    # A way that comes round again without a wait, and a message without its text.
    loops = next(node for node in graph["nodes"] if node["id"] == "reached")
    loops |= {"next": "where", "body": ""}
    graph["nodes"] = [node for node in graph["nodes"] if node["id"] in Shape(graph).reached | {"activated"}]
    revision = api("PUT", path, {"revision": 0, "graph": graph}).json()["revision"]
    answer = api("POST", f"{path}/publish", {"revision": revision, "live": 1})
    check_problem(answer, 400)
    at = next(place for place, node in enumerate(graph["nodes"]) if node["id"] == "reached")
    told = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
    assert told[f"/graph/nodes/{at}/body"] == "body must be a text"
    assert told[f"/graph/nodes/{at}"] == "this node comes round again without a wait"


@pytest.mark.parametrize("way", ["GET draft", "PUT draft", "POST draft/validate", "POST draft/publish"])
def test_another_tenants_draft_is_not_there(globex: Tenant, journey: Journey, way: str) -> None:
    method, path = way.split()
    body = {"revision": 0, "live": 1, "graph": {"schema": 1}} if method != "GET" else None
    assert api_of(globex)(method, f"journeys/{journey.pk}/{path}", body).status_code == 404


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["to", "cases", "when", "rule", "signal", "timeout", "next", "else", "label", "class", "arms", "entry", "kind"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_written_is_told_or_taken_and_can_be_looked_at(
    api: Api, acme: Tenant, journey: Journey, data: st.DataObject
) -> None:
    graph: Any = copy.deepcopy(data.draw(st.sampled_from([shipped.graph for shipped in SHIPPED])))
    node = data.draw(st.sampled_from([graph, *graph["nodes"]]))
    node[data.draw(st.sampled_from(FIELDS))] = data.draw(ANYTHING)
    path = f"journeys/{journey.pk}/draft"
    cache.clear()
    revision = api("GET", path).json()["revision"]
    answer = api("PUT", path, {"revision": revision, "graph": graph})
    assert answer.status_code in (200, 400), answer.content
    with tenant_context(acme):
        assert answer.status_code == 400 or flaws(graph) == ()
    assert api("POST", f"{path}/validate").status_code == 200
