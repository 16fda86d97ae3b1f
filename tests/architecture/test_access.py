"""Every URL × who asks × whose it is: own, another account's, another tenant's, nobody signed in.

The list of URLs is read from the router, so a new one without a case fails here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoDbBlocker

from hub.people.models import Role
from hub.people.permissions import allowed
from tests.architecture.worlds import World, make_world
from tests.world import make_member

MARK = "zzforeignzz"


@dataclass(frozen=True)
class Case:
    """A URL: its path with parameters in braces, its name, and what its view says about who may come."""

    path: str
    name: str
    surface: str
    permission: str

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    def url(self, tenant: str, values: dict[str, str]) -> str:
        return "/" + self.path.format(**{**values, "tenant": tenant})


def urls() -> Iterator[Case]:
    yield from _walk(get_resolver(), "", "")


def _walk(resolver: URLResolver, prefix: str, space: str) -> Iterator[Case]:
    for item in resolver.url_patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(item.pattern))
        if isinstance(item, URLPattern):
            view: Any = item.callback
            yield Case(path, space + (item.name or ""), getattr(view, "surface", ""), getattr(view, "permission", ""))
        else:
            yield from _walk(item, path, f"{space}{item.namespace}:" if item.namespace else space)


CASES = list(urls())
STAFF = [case for case in CASES if case.path.startswith("t/")]
HUB = [case for case in CASES if case.path.startswith("hub/") and case.surface == "hub"]
# Everything else is reached without a tenant in its path: sign-in, probes, the event doors and the API, which have
# matrices of their own (tests/ingest, tests/rest), and links that carry a signed token.
ELSEWHERE = re.compile(r"(livez|readyz|metrics|accounts/|\^?v1/|\^?sourceConfig|\^?api/|api/|u/|calendar/|hooks/|$)")
KNOWN = {
    "playbook_id", "ready_key",
    "enrollment_id", "resource_id", "ask_id",
    "account_id", "contact_id", "signal_id", "trigger_id", "task_id", "milestone_id", "qbr_id", "block_id", "line_id",
    "candidate_id", "journey_id", "experiment_id", "message_id", "quarter", "token", "node_id", "tenant", "export_id",
    "endpoint_id", "delivery_id",
    "entitlement_id", "fx_rate_id",
    "run_id", "mapping_id", "position", "credential_id",
    "hook_endpoint_id", "hook_delivery_id", "source_object_id", "write_call_id",
    "attribute_id", "person_id", "person_event_id", "view_id", "bulk_id",
    "scorecard_id", "backtest_id", "conflict_id", "source_rule_id", "theme_key", "signal_bulk_id", "storm_id",
    "model_id",
    "topic_key", "stop_id", "template_id", "snippet_id",
    "story_id",
    "segment_id", "focus_id", "commitment_id", "choice_id", "play_id",
}  # fmt: skip
# These parameters name no object of a tenant, so there is nothing foreign to ask for.
NOT_OBJECTS = {"ready_key", "tenant", "node_id", "quarter", "token", "position"}


def test_every_url_belongs_to_a_surface_that_is_tested() -> None:
    for case in CASES:
        if case.path.startswith("t/"):
            assert case.surface == "staff", f"{case.name}: guard it with staff_page"
            assert case.permission, case.name
        elif case.path.startswith("hub/"):
            assert case.surface in ("hub", "entrance"), f"{case.name}: guard it with hub_page or hub_entrance"
        else:
            assert ELSEWHERE.match(case.path), f"{case.name} ({case.path}) has no case"
        if case.surface:
            assert set(case.parameters) <= KNOWN or case.surface == "public", f"{case.name}: {case.parameters}"


@pytest.fixture(scope="module")
def worlds(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[World, World]]:
    """Both tenants, made once and never committed; each test's own transaction lies inside and is taken back."""
    with django_db_blocker.unblock(), transaction.atomic():
        worlds = make_world("acme", "ours"), make_world("globex", MARK)
        SIGNED_IN.update({role: _signed_in(worlds[0], role) for role in Role.values})
        yield worlds
        transaction.set_rollback(True)


@pytest.fixture
def here(worlds: tuple[World, World], db: None) -> World:
    cache.clear()
    return worlds[0]


@pytest.fixture
def there(worlds: tuple[World, World], db: None) -> World:
    return worlds[1]


