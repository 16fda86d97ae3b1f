"""Drafts of journeys over REST: read, written whole, checked, published; what is wrong is told by its place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.drafts.shape import Shape, flaws
from journeys.library import SHIPPED
from journeys.models import Journey, JourneyVersion
from journeys.services import journeys_install
from tests.rest.test_rest import Api, api_of, check_problem
from tests.shell.staff import staff
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
    assert told[f"/graph/nodes/{at}/body"] == "body is empty"
    assert told[f"/graph/nodes/{at}"] == "this node comes round again without a wait"


@pytest.mark.parametrize("way", ["GET draft", "PUT draft", "POST draft/validate", "POST draft/publish"])
def test_another_tenants_draft_is_not_there(globex: Tenant, journey: Journey, way: str) -> None:
    method, path = way.split()
    body = {"revision": 0, "live": 1, "graph": {"schema": 1}} if method != "GET" else None
    assert api_of(globex)(method, f"journeys/{journey.pk}/{path}", body).status_code == 404


# --- Journeys made by a program ------------------------------------------------------------------------------------

ROUND: dict[str, Any] = {
    "schema": 1,
    "entry": {"by": "hand"},
    "start": "one",
    "nodes": [
        {"id": "one", "kind": "task", "owner": "account_owner", "title": "Look", "next": "two"},
        {"id": "two", "kind": "task", "owner": "account_owner", "title": "Look again", "next": "end"},
        {"id": "end", "kind": "exit"},
    ],
}


def led(node_id: str, target: str) -> dict[str, Any]:
    """The graph with one way that leads elsewhere."""
    graph = copy.deepcopy(ROUND)
    next(node for node in graph["nodes"] if node["id"] == node_id)["next"] = target
    return graph


def test_a_program_makes_describes_and_publishes_a_journey(acme: Tenant, api: Api, journey: Journey) -> None:
    made = api("POST", "journeys", {"name": "Look twice", "purpose": "service", "owner": "cs", "graph": ROUND})
    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["key"], told["status"], told["live"], told["inside"]) == ("look-twice", "draft", 0, 0)
    changed = api("PATCH", f"journeys/{told['id']}", {"name": "Look", "hypothesis": {"input": "churn"}}).json()
    assert (changed["name"], changed["owner"], changed["hypothesis"]) == ("Look", "cs", {"input": "churn"})
    assert api("GET", f"journeys/{told['id']}").json() == changed
    draft = api("GET", f"journeys/{told['id']}/draft").json()
    assert draft["graph"] == ROUND
    path = f"journeys/{told['id']}/draft/publish"
    assert api("POST", path, {"revision": draft["revision"], "live": 0}).json()["version"] == 1
    with tenant_context(acme):
        actions = AuditEvent.objects.filter(object_id=told["id"]).order_by("at").values_list("action", flat=True)
        assert list(actions) == ["journey.create", "journey.settings", "journey.publish"]


def test_a_journey_begins_with_one_of_the_library_or_a_copy(acme: Tenant, api: Api, journey: Journey) -> None:
    for source in ("library:win-back", f"journey:{journey.pk}"):
        made = api("POST", "journeys", {"name": source.partition(":")[0], "source": source}).json()
        assert len(api("GET", f"journeys/{made['id']}/draft").json()["graph"]["nodes"]) > 3
        assert made["hypothesis"]["input"]
    twice = [api("POST", "journeys", {"name": "Same"}).json()["key"] for _ in range(2)]
    assert len(set(twice)) == 2


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({"graph": led("two", "gone")}, "/graph/nodes/1/next", "unknown_node"),
        ({"graph": led("two", "")}, "/graph/nodes/1/next", "leads_nowhere"),
        ({"graph": led("one", "end")}, "/graph/nodes/1", "unreachable"),
        ({"graph": {**ROUND, "start": "gone"}}, "/graph/start", "unknown_node"),
        ({"graph": {}}, "/graph/schema", "invalid"),
        ({"name": " "}, "/name", "blank"),
        ({"purpose": "luck"}, "/purpose", "invalid_choice"),
        ({"source": "library:nothing"}, "/source", "invalid"),
        ({"hypothesis": {"luck": "1"}}, "/hypothesis", "invalid"),
    ],
)
def test_a_journey_that_cannot_be_is_refused_with_place_and_code(
    acme: Tenant, api: Api, given: dict[str, Any], pointer: str, code: str
) -> None:
    answer = api("POST", "journeys", {"name": "Bad", **given})
    check_problem(answer, 400)
    assert (pointer, code) in [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
    with tenant_context(acme):
        assert not Journey.objects.filter(name="Bad").exists()


def test_a_graph_that_comes_round_is_refused_when_it_is_published_and_listed_for_people(
    acme: Tenant, api: Api, journey: Journey
) -> None:
    graph = led("two", "one")
    graph["nodes"] = graph["nodes"][:2]
    made = api("POST", "journeys", {"name": "Round", "graph": graph}).json()
    answer = api("POST", f"journeys/{made['id']}/draft/publish", {"revision": 1, "live": 0})
    check_problem(answer, 400)
    codes = {(one["pointer"], one["code"]) for one in answer.json()["errors"]}
    assert {("/graph/nodes/0", "cycle_without_wait"), ("/graph/nodes/1", "no_exit")} <= codes
    page = staff(acme, "admin").get(f"/t/acme/journeys/{made['id']}/publish/").text
    assert "comes round again without a wait" in page


def test_another_tenants_journey_is_neither_described_nor_copied(globex: Tenant, journey: Journey) -> None:
    api = api_of(globex)
    assert api("PATCH", f"journeys/{journey.pk}", {"name": "Mine"}).status_code == 404
    check_problem(api("POST", "journeys", {"name": "Copy", "source": f"journey:{journey.pk}"}), 400)


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
