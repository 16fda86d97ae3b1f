"""Tasks over REST: what programs do with them, and how each kind is done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from hub.work.playbooks import Content
from hub.work.services import playbook_save, task_open
from tests.rest.test_rest import Api, api_of, check_problem
from tests.world import ACTOR, make_account, make_member


@pytest.fixture
def api(acme: Tenant) -> Api:
    cache.clear()
    return api_of(acme)


@pytest.fixture
def task(acme: Tenant) -> Task:
    with tenant_context(acme):
        return task_open(account_id=make_account().pk, title="Call", origin_key="t", origin="journey")


def test_a_program_opens_a_task_with_a_playbook_and_its_own_time(acme: Tenant, api: Api) -> None:
    with tenant_context(acme):
        account = make_account()
        content = Content(("One", "Two"), "Say", (("Deck", "https://acme.example/"),), 4)
        playbook_save(playbook=None, name="Save", description="D", content=content, actor=ACTOR)
    body = {"account": str(account.pk), "title": "Call", "playbook_key": "save", "respond_hours": 2}
    made = api("PUT", "tasks/by/crm/1", body).json()
    assert (made["playbook_key"], made["playbook_version"], made["response"]) == ("save", 1, "")
    with tenant_context(acme):
        task = Task.objects.get()
        assert task.respond_by == task.created_at + timedelta(hours=2)
    said = api("GET", "playbooks/save").json()
    assert ([step["text"] for step in said["steps"]], said["links"][0]["label"]) == (["One", "Two"], "Deck")
    assert [one["key"] for one in api("GET", "playbooks").json()] == ["save"]
    assert [one["id"] for one in api("GET", "tasks?playbook=save").json()["results"]] == [made["id"]]
    check_problem(api("GET", "playbooks/nothing"), 404)


def test_a_program_hands_on_completes_judges_and_opens_again(acme: Tenant, api: Api, task: Task) -> None:
    member = make_member(acme, "csm", password=None)
    path = f"tasks/{task.pk}/act"
    assert (
        api("POST", path, {"action": "assign", "assignee": member.user.email}).json()["assignee"] == member.user.email
    )
    done = api("POST", path, {"action": "complete", "helped": "too_soon", "note": "Called"}).json()
    assert (done["status"], done["helped"], done["closed_reason"], done["response"]) == (
        *("done", "too_soon", "Called"),
        "complete",
    )
    assert api("POST", path, {"action": "judge", "helped": "yes"}).json()["helped"] == "yes"
    check_problem(api("POST", path, {"action": "complete"}), 409)
    assert api("POST", path, {"action": "reopen"}).json()["status"] == "open"
    with tenant_context(acme):
        assert AuditEvent.objects.filter(object_id=str(task.pk), actor_kind="key").count() == 4


@pytest.mark.parametrize(
    "body",
    [
        {"action": "take"},
        {"action": "snooze", "note": "x"},
        {"action": "snooze", "note": "x", "until": "2020-01-01T00:00:00Z"},
        {"action": "dismiss"},
        {"action": "assign", "assignee": "stranger@x.example"},
        {"action": "complete", "helped": "perhaps"},
        {},
    ],
)
def test_an_act_that_cannot_be_is_refused_by_its_field(api: Api, task: Task, body: dict[str, str]) -> None:
    assert check_problem(api("POST", f"tasks/{task.pk}/act", body), 400)["errors"]


def test_a_snooze_is_until_a_time_and_a_stranger_finds_nothing(globex: Tenant, api: Api, task: Task) -> None:
    until = (timezone.now() + timedelta(days=2)).isoformat()
    body = {"action": "snooze", "note": "Away", "until": until}
    check_problem(api_of(globex)("POST", f"tasks/{task.pk}/act", body), 404)
    check_problem(api_of(task.tenant, "read")("POST", f"tasks/{task.pk}/act", body), 403)
    assert api("POST", f"tasks/{task.pk}/act", body).json()["snooze_reason"] == "Away"