SIGNED_IN: dict[str, SimpleCookie] = {}
"""The cookies of a person of each role at the first tenant; what a test does to their session is taken back."""


def _signed_in(world: World, role: str) -> SimpleCookie:
    client = Client()
    client.force_login(make_member(world.tenant, role, password=None).user)
    return client.cookies


def staff(role: str) -> Client:
    client = Client()
    client.cookies = deepcopy(SIGNED_IN[role])
    return client


def contact(world: World) -> Client:
    client = Client()
    assert client.post(f"/hub/{world.tenant.slug}/enter/{world.mine['token']}/").status_code == 302
    return client


def ask(client: Client, url: str) -> dict[str, Any]:
    return {"GET": client.get(url), "POST": client.post(url, {"outcome": "arrived"})}


@pytest.mark.parametrize("case", STAFF, ids=lambda case: case.name)
def test_staff_url(case: Case, here: World, there: World) -> None:
    own = case.url("acme", here.mine)
    for role in Role.values:
        for method, response in ask(staff(role), own).items():
            where = f"{role} {method} {own}"
            if allowed(role, case.permission):
                assert response.status_code in (200, 302, 400, 405, 409, 422), f"{where}: {response.status_code}"
            else:
                assert response.status_code == 403, where
            assert MARK not in response.content.decode(), where

    everything = staff("admin")
    if set(case.parameters) - NOT_OBJECTS:
        for method, response in ask(everything, case.url("acme", there.mine)).items():
            assert response.status_code in (404, 405), f"foreign id, {method} {case.name}: {response.status_code}"
            assert MARK not in response.content.decode()
    for method, response in ask(everything, case.url("globex", there.mine)).items():
        assert response.status_code == 404, f"foreign tenant, {method} {case.name}"
        assert MARK not in response.content.decode()
    for stranger in (Client(), contact(here)):
        for method, response in ask(stranger, own).items():
            assert response.status_code == 302, f"nobody, {method} {case.name}"
            assert response.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("case", HUB, ids=lambda case: case.name)
def test_hub_url(case: Case, here: World, there: World) -> None:
    mine = contact(here)
    for method, response in ask(mine, case.url("acme", here.mine)).items():
        assert response.status_code in (200, 302, 405, 422), f"own, {method} {case.name}: {response.status_code}"
        assert MARK not in response.content.decode()
        assert "ours Other" not in response.content.decode(), "another account of the same tenant"
    if set(case.parameters) - NOT_OBJECTS:
        for values in (here.others, there.mine):
            for method, response in ask(mine, case.url("acme", values)).items():
                assert response.status_code in (404, 405), f"foreign, {method} {case.name}: {response.status_code}"
                assert MARK not in response.content.decode()
    for method, response in ask(mine, case.url("globex", there.mine)).items():
        assert response.status_code == 302, f"other tenant, {method} {case.name}"
        assert response.headers["Location"].endswith("/sign-in/")
    for stranger in (Client(), staff("admin")):
        for method, response in ask(stranger, case.url("acme", here.mine)).items():
            assert response.status_code == 302, f"nobody, {method} {case.name}"
            assert response.headers["Location"] == "/hub/acme/sign-in/"


def test_taking_a_membership_away_ends_access_with_the_next_request(here: World) -> None:
    client = staff("csm")
    assert client.get("/t/acme/").status_code == 200
    here.tenant.memberships.update(is_active=False)
    assert client.get("/t/acme/").status_code == 404


def test_the_manager_switched_off_row_level_security_still_shows_nothing(
    here: World, there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wall one removed: the ORM no longer names the tenant, PostgreSQL alone holds."""
    from django.apps import apps
    from django.db import models

    from hub.tenancy.backend.schema import tenant_field_of
    from hub.tenancy.context import tenant_context
    from hub.tenancy.managers import TenantManager

    monkeypatch.setattr(TenantManager, "get_queryset", models.Manager.get_queryset)
    asked = 0
    with tenant_context(here.tenant):
        for model in apps.get_models():
            if tenant_field_of(model):
                rows = model._default_manager.values_list("tenant_id", flat=True)
                assert set(rows) <= {here.tenant.id}, model
                asked += 1
        assert "WHERE" not in str(apps.get_model("accounts.Account")._default_manager.all().query)
    assert asked > 30
