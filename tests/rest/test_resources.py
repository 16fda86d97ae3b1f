"""Every list and row of the interface, read from its own description: one's own, and never a stranger's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.outbound.exports import writing
from hub.people.models import AuditEvent
from hub.people.services import credential_create
from hub.rest.docs import schema
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.services import task_open
from tests.architecture.worlds import World, make_world
from tests.rest.test_rest import api_of, check_problem
from tests.world import ACTOR, make_account

MARK = "zzforeignzz"
PATHS = schema()["paths"]
LISTS = sorted(
    path.removeprefix("/api/v1/")
    for path, asked in PATHS.items()
    if "{" not in path and "get" in asked and "limit" in str(asked["get"].get("parameters"))
)
ROWS = [path for path in LISTS if f"/api/v1/{path}/{{id}}" in PATHS]
NEW = {
    "tasks", "messages", "usage", "triggers", "journeys", "enrollments", "decisions", "qbrs", "advocates", "exports",
    "webhooks", "webhook-deliveries", "connections", "connection-calls",
}  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def worlds(db: None) -> tuple[World, World]:
    return make_world("acme", "ours"), make_world("globex", MARK)


def test_the_new_resources_are_described() -> None:
    assert set(ROWS) >= NEW


def test_lists_and_rows_show_ones_own_and_no_stranger(worlds: tuple[World, World]) -> None:
    mine, theirs = (api_of(world.tenant) for world in worlds)
    found = 0
    for path in LISTS:
        answer = mine("GET", path)
        assert answer.status_code == 200, path
        assert MARK not in answer.content.decode(), path
        foreign = theirs("GET", path).json()["results"]
        for row in foreign[:1] if path in ROWS else []:
            assert theirs("GET", f"{path}/{row['id']}").status_code == 200, path
            check_problem(mine("GET", f"{path}/{row['id']}"), 404)
            found += 1
    assert found >= 10


@pytest.mark.slow
def test_every_filter_of_a_list_is_understood(worlds: tuple[World, World]) -> None:
    mine = api_of(worlds[0].tenant)
    for path in LISTS:
        for parameter in PATHS[f"/api/v1/{path}"]["get"]["parameters"]:
            values = parameter["schema"].get("enum") or [
                "01900000-0000-7000-8000-000000000000",
                "2026-01-01",
                "%00",
                "x",
            ]
            for value in values:
                status = mine("GET", f"{path}?{parameter['name']}={value}").status_code
                assert status in (200, 400), f"{path}?{parameter['name']}={value}: {status}"


@pytest.mark.parametrize("rows", [1, 20])
def test_tasks_ask_as_often_for_twenty_as_for_one(acme: Tenant, rows: int) -> None:
    with tenant_context(acme):
        account = make_account()
        for number in range(rows):
            task_open(account_id=account.pk, title="Call", origin_key=f"t:{number}")
    mine = api_of(acme)
    with CaptureQueriesContext(connection) as caught:
        assert len(mine("GET", "tasks").json()["results"]) == rows
    assert len([q for q in caught.captured_queries if "work_task" in q["sql"]]) == 1


def test_another_system_opens_a_task_once(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
    mine = api_of(acme)
    body = {"account": str(account.pk), "title": "Call them", "due_at": "2026-12-01T09:00:00Z"}
    first, second = (mine("PUT", "tasks/by/crm/77", body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    with tenant_context(acme):
        assert AuditEvent.objects.filter(action="task.open").count() == 1


def test_a_program_takes_an_export(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        make_account("Northwind")
    mine = api_of(acme)
    check_problem(mine("POST", "exports", {"list": "nothing"}), 400)
    check_problem(mine("POST", "exports", {"list": "accounts", "format": "exe"}), 400)
    asked = mine("POST", "exports", {"list": "accounts", "filters": {"q": "north"}})
    assert asked.status_code == 201
    path = f"exports/{asked.json()['id']}"
    check_problem(mine("GET", f"{path}/file"), 409)
    writing.drain(acme.pk)
    assert mine("GET", path).json()["status"] == "done"
    file: Any = mine("GET", f"{path}/file")
    assert b"Northwind" in b"".join(file.streaming_content)
    assert file["Content-Disposition"].startswith("attachment")
    for ending in ("", "/file"):
        check_problem(api_of(globex)("GET", path + ending), 404)
    check_problem(api_of(globex)("POST", f"{path}/cancel"), 404)
    assert mine("POST", f"{path}/cancel").json()["status"] == "done"


def test_a_program_makes_connections_and_hears_the_secret_once(acme: Tenant, globex: Tenant) -> None:
    mine, stranger = api_of(acme), api_of(globex)
    for bad in ({"source": "nothing"}, {"source": "stripe"}, {"source": "standard"}, {}):
        check_problem(mine("POST", "connections", bad), 400)
    made = mine("POST", "connections", {"source": "standard", "options": {"source": "crm"}, "makes_accounts": True})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert f"/hooks/acme/standard/{made.json()['id']}" in made.json()["address"]
    path = f"connections/{made.json()['id']}"
    assert "whsec_" not in mine("GET", path).content.decode() + mine("GET", "connections").content.decode()
    check_problem(stranger("DELETE", path), 404)
    assert mine("DELETE", path).status_code == 204
    assert mine("GET", path).json()["revoked_at"]


def test_a_program_says_what_is_written_to_a_crm(acme: Tenant, globex: Tenant) -> None:
    mine, stranger = api_of(acme), api_of(globex)
    made = mine("POST", "connections", {"source": "hubspot", "secret": "the client secret"}).json()
    path = f"connections/{made['id']}/writing"
    assert mine("GET", path).json() == {
        "on": False, "fields_there": {}, "reason": "", "stopped_at": None, "compared_at": None, "written_at": None,
        "written": 0,
    }  # fmt: skip
    said = mine("PUT", path, {"on": False, "fields_there": {"stage": "tandem_stage"}})
    assert (said.status_code, said.json()["fields_there"]) == (200, {"stage": "tandem_stage"})
    assert mine("GET", path).json() == said.json()
    for bad in (
        {}, {"on": True}, {"on": False, "fields_there": {"stage": "name"}}, {"on": False, "fields_there": {"x": "y"}},
        {"on": False, "fields_there": {"stage": "\ud800"}}, {"on": False, "fields_there": ["stage"]},
    ):  # fmt: skip
        check_problem(mine("PUT", path, bad), 400)
    # Without a key there is nobody to write to.
    check_problem(mine("PUT", path, {"on": True, "fields_there": {"stage": "tandem_stage"}}), 409)
    assert mine("GET", path).json()["on"] is False
    check_problem(stranger("GET", path), 404)
    check_problem(stranger("PUT", path, {"on": False, "fields_there": {}}), 404)
    other = mine("POST", "connections", {"source": "stripe", "secret": "whsec_of_stripe"}).json()
    check_problem(mine("GET", f"connections/{other['id']}/writing"), 404)


def test_a_program_manages_webhooks_and_hears_the_secret_once(acme: Tenant, globex: Tenant) -> None:
    mine = api_of(acme)
    body = {"url": "https://hooks.example/in", "kinds": ["signal.recorded"]}
    for bad in ({**body, "url": "http://hooks.example"}, {**body, "kinds": ["no.such"]}, {**body, "kinds": []}, {}):
        check_problem(mine("POST", "webhooks", bad), 400)
    made = mine("POST", "webhooks", body)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    path = f"webhooks/{made.json()['id']}"
    assert "secret" not in mine("GET", path).json()
    assert "whsec_" not in mine("GET", "webhooks").content.decode()
    assert mine("PATCH", path, {"kinds": ["milestone.completed"]}).json()["kinds"] == ["milestone.completed"]
    check_problem(mine("PATCH", path, {"url": "ftp://x"}), 400)
    rotated = mine("POST", f"{path}/rotate").json()["secret"]
    assert rotated != made.json()["secret"]
    tested = mine("POST", f"{path}/test")
    assert tested.status_code == 202
    check_problem(mine("POST", f"webhook-deliveries/{tested.json()['id']}/resend"), 409)
    assert mine("POST", f"{path}/switch", {"on": False}).json()["status"] == "off"
    check_problem(mine("POST", f"{path}/test"), 409)
    stranger = api_of(globex)
    for method, ending in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test")):
        check_problem(stranger(method, path + ending, {}), 404)
    assert mine("DELETE", path).status_code == 204
    check_problem(mine("GET", path), 404)


@pytest.mark.slow
def test_every_operation_refuses_who_has_no_key_or_the_wrong_scope(acme: Tenant) -> None:
    """The matrix of the interface: nobody, a revoked key, reading without read, writing without write."""
    narrow = {
        scope: credential_create(tenant=acme, name=scope, actor=ACTOR, scopes=[scope])[1]
        for scope in ("read", "write", "ingest")
    }
    for path, asked in PATHS.items():
        address = re.sub(r"{(\w+)}", lambda match: _sample(match[1]), path)
        for method in set(asked) & {"get", "post", "put", "patch", "delete"}:
            if path == "/api/v1/schema":
                continue
            assert _status(method, address, "") == 401, f"{method} {path}"
            needed = "read" if method == "get" else "write"
            for scope, key in narrow.items():
                cache.clear()
                if scope != needed:
                    assert _status(method, address, key) == 403, f"{method} {path} with {scope}"


def _sample(name: str) -> str:
    known = {"id": "01900000-0000-7000-8000-000000000000", "currency": "EUR", "on": "2026-01-01"}
    return known.get(name, "x")


def _status(method: str, path: str, key: str) -> int:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return Client().generic(method.upper(), path, b"{}", "application/json", headers=headers).status_code
